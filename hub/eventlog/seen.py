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

    @property
    def latest(self) -> Cursor:
        """The furthest place in the life that was seen last."""
        return Cursor(self._epoch, self._offset)

    @property
    def offsets(self) -> Mapping[str, int]:
        """By epoch."""
        return {**self._highest, self._epoch: self._offset} if self._epoch else {}

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
            del self._highest[next(iter(self._highest))]
        return True

    def past(self, cursor: Cursor) -> bool:
        """Whether the log was seen further on than this, in this life."""
        seen = self._offset if cursor.epoch == self._epoch else self._highest.get(cursor.epoch, 0)
        return cursor.offset < seen
