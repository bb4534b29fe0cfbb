"""The answer's text on its way to the room: the first piece at once, the rest combined."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.failures import Failure
from agents.journal import LeaseLost
from hub.domain.events import ChatDelta
from hub.domain.values import as_text

if TYPE_CHECKING:
    from agents.journal import Journal

# A character takes at most four bytes of JSON: the longest answer fits into one event, which holds 64 KiB.
MAX_ANSWER_CHARS = 10_000
WINDOW_S = 0.03  # below what an eye tells apart, and a third of the commits of one token each
# What one worker commits a second with room to spare for the models' tokens; past it, pieces grow instead.
COMMITS_S = 1_200


@dataclass(slots=True)
class Traffic:
    """How many answers one worker is writing at the moment: the more they are, the longer each one's pieces."""

    writing: int = 0
    commits_s: float = COMMITS_S

    def window_s(self) -> float:
        return max(WINDOW_S, self.writing / self.commits_s)


class Deltas:
    """Collects what the model says and commits it piece by piece, in order and without holes.

    While one commit is under way the next piece grows: a slow Redis makes pieces longer, not queues.

    Args:
        traffic: Shared by all answers of a worker.
        pace: Characters a second at most; 0: as they come.

    Attributes:
        text: Everything said so far, committed or not; at most `MAX_ANSWER_CHARS`.
        full: Whether more was said than that, and cut off.
        count: How many pieces are in the room.
        came: When each piece was in the room, by the monotonic clock.
    """

    def __init__(self, journal: Journal, *, traffic: Traffic | None = None, pace: float = 0) -> None:
        self.text = ""
        self.full = False
        self.count = 0
        self.came: list[float] = []
        self._journal = journal
        self._traffic = traffic or Traffic()
        self._pace = pace
        self._pending = ""
        self._gap = ""
        self._news = asyncio.Event()
        self._finished = False
        self._closed = asyncio.Event()

    @property
    def committed(self) -> str:
        """What of the text is in the room."""
        return self.text[: len(self.text) - len(self._pending)]

    def add(self, text: str) -> None:
        """The model said this. Never waits."""
        text = as_text(text)
        if not text:
            return
        text = self._gap + text
        self._gap = ""
        room = MAX_ANSWER_CHARS - len(self.text)
        self.full = self.full or len(text) > room
        text = text[:room]
        self.text += text
        self._pending += text
        self._news.set()

    def hear(self, text: str) -> None:
        """The same, for a model's chain.

        Raises:
            Failure: More was said than an answer holds.
        """
        self.add(text)
        if self.full:
            raise Failure("too_long")

    def part(self) -> None:
        """What comes next begins a new paragraph."""
        if self.text and not self.text.endswith("\n"):
            self._gap = "\n\n"

    def conclude(self, text: str) -> None:
        """End the answer with this text, whatever the model wrote. Add nothing if the answer ends with it already."""
        if not text or self.text.endswith(text):
            return
        gap = "\n\n" if self.text.strip() else ""
        self.text += gap + text
        self._pending += gap + text
        self._news.set()

    def finish(self) -> None:
        """The model has said everything: `run` ends once a paced text is in the room, and at once otherwise: the
        last piece goes with the ending."""
        self._finished = True
        self._news.set()
        if not self._pace:
            self._closed.set()

    def close(self) -> None:
        """No more is coming: `run` ends after what it is doing."""
        self._closed.set()
        self._news.set()

    async def last_word(self, text: str) -> None:
        """Put all that was said into the room now; this, if nothing was.

        Raises:
            LeaseLost: It is somebody else's.
        """
        if not self.text.strip():
            self.add(text)
        if self._pending:
            delta = self._next(len(self._pending))
            await self._journal.record(delta, next_index=delta.index + 1)
            self.came.append(time.monotonic())

    def rest(self) -> tuple[ChatDelta, ...]:
        """What is not in the room yet, to be committed with the ending. After `run` has ended."""
        if not self._pending:
            return ()
        self.came.append(time.monotonic())
        return (self._next(len(self._pending)),)

    def gaps_ms(self) -> tuple[int, int] | None:
        """Between one piece and the next: the median, and what nineteen of twenty stay below."""
        gaps = sorted(after - before for before, after in zip(self.came, self.came[1:], strict=False))
        if not gaps:
            return None
        return round(gaps[len(gaps) // 2] * 1_000), round(gaps[len(gaps) * 95 // 100] * 1_000)

    async def run(self) -> None:
        """Commit until closed, or until the turn is lost."""
        self._traffic.writing += 1
        try:
            while await self._piece():
                await self._window()
        finally:
            self._traffic.writing -= 1

    async def _piece(self) -> bool:
        """Wait for the next piece and commit it; False once there will be none."""
        while not self._pending or self._closed.is_set():
            if self._closed.is_set() or self._finished:
                return False
            await self._news.wait()
            self._news.clear()
        delta = self._next(self._due())
        try:
            await self._journal.record(delta, next_index=delta.index + 1)
        except LeaseLost:
            return False
        self.came.append(time.monotonic())
        return True

    def _due(self) -> int:
        """How many characters may go now."""
        if not self._pace or not self.came:
            return len(self._pending) if not self._pace else _to_a_word(self._pending, 1)
        allowed = (time.monotonic() - self.came[0]) * self._pace - len(self.committed)
        return _to_a_word(self._pending, max(1, int(allowed)))

    def _next(self, length: int) -> ChatDelta:
        delta = ChatDelta(turn_id=self._journal.turn.id, index=self.count, text=self._pending[:length])
        self.count += 1
        self._pending = self._pending[length:]
        return delta

    async def _window(self) -> None:
        window_s = self._traffic.window_s()
        if self._pace:  # until the next word is due
            ahead = len(self.committed) - (time.monotonic() - self.came[0]) * self._pace
            window_s = max(window_s, ahead / self._pace)
        try:
            async with asyncio.timeout(window_s):
                await self._closed.wait()
        except TimeoutError:
            pass


def _to_a_word(text: str, length: int) -> int:
    """So many characters, and on to the end of the word: half a word, or half a flag, is nothing to read."""
    while length < len(text) and not text[length].isspace():
        length += 1
    return length
