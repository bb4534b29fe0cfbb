"""Events of the whole branch: promotions, stock, notices and live figures."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from hub.domain.event import Event, Optional_
from hub.domain.order_events import CourierMoved
from hub.domain.rooms import RoomKind
from hub.domain.values import Time


class PromoPublished(Event):
    """A new promotion, shown until `expires_at`; without it, for a week."""

    outbound: ClassVar[bool] = True
    rooms: ClassVar[frozenset[RoomKind]] = frozenset({RoomKind.PROMOS})
    type: Literal["promo.published"] = "promo.published"
    promo_id: str
    title: str
    message: str
    expires_at: Time | None = Optional_


class StockChange(Event):
    """A change of the number that is left of a dish.

    The log itself fills in `left`, because only it knows the order of commits.
    """

    rooms: ClassVar[frozenset[RoomKind]] = frozenset({RoomKind.STOCK, RoomKind.KITCHEN})
    sku: str
    name: str
    left: int


class StockLow(StockChange):
    """A dish is running out."""

    type: Literal["stock.low"] = "stock.low"


class StockOut(StockChange):
    """A dish is sold out."""

    type: Literal["stock.out"] = "stock.out"


class StockRestocked(StockChange):
    """A dish that was sold out, or running out, is there again."""

    type: Literal["stock.restocked"] = "stock.restocked"


class NoticeSent(Event):
    """A message to everybody in one room."""

    outbound: ClassVar[bool] = True
    rooms: ClassVar[frozenset[RoomKind]] = frozenset(
        {RoomKind.ORDER, RoomKind.CHAT, RoomKind.CUSTOMER, RoomKind.DASHBOARD}
    )
    one_room: ClassVar[bool] = True
    type: Literal["notice.sent"] = "notice.sent"
    notice_id: str
    message: str
    level: Literal["info", "warning", "urgent"]


class FloorTick(Event):
    """The branch's live figures."""

    volatile: ClassVar[bool] = True
    rooms: ClassVar[frozenset[RoomKind]] = frozenset({RoomKind.DASHBOARD})
    type: Literal["floor.tick"] = "floor.tick"
    figures: dict[str, Any]


BranchEvent = PromoPublished | StockLow | StockOut | StockRestocked | NoticeSent | CourierMoved | FloorTick
