"""How far this process has seen the log: what tells a log that lost its tail from one that is whole."""

from __future__ import annotations

from collections.abc import Mapping

from hub.domain.rooms import Cursor

_LIVES_KEPT = 8


class Seen:
    """The highest offset seen in each life of the log: an old copy brings an old life back."""

    def __init__(self) -> None:
        self._epoch, self._offset = "", 0  # the latest life, and the highest offset in it
        self._highest: dict[str, int] = {}  # of the other lives
        self._ended: set[str] = set()

    @property
    def latest(self) -> Cursor:
        """The furthest place in the life that was seen last."""
        return Cursor(self._epoch, self._offset)

    @property
    def offsets(self) -> Mapping[str, int]:
        """The highest offset of each epoch; for an ended epoch, -1 minus the offset. The latest epoch is the last."""
        lives = {**self._highest, self._epoch: self._offset} if self._epoch else {}
        return {epoch: -1 - n if epoch in self._ended else n for epoch, n in lives.items()} if self._ended else lives

    def note(self, epoch: str, offset: int) -> bool:
        """Somebody has seen the log there; whether that is another life than before."""
        if epoch == self._epoch:
            if offset > self._offset:
                self._offset = offset
            return False
        if self._epoch:
            self._highest[self._epoch] = self._offset
        self._epoch, self._offset = epoch, max(offset, self._highest.pop(epoch, 0))
        while len(self._highest) >= _LIVES_KEPT:
            oldest = next(iter(self._highest))
            del self._highest[oldest]
            self._ended.discard(oldest)
        return True

    def recall(self, offsets: Mapping[str, int]) -> None:
        """Add the `offsets` of another process."""
        for epoch, offset in offsets.items():
            if offset < 0:
                self.end(epoch, -1 - offset)
            else:
                self.note(epoch, offset)

    def end(self, epoch: str, offset: int) -> None:
        """Note that an epoch has ended, at this offset or later. A log that is still in it is an old copy."""
        self.note(epoch, offset)
        self._ended.add(epoch)

    def past(self, cursor: Cursor) -> bool:
        """Return True if the log was seen past this cursor in the cursor's epoch, or if that epoch has ended."""
        if cursor.epoch in self._ended:
            return True
        seen = self._offset if cursor.epoch == self._epoch else self._highest.get(cursor.epoch, 0)
        return cursor.offset < seen
