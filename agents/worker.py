"""A worker: takes turns, a few at a time, keeps their leases, hears who wants to stop, and leaves in order."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import structlog

from agents import failures
from agents.bounds import Bounds
from agents.ceiling import Ceiling
from agents.deltas import Traffic
from agents.turn import Report, TurnRun, fail
from hub.domain.chat import TurnState
from hub.domain.errors import ComandaError, Conflict, Unavailable
from hub.services.turns import read_turn, skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.chain import Model
    from agents.language import Lang
    from hub.config import Limits
    from hub.eventlog.turns import Taken, TurnQueue
    from hub.services.build import Services

logger = structlog.get_logger(__name__)

_BACKOFF_S = (0.1, 5.0)
_LOOK_S = 0.5  # how often turns are looked for whose lease ran out
# A turn that nobody gets as far as to begin counts no attempts; after so many deliveries it is not handed on again.
MAX_DELIVERIES = 5


class Worker:
    """Runs until told to stop.

    Args:
        name: Unique among the workers; a worker that starts again is another one.
        at_once: How many turns it answers side by side.
        block_s: How long one wait for a turn may last; also the longest it takes to notice `stop`.
        renew_s: How often leases are renewed; well below the queue's lease.
        grace_s: How long turns may go on after `stop` before they are given back.
    """

    def __init__(
        self,
        services: Services,
        queue: TurnQueue,
        models: Sequence[Model],
        *,
        name: str,
        limits: Limits,
        lang: Lang = "es",
        at_once: int = 64,
        block_s: float = 1.0,
        renew_s: float = 1.5,
        grace_s: float = 4.0,
        bounds: Bounds | None = None,
    ) -> None:
        self.name = name
        self._services = services
        self._queue = queue
        self._models = models
        self._ceiling = Ceiling(services)
        self._limits = limits
        self._lang: Lang = lang
        self._block_s = block_s
        self._renew_s = renew_s
        self._grace_s = grace_s
        self._bounds = bounds or Bounds()
        self._traffic = Traffic()
        self._slots = asyncio.Semaphore(at_once)
        self._stopping = asyncio.Event()
        self._running: dict[str, tuple[TurnRun, Taken]] = {}
        self._look_at = 0.0
        self._in_hand: set[str] = set()  # those that are running, and those that are about to
        self._tasks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Take no more turns; finish those in hand, or give them back."""
        self._stopping.set()

    async def run(self) -> None:
        """Take turns until stopped. Cancelled, it drops everything: leases run out, other workers go on."""
        await self._open()
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._hear_stops()), group.create_task(self._keep_leases())]
            taking = group.create_task(self._take_turns(group))
            await self._stopping.wait()
            await self._wind_up()  # at once, though the last wait for a turn may not be over
            await taking
            for task in beside:
                task.cancel()
        try:
            await self._queue.leave(self.name)
        except ComandaError:
            logger.warning("agent.left_without_goodbye", worker=self.name)

    # Taking

    async def _take_turns(self, group: asyncio.TaskGroup) -> None:
        wait_s = _BACKOFF_S[0]
        while await self._slot():
            try:
                taken = await self._next()
                wait_s = _BACKOFF_S[0]
            except ComandaError:
                self._slots.release()
                logger.warning("agent.queue_out_of_reach", retry_in_s=wait_s)
                await self._pause(wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_S[1])
                continue
            if taken is not None and self._stopping.is_set():
                await self._give_back(taken)  # it came in the last moment: nothing of it has been said
                taken = None
            if taken is None or taken.turn_id in self._in_hand:
                self._slots.release()
                continue
            self._in_hand.add(taken.turn_id)  # before anything is waited for: it might be claimed again meanwhile
            task = group.create_task(self._one(taken), name=f"turn-{taken.turn_id}")
            self._tasks.add(task)
            task.add_done_callback(self._let_go)

    async def _next(self) -> Taken | None:
        """A turn that lost its worker, else the next one that was asked. The former are looked for now and then:
        a question should not wait for that."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + min(_LOOK_S, self._renew_s)
            if taken := await self._queue.reclaim(self.name):
                self._look_at = 0.0  # where one worker died, more turns may be left
                return taken
        return await self._queue.take(self.name, self._block_s)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()

    async def _slot(self) -> bool:
        """Wait for room for one more turn; False once stopping."""
        slot = asyncio.ensure_future(self._slots.acquire())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([slot, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not slot.done():
                slot.cancel()
        if not self._stopping.is_set():
            return True
        if slot.done() and not slot.cancelled():
            self._slots.release()
        return False

    async def _one(self, taken: Taken) -> None:
        try:
            report = await self._answered(taken)
        except asyncio.CancelledError:
            if self._stopping.is_set():
                await self._give_back(taken)
            raise
        except Exception:
            # Left as it is: its lease runs out, and somebody tries again.
            logger.exception("agent.turn_broke", turn_id=taken.turn_id, chat_id=taken.chat_id)
            return
        finally:
            self._running.pop(taken.turn_id, None)
            self._in_hand.discard(taken.turn_id)
        if report is not None:
            logger.info(
                "agent.turn",
                turn_id=taken.turn_id,
                chat_id=taken.chat_id,
                attempt=report.attempt,
                ending=report.ended,
                **({"code": report.code} if report.code else {}),
                **(report.usage.model_dump(exclude_none=True) if report.usage else {}),
            )

    async def _answered(self, taken: Taken) -> Report | None:
        if taken.deliveries > MAX_DELIVERIES:
            return await self._given_up(taken)
        both = await read_turn(self._services.log, taken.turn_id)
        if both is None or both.turn.over:
            await self._queue.finish(taken)
            return None
        if not isinstance(both.turn.state, TurnState):
            # Only a newer worker knows this state. When the lease has run out, one may take the turn.
            logger.warning("agent.turn_state_unknown", turn_id=taken.turn_id, chat_id=taken.chat_id)
            return None
        run = TurnRun(
            self._services,
            await self._ceiling.allowed(self._models),
            both,
            worker=self.name,
            limits=self._limits,
            otherwise=self._lang,
            bounds=self._bounds,
            traffic=self._traffic,
        )
        self._running[taken.turn_id] = (run, taken)
        report = await run.run()
        if report.ended != "lost" or await self._is_over(taken):
            await self._queue.finish(taken)
        return report

    async def _is_over(self, taken: Taken) -> bool:
        """Whether somebody else has ended the turn: a stop, or a person who took over."""
        both = await read_turn(self._services.log, taken.turn_id)
        return both is None or both.turn.over

    async def _given_up(self, taken: Taken) -> Report | None:
        """End a turn that broke every attempt; one that cannot even be ended goes out of the queue as it is."""
        logger.error("agent.turn_given_up", turn_id=taken.turn_id, chat_id=taken.chat_id, deliveries=taken.deliveries)
        report = None
        for end in (self._fail, self._skip):
            try:
                report = await end(taken)
                break
            except (Conflict, Unavailable):
                raise  # for a while; there will be another delivery
            except Exception:
                logger.exception("agent.turn_not_ended", turn_id=taken.turn_id, chat_id=taken.chat_id)
        if report is None or report.ended != "lost":
            await self._queue.finish(taken)
        return report

    async def _fail(self, taken: Taken) -> Report | None:
        both = await read_turn(self._services.log, taken.turn_id)
        if both is None or both.turn.over:
            return None
        return await fail(self._services, both, "internal", worker=self.name, limits=self._limits, otherwise=self._lang)

    async def _skip(self, taken: Taken) -> Report | None:
        error = failures.told("internal", self._lang)
        skipped = await skip(self._services.log, taken, error, self._services.clock(), self._limits)
        return Report("failed", code="internal") if skipped else None

    # Beside

    async def _hear_stops(self) -> None:
        async with aclosing(self._queue.stops()) as stops:
            async for stop in stops:
                if stop is None:
                    await self._check_stops()
                elif stop.turn_id in self._running:
                    self._running[stop.turn_id][0].stop(stop.by)

    async def _check_stops(self) -> None:
        for turn_id, (run, _) in list(self._running.items()):
            try:
                if by := await self._queue.stop_requested(turn_id):
                    run.stop(by)
            except Unavailable:
                return

    async def _keep_leases(self) -> None:
        while True:
            with suppress(ComandaError):  # told by whoever takes turns
                await self._queue.attend(self.name)
            await asyncio.sleep(self._renew_s)
            for run, taken in list(self._running.values()):
                try:
                    if not await self._queue.renew(self.name, taken):
                        run.lose()
                except ComandaError:
                    logger.warning("agent.lease_not_renewed", turn_id=taken.turn_id)
            await self._check_stops()  # should the channel have gone deaf

    # Leaving

    async def _wind_up(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._grace_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def _give_back(self, taken: Taken) -> None:
        try:
            await self._queue.give_back(self.name, taken)
            logger.info("agent.turn_given_back", turn_id=taken.turn_id, chat_id=taken.chat_id)
        except ComandaError:
            logger.warning("agent.turn_not_given_back", turn_id=taken.turn_id)

    async def _open(self) -> None:
        wait_s = _BACKOFF_S[0]
        while not self._stopping.is_set():
            try:
                return await self._queue.open()
            except ComandaError:
                logger.warning("agent.queue_out_of_reach", retry_in_s=wait_s)
            await self._pause(wait_s)
            wait_s = min(wait_s * 2, _BACKOFF_S[1])

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
