"""The pub/sub channels of the rooms that have members here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from hub.core.errors import Unavailable
from hub.relay.room_state import RoomState
from hub.relay.sequencer import Sequencer
from hub.store.redis.answer_deadline import answer_timeout

T = TypeVar("T")


class Channel:
    """One room's channel.

    Attributes:
        confirmed: Done while Redis has us subscribed.
        empty_since: The loop's time at which the last member left.
    """

    __slots__ = ("confirmed", "empty_since", "name", "room")

    def __init__(self, room: RoomState, name: str) -> None:
        self.room = room
        self.name = name
        self.empty_since = 0.0
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def confirm(self) -> None:
        """Record that Redis has us subscribed."""
        if not self.confirmed.done():
            self.confirmed.set_result(None)

    def lose(self) -> None:
        """Record that Redis does not have us subscribed any more."""
        if self.confirmed.done():
            self.confirmed = asyncio.get_running_loop().create_future()

    def emptied(self) -> None:
        """Record that a member has left, perhaps the last one."""
        if not self.room.subscriptions:
            self.empty_since = asyncio.get_running_loop().time()


class Channels:
    """Channels by room and by name; those that are wanted wait for the connection to subscribe to them.

    Args:
        name_of: Returns the name of a room's channel.
        deadline_s: For the confirmation of a subscription.

    Attributes:
        by_name: The channels, by the name with which messages arrive.
    """

    def __init__(self, sequencer: Sequencer, name_of: Callable[[str], str], deadline_s: float) -> None:
        self.by_name: dict[bytes, Channel] = {}
        self._by_room: dict[str, Channel] = {}
        self._sequencer = sequencer
        self._name_of = name_of
        self._deadline_s = deadline_s
        self._wanted: list[Channel] = []
        self._want = asyncio.Event()

    def __len__(self) -> int:
        return len(self._by_room)

    def open(self, room: str) -> RoomState:
        """Return a room's state; have its channel subscribed to, if it is not yet."""
        channel = self._by_room.get(room)
        if channel is None:
            channel = self._by_room[room] = Channel(self._sequencer.open(room), self._name_of(room))
            self.by_name[channel.name.encode()] = channel
            self._wanted.append(channel)
            self._want.set()
        return channel.room

    def left(self, room: str) -> None:
        """Record that a member has left a room."""
        channel = self._by_room.get(room)
        if channel is not None:
            channel.emptied()

    async def read_subscribed(self, rooms: Iterable[str], read: Callable[[], Awaitable[T]]) -> T:
        """Read something while subscribed to some rooms: what is published after it will be heard.

        Raises:
            Unavailable: There is no subscription just now.
        """
        channels = [self._by_room[room] for room in rooms]
        while True:
            confirmed = [channel.confirmed for channel in channels]
            await self._wait(confirmed)
            result = await read()
            if all(channel.confirmed is known for channel, known in zip(channels, confirmed, strict=True)):
                return result

    async def _wait(self, confirmed: Sequence[asyncio.Future[None]]) -> None:
        missing = [future for future in confirmed if not future.done()]
        if not missing:
            return
        try:
            async with answer_timeout(self._deadline_s):
                await asyncio.wait(missing)  # cancels none of them: others wait for them as well
        except TimeoutError:
            raise Unavailable("live events are not available just now", retry_after_s=1) from None

    # For the connection

    async def next_wanted(self) -> list[str]:
        """Wait for channels to subscribe to; those wanted in one turn of the loop come together."""
        await self._want.wait()
        self._want.clear()
        wanted, self._wanted = self._wanted, []
        return [channel.name for channel in wanted]

    def want_all(self) -> None:
        """Have every room with members subscribed to, on a new connection; forget the others."""
        for channel in [channel for channel in self._by_room.values() if not channel.room.subscriptions]:
            self._forget(channel)
        self._wanted = list(self._by_room.values())
        self._want.set()

    async def all_confirmed(self) -> None:
        """Wait until Redis has confirmed the subscriptions to all channels known now.

        Raises:
            TimeoutError: It has not in time.
        """
        waiting = [channel.confirmed for channel in self._by_room.values()]
        async with answer_timeout(self._deadline_s + len(waiting) / 1_000):
            for confirmed in waiting:
                await asyncio.shield(confirmed)

    def lose_all(self) -> None:
        """Record that the connection is gone, and all subscriptions with it."""
        for channel in self._by_room.values():
            channel.lose()

    def take_idle(self, linger_s: float) -> list[str]:
        """Forget the rooms that have had no members for some time; return their channels."""
        before = asyncio.get_running_loop().time() - linger_s
        # One not confirmed yet stays: the confirmation still to come must not pass for that of a new one.
        idle = [
            channel
            for channel in self._by_room.values()
            if not channel.room.subscriptions and channel.confirmed.done() and channel.empty_since <= before
        ]
        for channel in idle:
            self._forget(channel)
        return [channel.name for channel in idle]

    def _forget(self, channel: Channel) -> None:
        del self._by_room[channel.room.name]
        del self.by_name[channel.name.encode()]
        self._sequencer.close(channel.room.name)
