"""Carries out what the sequencer decides on, one effect at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from hub.core.errors import ComandaError
from hub.relay.backoff import Backoff
from hub.relay.broadcaster import Broadcaster
from hub.relay.catch_up import CatchUp
from hub.relay.effects import Deliver, DeliverBatch, Effect, ReadMissed, ReadViews, RoomsRestarted
from hub.relay.sequencer import Sequencer

logger = structlog.get_logger(__name__)

MAX_BURST_BYTES = 131_072  # of bodies, before the transports get a chance to send them
MAX_TURN_S = 0.002  # the longest that deliveries keep the loop to themselves


class EffectLoop:
    """Runs while the sequencer has work; only one effect is under way at any time.

    Args:
        spawn: Starts a task that the relay owns.
        restarted: Called when rooms have been reset.
    """

    def __init__(
        self,
        sequencer: Sequencer,
        broadcaster: Broadcaster,
        catch_up: CatchUp,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        restarted: Callable[[], None],
    ) -> None:
        self._sequencer = sequencer
        self._broadcaster = broadcaster
        self._catch_up = catch_up
        self._spawn = spawn
        self._restarted = restarted
        self._task: asyncio.Task[None] | None = None
        self._burst_bytes = 0
        self._turn_ends = 0.0

    @property
    def is_running(self) -> bool:
        """Effects are being carried out."""
        return self._task is not None

    def start(self) -> None:
        """Carry out what there is to do, unless that is under way."""
        if self._task is None and self._sequencer.has_work:
            self._task = self._spawn(self._run())

    async def wait_idle(self) -> None:
        """Return when there is nothing left to do."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        backoff = Backoff()
        self._start_turn()
        try:
            while (effect := self._sequencer.next_effect()) is not None:
                try:
                    await self._carry_out(effect)
                    backoff.reset()
                except ComandaError as error:
                    logger.debug("relay.read_failed", code=error.code)
                    if not error.retryable:
                        self._sequencer.unreadable()
                    await backoff.sleep()
                except Exception:
                    logger.exception("relay.effect_failed")
                    self._sequencer.unreadable()
                    await backoff.sleep()
        finally:
            self._task = None

    async def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Deliver(room, frame):
                await self._broadcaster.broadcast_in_slices(room, frame)
                await self._give_way(frame.size)
            case DeliverBatch(room, batch):
                await self._broadcaster.broadcast_batch(room, batch)
                await self._give_way(sum(frame.size for frame in batch.frames))
            case ReadMissed(epoch=epoch):
                self._sequencer.filled(await self._catch_up.read_missed(effect), epoch)
            case ReadViews():
                resets = await self._catch_up.read_views(effect)
                self._sequencer.reset(resets)
                logger.info("relay.rooms_reset", rooms=len(resets), offset=max(reset.offset for reset in resets))
            case RoomsRestarted():
                self._restarted()

    async def _give_way(self, delivered_bytes: int) -> None:
        """Let others have the loop when deliveries have had it long enough."""
        self._burst_bytes += delivered_bytes
        if self._burst_bytes > MAX_BURST_BYTES or asyncio.get_running_loop().time() > self._turn_ends:
            await asyncio.sleep(0)
            self._start_turn()

    def _start_turn(self) -> None:
        self._burst_bytes = 0
        self._turn_ends = asyncio.get_running_loop().time() + MAX_TURN_S
