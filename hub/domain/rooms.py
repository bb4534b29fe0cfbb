"""The branch's rooms: named audiences, each with a log of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hub.core.errors import NotFound
from hub.domain.roles import Permission


class RoomKind(StrEnum):
    """The kinds of audience. `ROOM_RULES` says who may enter a room of each kind."""

    ORDER = "order"  # the customer of one order, and whoever serves it
    KITCHEN = "kitchen"  # the board: every order of the branch
    PROMOS = "promos"  # anyone
    STOCK = "stock"  # anyone: what is sold out
    DASHBOARD = "floor"  # staff: live figures
    CHAT = "chat"  # one conversation with the agent, or with a person
    SUPPORT = "support"  # one support case, with calls
    CUSTOMER = "customer"  # notices to one customer


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRule:
    """The rules of a kind of room. Without any of the three, nobody may enter.

    Attributes:
        with_id: There is one room per order, chat or customer; otherwise one per branch.
        public: Everybody may enter.
        own: The holder of the order, chat or account of this id may enter; to others the room does not exist.
        staff: The permission with which staff may enter any room of this kind; None: staff may not, as such.
    """

    with_id: bool = False
    public: bool = False
    own: bool = False
    staff: Permission | None = None


ROOM_RULES: Mapping[RoomKind, RoomRule] = {
    RoomKind.ORDER: RoomRule(with_id=True, own=True, staff=Permission.READ_ORDERS),
    RoomKind.KITCHEN: RoomRule(staff=Permission.JOIN_KITCHEN),
    RoomKind.PROMOS: RoomRule(public=True),
    RoomKind.STOCK: RoomRule(public=True),
    RoomKind.DASHBOARD: RoomRule(staff=Permission.JOIN_DASHBOARD),
    RoomKind.CHAT: RoomRule(with_id=True, own=True, staff=Permission.READ_CHATS),
    RoomKind.SUPPORT: RoomRule(with_id=True),
    RoomKind.CUSTOMER: RoomRule(with_id=True, own=True),
}
WITH_ID = frozenset(kind for kind, rule in ROOM_RULES.items() if rule.with_id)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


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
        """Return the room of one order."""
        return cls(RoomKind.ORDER, order_id)

    @classmethod
    def chat(cls, chat_id: str) -> Room:
        """Return the room of one chat."""
        return cls(RoomKind.CHAT, chat_id)


KITCHEN = Room(RoomKind.KITCHEN)
PROMOS = Room(RoomKind.PROMOS)
STOCK = Room(RoomKind.STOCK)
DASHBOARD = Room(RoomKind.DASHBOARD)
