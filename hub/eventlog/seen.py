"""How far this process has seen the log: what tells a log that lost its tail from one that is whole."""

from __future__ import annotations

from collections.abc import Mapping

from hub.domain.rooms import Cursor

_LIVES_KEPT = 8
_NOWHERE = Cursor("", 0)


class Seen:
    """The highest offset seen in each life of the log: an old copy brings an old life back."""

    def __init__(self) -> None:
        self.latest = _NOWHERE
        self._highest: dict[str, int] = {}

    @property
    def offsets(self) -> Mapping[str, int]:
        """By epoch."""
        return self._highest

    def note(self, cursor: Cursor) -> None:
        known = self._highest.get(cursor.epoch)
        if known is None and len(self._highest) == _LIVES_KEPT:
            del self._highest[next(iter(self._highest))]
        if known is None or cursor.offset > known:
            self._highest[cursor.epoch] = cursor.offset
        if cursor.epoch != self.latest.epoch or cursor.offset > self.latest.offset:
            self.latest = Cursor(cursor.epoch, self._highest[cursor.epoch])

    def past(self, cursor: Cursor) -> bool:
        """Whether the log was seen further on than this, in this life."""
        return cursor.offset < self._highest.get(cursor.epoch, 0)
