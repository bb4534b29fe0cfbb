"""How far this process has seen the log: what tells a log that lost its tail from one that is whole."""

from __future__ import annotations

from collections.abc import Mapping

from hub.domain.rooms import Cursor

_LIVES_KEPT = 8


class Seen:
    """The highest offset seen in each life of the log: an old copy brings an old life back."""

    def __init__(self) -> None:
        self._epoch = ""  # the latest
        self._highest: dict[str, int] = {}

    @property
    def latest(self) -> Cursor:
        """The furthest place in the life that was seen last."""
        return Cursor(self._epoch, self._highest.get(self._epoch, 0))

    @property
    def offsets(self) -> Mapping[str, int]:
        """By epoch."""
        return self._highest

    def note(self, epoch: str, offset: int) -> None:
        self._epoch = epoch
        known = self._highest.get(epoch)
        if known is None and len(self._highest) == _LIVES_KEPT:
            del self._highest[next(iter(self._highest))]
        if known is None or offset > known:
            self._highest[epoch] = offset

    def past(self, cursor: Cursor) -> bool:
        """Whether the log was seen further on than this, in this life."""
        return cursor.offset < self._highest.get(cursor.epoch, 0)
