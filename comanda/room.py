"""One room, read without a gap and without a repeat, however often the line breaks."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any, Self

from comanda.errors import Refused
from comanda.link import Data, Link
from comanda.patience import repeated
from comanda.room_log import RoomLog, read_up_to
from comanda.shapes import Event


class Room:
    """A room's state, and an iterator over its events that ends only with the client.

    Whatever happened while the line was down follows when it is back. If the hub no longer has it, an event
    `room.reset` comes instead, with the room's new state in `data["snapshot"]`. The same event comes first when `after`
    could not be honoured. At most `max_waiting` events wait for a slow program. Past that, volatile events are dropped,
    and the room is read on from there when the program has caught up.

    Attributes:
        name: The room's name, like `order:PED7K3Q9X`.
        snapshot: The room's state as of the join, or of the last `room.reset` that was read.
        history: The recent past, where the join brought one: what had happened before `snapshot`.
        cursor: The place behind the last event that was read. A program that keeps it goes on from there with `after`.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        *,
        token: str | None,
        after: str | None,
        only: Collection[str] | None,
        max_waiting: int,
        timeout_s: float | None,
        on_retry: Callable[[], None],
    ) -> None:
        self.name = name
        self.snapshot: dict[str, Any] = {}
        self.history: list[Event] = []
        self.cursor = after
        self._link = link
        self._token = token
        self._only = only
        self._max_waiting = max_waiting
        self._timeout_s = math.inf if timeout_s is None else timeout_s
        self._on_retry = on_retry
        self._waiting: deque[tuple[Event, str | None]] = deque()
        self._log = RoomLog() if after is None else read_up_to(after)
        self._is_new = after is None
        self._is_live = False  # every further event of the room comes in
        self._has_joined_now = False  # and none has come in yet
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._link.add(self.name, self)
        try:
            await self._join(self._timeout_s)
        except BaseException:
            await self._link.remove(self.name)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.remove(self.name)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event.

        Raises:
            Refused: This token may not read the room any more.
        """
        while not self._waiting:
            try:
                if self._is_live:
                    await self._changed.wait()
                else:
                    await self._join(math.inf)
            except Refused as refused:
                if refused.code == "closed":
                    raise StopAsyncIteration from None
                raise
            self._changed.clear()
        event, cursor = self._waiting.popleft()
        if event["type"] == "room.reset":
            self.snapshot = event["data"]["snapshot"]
        self.cursor = cursor or self.cursor
        return event

    def offer(self, event: Event, cursor: str | None) -> bool:
        """Take an event that arrived; False if the room must be left, because too many wait."""
        if not self._is_live:
            return True  # it is not missed: the next join brings it
        if event["type"] == "room.reset":
            self._log = read_up_to(event["data"]["cursor"])
            self._put(event)
            return True
        verdict = self._log.judge(event, cursor)
        if verdict == "gap" and (self._has_joined_now or self._only is not None):
            verdict = "next"  # what a join has not closed is a gap of the hub's own log, or of the filter
        self._has_joined_now = False
        if verdict == "repeat":
            return True
        is_full = len(self._waiting) >= self._max_waiting
        if verdict == "volatile":
            if not is_full:
                self._put(event)
            return True
        if is_full or verdict == "gap":
            self.lost()
            return False
        self._log = self._log.after(event)
        self._put(event)
        return True

    def lost(self) -> None:
        """Learn that the connection is gone: the room is joined again when its reader has read what is here."""
        self._is_live = False
        self._changed.set()

    async def _join(self, timeout_s: float) -> None:
        await repeated(self._ask, timeout_s=timeout_s, what=f"room {self.name}", on_retry=self._on_retry)

    async def _ask(self) -> None:
        payload: dict[str, Any] = {"room": self.name}
        if self._token is not None:
            payload["token"] = self._token
        if self._log.cursor is not None:
            payload["after"] = self._log.cursor
        if self._only is not None:
            payload["only"] = list(self._only)
        await self._link.ask("room.join", payload, self._joined)

    def _joined(self, data: Data) -> None:
        place = read_up_to(data["cursor"])
        self._is_live = self._has_joined_now = True
        if self._is_new:
            self.snapshot, self.history, self.cursor = data["snapshot"], data["events"], data["cursor"]
        elif data["recovered"]:
            self._missed(data["events"])
        else:
            self._log = place
            self._put(_reset(self.name, data))
        self._is_new = False
        self._log = place if place.seen >= self._log.seen or place.epoch != self._log.epoch else self._log
        self._changed.set()

    def _missed(self, events: list[Event]) -> None:
        for event in events:
            if event["offset"] > self._log.seen:
                self._log = self._log.after(event)
                self._put(event)

    def _put(self, event: Event) -> None:
        self._waiting.append((event, self._log.cursor))
        self._changed.set()


def _reset(room: str, data: Data) -> Event:
    reset = {"snapshot": data["snapshot"], "cursor": data["cursor"]}
    return Event(room=room, type="room.reset", at="", data=reset)
