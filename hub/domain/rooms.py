"""Rooms (named audiences, each with a log of its own) and cursors (where a reader stands in them)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.errors import BadRequest, NotFound


class RoomKind(StrEnum):
    """Who the audience is. The kinds with an id have one room per thing; the others one per branch."""

    ORDER = "order"  # the customer of one order, and whoever serves it
    KITCHEN = "kitchen"  # the board: every order of the branch
    PROMOS = "promos"  # anyone
    STOCK = "stock"  # anyone: what is sold out
    FLOOR = "floor"  # staff: live figures
    CHAT = "chat"  # one conversation with the agent, or with a person
    SUPPORT = "support"  # one support case, with calls
    CUSTOMER = "customer"  # notices to one customer


WITH_ID = frozenset({RoomKind.ORDER, RoomKind.CHAT, RoomKind.SUPPORT, RoomKind.CUSTOMER})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_CURSOR = re.compile(r"([A-Za-z0-9]{1,32})-(0|[1-9][0-9]{0,15})\Z")


@dataclass(frozen=True, slots=True)
class Room:
    """One room; `str()` gives its name on the wire: `order:PED7K3Q9X`, `kitchen`."""

    kind: RoomKind
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)

    @classmethod
    def parse(cls, name: str) -> Room:
        """Read a room's name.

        Raises:
            NotFound: No room can have this name.
        """
        head, colon, tail = name.partition(":")
        try:
            kind = RoomKind(head)
        except ValueError:
            raise NotFound(f"there is no room {name[:80]!r}") from None
        if (kind in WITH_ID) != bool(colon) or (colon and not _ID.match(tail)):
            raise NotFound(f"there is no room {name[:80]!r}")
        return cls(kind, tail)

    @classmethod
    def order(cls, order_id: str) -> Room:
        return cls(RoomKind.ORDER, order_id)

    @classmethod
    def chat(cls, chat_id: str) -> Room:
        return cls(RoomKind.CHAT, chat_id)


KITCHEN = Room(RoomKind.KITCHEN)
PROMOS = Room(RoomKind.PROMOS)
STOCK = Room(RoomKind.STOCK)
FLOOR = Room(RoomKind.FLOOR)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in one life of the log; `str()` gives `"<epoch>-<offset>"`."""

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor that a client handed back.

        Raises:
            BadRequest: It is not of the shape `<epoch>-<offset>`.
        """
        match = _CURSOR.match(text)
        if match is None:
            raise BadRequest("a cursor looks like <epoch>-<offset>", field="after")
        return cls(match[1], int(match[2]))
