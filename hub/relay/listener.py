"""The connection that listens: it subscribes, notices when it hears nothing, and compares with the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import structlog
from redis.exceptions import RedisError

from hub.core.errors import ComandaError, Unavailable
from hub.relay.backoff import Backoff
from hub.relay.channels import Channels
from hub.relay.effect_loop import EffectLoop
from hub.relay.outage import OutageLog
from hub.relay.sequencer import Sequencer
from hub.store.redis.pubsub import PubSub

if TYPE_CHECKING:
    from hub.store.log import EventLog
    from hub.store.redis.pubsub_protocol import Listener

logger = structlog.get_logger(__name__)

_MAX_PAUSE_S = 0.25  # between attempts to connect: a server that was promoted is to be found soon
_ROUND_S = 1.0  # at most so often the log is asked for its position; repeats are common while many join


class LogListener:
    """Keeps one pub/sub connection to the log's Redis, through every outage.

    Args:
        poll_s: How often rooms are compared with the heads of their streams: a room's last message, lost, leaves no gap
            to see.
        deadline_s: For an answer on the connection.
        linger_s: How long a room is listened to after its last member left.
        disconnected: Called when the connection has broken.

    Attributes:
        live: Set while everything published is heard, and delivered.
        found_by_poll, resubscriptions: Counts since the beginning.
    """

    def __init__(
        self,
        log: EventLog,
        pubsub: PubSub,
        channels: Channels,
        sequencer: Sequencer,
        effects: EffectLoop,
        *,
        poll_s: float,
        deadline_s: float,
        linger_s: float,
        disconnected: Callable[[], None],
    ) -> None:
        self.live = asyncio.Event()
        self.found_by_poll = 0
        self.resubscriptions = 0
        self._log = log
        self._pubsub = pubsub
        self._channels = channels
        self._sequencer = sequencer
        self._effects = effects
        self._poll_s = poll_s
        self._deadline_s = deadline_s
        self._linger_s = linger_s
        self._disconnected = disconnected
        self._repeats_checked = 0
        self._is_poll_answered = True

    async def run(self, handler: Listener) -> None:
        """Listen until cancelled, and connect again after each outage.

        Args:
            handler: Called with all that is heard.
        """
        backoff, outages = Backoff(_MAX_PAUSE_S), OutageLog()
        while True:
            try:
                await _in_own_task(self._session(handler))
            except* Exception as failure:
                if self.live.is_set():
                    backoff.reset()
                    outages.ended()
                    self.resubscriptions += 1
                outages.failed(failure)
            self.live.clear()
            self._sequencer.disconnected()
            self._channels.lose_all()
            self._disconnected()
            await backoff.sleep()

    async def confirm_heard(self) -> None:
        """Return when everything published before the call has been heard.

        Raises:
            Unavailable: Nothing is heard just now.
        """
        try:
            await self._pubsub.ping()
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable("live events are not available just now", retry_after_s=1) from error

    async def _session(self, handler: Listener) -> None:
        """Keep one connection, from subscribing to the moment it breaks."""
        self._channels.want_all()
        try:
            await self._pubsub.connect(handler)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pubsub.wait_lost())
                tasks.create_task(self._keep_pinging())
                tasks.create_task(self._keep_subscribing())
                tasks.create_task(self._follow())
        finally:
            await self._pubsub.close()

    async def _keep_pinging(self) -> None:
        while True:
            await asyncio.sleep(self._deadline_s / 2)
            await self._pubsub.ping()

    async def _keep_subscribing(self) -> None:
        while True:
            await self._pubsub.subscribe(await self._channels.next_wanted())

    async def _follow(self) -> None:
        """Catch up with what was missed while nobody listened; then compare now and then."""
        await self._log.position()  # if the log has lost its tail, that must be known before anything is added to it
        await self._channels.all_confirmed()
        await self._compare()
        self._sequencer.reconnected()
        self._effects.start()
        await self._effects.wait_idle()
        self.live.set()
        logger.info("relay.live", rooms=len(self._channels))
        loop = asyncio.get_running_loop()
        compared_at = loop.time()
        while True:
            await asyncio.sleep(min(_ROUND_S, self._poll_s))
            if idle := self._channels.take_idle(self._linger_s):
                await self._pubsub.unsubscribe(idle)
            is_due = loop.time() - compared_at >= self._poll_s
            if is_due or self._sequencer.repeats_dropped != self._repeats_checked:
                # A repeat is a sign, too, that the log may have lost its tail.
                self._repeats_checked = self._sequencer.repeats_dropped
                await self._poll(compare=is_due)
                compared_at = loop.time() if is_due else compared_at

    async def _poll(self, *, compare: bool) -> None:
        """Look for rooms that have moved on unheard, and for a log that has lost its tail."""
        try:
            if compare and not self._effects.is_running:
                self.found_by_poll += await self._compare()
                self._effects.start()
            else:
                await self._log.position()
            self._is_poll_answered = True
        except ComandaError as error:
            if self._is_poll_answered:
                logger.warning("relay.poll_failed", code=error.code)
            self._is_poll_answered = False

    async def _compare(self) -> int:
        """Have the rooms catch up that are behind their streams' heads; return their number."""
        rooms = [room for room in self._sequencer.rooms.values() if room.epoch is not None and room.subscriptions]
        at, heads = await self._log.heads([room.name for room in rooms])
        ahead = [
            (room, head) for room, head in zip(rooms, heads, strict=True) if head > room.head or at.epoch != room.epoch
        ]
        if not ahead:
            return 0
        await self._pubsub.ping()  # what is on its way here is not lost: a pong comes after it
        return sum(self._sequencer.head_seen(room.name, at.epoch, head) for room, head in ahead)


async def _in_own_task(work: Coroutine[Any, Any, None]) -> None:
    """Await this in a task of its own.

    A task group that fails at the moment in which its task is cancelled raises the failure alone (Python 3.11 and
    3.12): whoever goes on after a failure would not learn that it was cancelled.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    task.result()
