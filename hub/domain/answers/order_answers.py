"""Answers about orders."""

from __future__ import annotations

from pydantic import Field, SerializeAsAny

from hub.domain.answers.base import Answer, CommandAnswer
from hub.domain.events import Tracking
from hub.domain.order_document import CustomerName, Order
from hub.domain.values import absent


class StaffsCustomer(CustomerName):
    """The customer of an order, as staff see them.

    Attributes:
        phone: As the customer gave it.
        origin: Stands for the address: orders with the same origin came from the same address, or by the same API key.
        partner: The title of the API key by which the order was placed.
        key_id: The id of that key.
    """

    phone: str | None = Field(default=None, exclude_if=absent)
    origin: str | None = Field(default=None, exclude_if=absent)
    partner: str | None = Field(default=None, exclude_if=absent)
    key_id: str | None = Field(default=None, exclude_if=absent)


class StaffsOrder(Order):
    """An order, as staff see it."""

    customer: StaffsCustomer


class OrderAnswer(CommandAnswer):
    """An order as it is after a command, or as of `cursor`."""

    order: SerializeAsAny[Order]


class PlacedOrder(OrderAnswer):
    """A new order, and the link that opens it."""

    tracking: Tracking


class OrderPage(Answer):
    """A page of orders, the newest first.

    Attributes:
        next: The `before` of the following page; None after the last one.
    """

    orders: tuple[Order, ...]
    next: int | None


class BoardSnapshot(Answer):
    """The kitchen's board.

    Attributes:
        orders: The open orders that there was space for, by the time at which they were placed.
        total: The number of open orders.
        unseen: The number of open orders that nobody has acknowledged.
        more: Open orders are missing here.
        next: The place where the next page begins; None if nothing is missing.
    """

    orders: tuple[Order, ...]
    total: int
    unseen: int
    more: bool
    next: str | None


class BoardPage(BoardSnapshot):
    """A page of the board, as of `cursor`."""

    cursor: str


class CancelledOrders(CommandAnswer):
    """The orders that a filter matched.

    Attributes:
        count: The number of cancelled orders; in a dry run, of the orders that match.
        order_ids: Their ids, at most as many as one call cancels.
        more: Other orders match as well: call again.
    """

    count: int
    order_ids: tuple[str, ...]
    more: bool
