"""The answer's text on its way to the room: the first piece at once, the rest combined."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from agents.journal import LeaseLost
from hub.domain.events import ChatDelta

if TYPE_CHECKING:
    from agents.journal import Journal

# A character takes at most six bytes of JSON (a control character does): the longest answer fits into one event,
# which holds 64 KiB.
MAX_ANSWER_CHARS = 10_000
WINDOW_S = 0.03  # below what an eye tells apart, and a third of the commits of one token each


class Deltas:
    """Collects what the model says and commits it piece by piece, in order and without holes.

    While one commit is under way the next piece grows: a slow Redis makes pieces longer, not queues.

    Attributes:
        text: Everything said so far, committed or not; at most `MAX_ANSWER_CHARS`.
        full: Whether more was said than that, and cut off.
        count: How many pieces are in the room.
    """

    def __init__(self, journal: Journal, *, window_s: float = WINDOW_S) -> None:
        self.text = ""
        self.full = False
        self.count = 0
        self.first_at: float | None = None
        self._journal = journal
        self._window_s = window_s
        self._pending = ""
        self._gap = ""
        self._news = asyncio.Event()
        self._closed = asyncio.Event()

    def add(self, text: str) -> None:
        """The model said this. Never waits."""
        if not text:
            return
        if self.first_at is None:
            self.first_at = time.monotonic()
        text = self._gap + text
        self._gap = ""
        room = MAX_ANSWER_CHARS - len(self.text)
        self.full = self.full or len(text) > room
        text = text[:room]
        self.text += text
        self._pending += text
        self._news.set()

    def part(self) -> None:
        """What comes next begins a new paragraph."""
        if self.text and not self.text.endswith("\n"):
            self._gap = "\n\n"

    def close(self) -> None:
        """No more is coming: `run` ends after what it is doing."""
        self._closed.set()
        self._news.set()

    def rest(self) -> tuple[ChatDelta, ...]:
        """What is not in the room yet, to be committed with the ending. After `run` has ended."""
        return (self._next(),) if self._pending else ()

    async def run(self) -> None:
        """Commit until closed, or until the turn is lost."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._closed.is_set():
                return
            if not self._pending:
                continue
            delta = self._next()
            try:
                await self._journal.record(delta, next_index=delta.index + 1)
            except LeaseLost:
                return
            await self._window()

    def _next(self) -> ChatDelta:
        delta = ChatDelta(turn_id=self._journal.turn.id, index=self.count, text=self._pending)
        self.count += 1
        self._pending = ""
        return delta

    async def _window(self) -> None:
        try:
            async with asyncio.timeout(self._window_s):
                await self._closed.wait()
        except TimeoutError:
            pass
