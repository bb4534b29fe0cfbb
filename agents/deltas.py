"""The text of an answer on its way to the room: the first piece at once, later ones combined."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.failure_kinds import Failure
from agents.journal import LeaseLost
from hub.domain.events import ChatDelta
from hub.domain.values import as_text

if TYPE_CHECKING:
    from agents.journal import Journal

# A character takes at most four bytes of JSON: the longest answer fits into one event, which holds 64 KiB.
MAX_ANSWER_CHARS = 10_000
WINDOW_S = 0.03  # shorter than readers notice, with a third of the commits that one per token would take
# Commits a second of one worker that leave time for the models' tokens; past it, the pieces grow.
COMMITS_S = 1_200


@dataclass(slots=True)
class DeltaPacer:
    """The pace of deltas in one worker: the more answers it is writing, the longer each one's pieces."""

    writing: int = 0
    commits_s: float = COMMITS_S

    def window_s(self) -> float:
        """Return the time between two pieces of one answer, in seconds."""
        return max(WINDOW_S, self.writing / self.commits_s)


class Deltas:
    """Collect a model's text and commit it piece by piece, in order and without holes.

    While one commit is under way the next piece grows: a slow Redis makes pieces longer, not queues.

    Args:
        pacer: Shared by all answers of a worker.
        pace: Characters a second at most; 0: as they come.

    Attributes:
        text: Everything said so far, committed or not; at most `MAX_ANSWER_CHARS`.
        full: True if the text was longer and was cut off.
        count: The number of pieces in the room.
        came: The time at which each piece was in the room, by the monotonic clock.
    """

    def __init__(self, journal: Journal, *, pacer: DeltaPacer | None = None, pace: float = 0) -> None:
        self.text = ""
        self.full = False
        self.count = 0
        self.came: list[float] = []
        self._journal = journal
        self._pacer = pacer or DeltaPacer()
        self._pace = pace
        self._pending = ""
        self._gap = ""
        self._news = asyncio.Event()
        self._finished = False
        self._closed = asyncio.Event()

    @property
    def committed(self) -> str:
        """The part of the text that is in the room."""
        return self.text[: len(self.text) - len(self._pending)]

    def add(self, text: str) -> None:
        """Add a piece of the model's text. Never waits."""
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

    def on_text(self, text: str) -> None:
        """Add a piece of text from a model chain.

        Raises:
            Failure: The answer is longer than the limit.
        """
        self.add(text)
        if self.full:
            raise Failure("too_long")

    def on_new_part(self) -> None:
        """Begin a new paragraph with the next piece."""
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
        """Note that the model has finished.

        `run` ends when a paced text is in the room, and at once without a pace: the last piece goes with the ending."""
        self._finished = True
        self._news.set()
        if not self._pace:
            self._closed.set()

    def close(self) -> None:
        """Accept no more text; `run` ends after its current commit."""
        self._closed.set()
        self._news.set()

    async def flush(self, text: str) -> None:
        """Commit all pending text now; the given text if the model has written none.

        Raises:
            LeaseLost: Another worker has the turn.
        """
        if not self.text.strip():
            self.add(text)
        if self._pending:
            delta = self._next(len(self._pending))
            await self._journal.record(delta, next_index=delta.index + 1)
            self.came.append(time.monotonic())

    def take_pending(self) -> tuple[ChatDelta, ...]:
        """Return the text that is not in the room yet. Call it after `run`, and commit it with the ending."""
        if not self._pending:
            return ()
        self.came.append(time.monotonic())
        return (self._next(len(self._pending)),)

    def gaps_ms(self) -> tuple[int, int] | None:
        """Return the median and the 95th percentile of the gaps between pieces, in milliseconds."""
        gaps = sorted(after - before for before, after in zip(self.came, self.came[1:], strict=False))
        if not gaps:
            return None
        return round(gaps[len(gaps) // 2] * 1_000), round(gaps[len(gaps) * 95 // 100] * 1_000)

    async def run(self) -> None:
        """Commit until closed, or until the turn is lost."""
        self._pacer.writing += 1
        try:
            while await self._commit_next():
                await self._pause()
        finally:
            self._pacer.writing -= 1

    async def _commit_next(self) -> bool:
        """Wait for the next piece and commit it; False once there will be none."""
        while not self._pending or self._closed.is_set():
            if self._closed.is_set() or self._finished:
                return False
            await self._news.wait()
            self._news.clear()
        delta = self._next(self._allowed_length())
        try:
            await self._journal.record(delta, next_index=delta.index + 1)
        except LeaseLost:
            return False
        self.came.append(time.monotonic())
        return True

    def _allowed_length(self) -> int:
        """Return the number of characters that may be committed now."""
        if not self._pace or not self.came:
            return len(self._pending) if not self._pace else _extend_to_word_end(self._pending, 1)
        allowed = (time.monotonic() - self.came[0]) * self._pace - len(self.committed)
        return _extend_to_word_end(self._pending, max(1, int(allowed)))

    def _next(self, length: int) -> ChatDelta:
        delta = ChatDelta(turn_id=self._journal.turn.id, index=self.count, text=self._pending[:length])
        self.count += 1
        self._pending = self._pending[length:]
        return delta

    async def _pause(self) -> None:
        window_s = self._pacer.window_s()
        if self._pace:  # until the next word is due
            ahead = len(self.committed) - (time.monotonic() - self.came[0]) * self._pace
            window_s = max(window_s, ahead / self._pace)
        try:
            async with asyncio.timeout(window_s):
                await self._closed.wait()
        except TimeoutError:
            pass


def _extend_to_word_end(text: str, length: int) -> int:
    """Return the length extended to the end of the word, so that no word or emoji is cut."""
    while length < len(text) and not text[length].isspace():
        length += 1
    return length
