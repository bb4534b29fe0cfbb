"""The furthest place that this process has seen in the log. A log that ends before it has lost its tail."""

from __future__ import annotations

from collections.abc import Mapping

from hub.core.cursor import Cursor

_EPOCHS_KEPT = 8


class HighWaterMark:
    """The highest offset seen in each epoch of the log. An old copy of Redis may bring an old epoch back."""

    def __init__(self) -> None:
        self._epoch, self._offset = "", 0  # the latest epoch, and the highest offset in it
        self._highest: dict[str, int] = {}  # of the other epochs
        self._ended: set[str] = set()

    @property
    def latest(self) -> Cursor:
        """The furthest place in the epoch that was seen last."""
        return Cursor(self._epoch, self._offset)

    @property
    def offsets(self) -> Mapping[str, int]:
        """The highest offset of each epoch; for an ended epoch, -1 minus the offset. The latest epoch is the last."""
        epochs = {**self._highest, self._epoch: self._offset} if self._epoch else {}
        return {epoch: -1 - n if epoch in self._ended else n for epoch, n in epochs.items()} if self._ended else epochs

    def note(self, epoch: str, offset: int) -> bool:
        """Note that the log was seen at a place; return True if its epoch is another one than before."""
        if epoch == self._epoch:
            if offset > self._offset:
                self._offset = offset
            return False
        if self._epoch:
            self._highest[self._epoch] = self._offset
        self._epoch, self._offset = epoch, max(offset, self._highest.pop(epoch, 0))
        while len(self._highest) >= _EPOCHS_KEPT:
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
