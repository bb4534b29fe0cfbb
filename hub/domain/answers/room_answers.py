"""The states of rooms, which a reader of a room is shown first."""

from __future__ import annotations

from hub.domain.answers.base import Answer, Empty
from hub.domain.answers.branch_answers import DashboardSnapshot, PromosSnapshot, StockSnapshot
from hub.domain.answers.chat_answers import ChatSnapshot
from hub.domain.answers.order_answers import BoardSnapshot
from hub.domain.order_document import Order
from hub.domain.rooms import RoomKind


class OrderSnapshot(Answer):
    """The state of an order's room."""

    order: Order


Snapshot = OrderSnapshot | BoardSnapshot | PromosSnapshot | StockSnapshot | DashboardSnapshot | ChatSnapshot | Empty

# The model of each kind of room's state. Rooms of the other kinds have none.
SNAPSHOTS: dict[RoomKind, type[Snapshot]] = {
    RoomKind.ORDER: OrderSnapshot,
    RoomKind.KITCHEN: BoardSnapshot,
    RoomKind.PROMOS: PromosSnapshot,
    RoomKind.STOCK: StockSnapshot,
    RoomKind.DASHBOARD: DashboardSnapshot,
    RoomKind.CHAT: ChatSnapshot,
}
