"""Cursors: places in the event log."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.core.errors import BadRequest

_CURSOR = re.compile(r"([A-Za-z0-9]{1,32})-(0|[1-9][0-9]{0,15})\Z")


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the log: an offset in one of its epochs. `str()` gives `<epoch>-<offset>`, as on the wire.

    An epoch is the time in which offsets only grow. The log begins another one when it has lost its tail.
    """

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Parse a cursor that a client sent.

        Raises:
            BadRequest: It is not of the shape `<epoch>-<offset>`.
        """
        match = _CURSOR.match(text)
        if match is None:
            raise BadRequest("a cursor looks like <epoch>-<offset>", field="after")
        return cls(match[1], int(match[2]))
