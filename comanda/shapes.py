"""The shapes of what the hub sends. More fields than these may come: ignore those that you do not know."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Status = Literal["received", "preparing", "ready", "en_route", "delivered", "cancelled"]


class Event(TypedDict):
    """One event of a room. Volatile events and `room.reset` have no `offset` and no `prev`."""

    room: str
    type: str
    at: str
    data: dict[str, Any]
    offset: NotRequired[int]
    prev: NotRequired[int]


class Line(TypedDict):
    """One line of an order; `unit_price` is in minor units."""

    item: int
    sku: str
    name: str
    qty: int
    unit_price: int
    notes: str
    done: bool


class CustomerName(TypedDict):
    """The person who ordered."""

    name: str


class Delivery(TypedDict):
    """How the order reaches its customer."""

    kind: Literal["pickup", "delivery"]
    address: NotRequired[str]
    lat: NotRequired[float]
    lon: NotRequired[float]


class Courier(TypedDict):
    """The person who rides."""

    id: str
    name: str


class Eta(TypedDict):
    """When the customer will have it, as RFC 3339 times in UTC."""

    earliest: str
    latest: str


class Acceptance(TypedDict):
    """Whether a person has accepted an order that must be accepted."""

    state: Literal["waiting", "accepted"]
    until: NotRequired[str]


class Delay(TypedDict):
    """The delay that was announced last."""

    minutes: int
    reason: str


class Recall(TypedDict):
    """How the last step can be taken back: to which status, until when, by which roles."""

    to: Status
    until: str
    roles: list[str]


class Order(TypedDict):
    """An order's document. `total` is in minor units of `currency`; times are RFC 3339 in UTC."""

    id: str
    code: str
    status: Status
    version: int
    items: list[Line]
    total: int
    currency: str
    customer: CustomerName
    delivery: Delivery
    courier: Courier | None
    eta: Eta | None
    acknowledged: bool
    placed_at: str
    updated_at: str
    status_since: str
    acceptance: NotRequired[Acceptance]
    expired: NotRequired[str]
    delay: NotRequired[Delay]
    recall: NotRequired[Recall]
