"""The order document and its parts, as docs/protocol.md gives them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hub.domain.lifecycle import DeliveryKind, OrderStatus, StatusRule, StoredDeliveryKind, StoredStatus, rule_of
from hub.domain.reason_codes import StoredReasonCode
from hub.domain.values import Note, Real, Sku, Stored, Time, Value, Whole, absent


class Eta(Stored):
    """The time at which the customer will have the order: a range, because nobody can promise the minute."""

    earliest: Time
    latest: Time


class Courier(Stored):
    """The member of staff who carries an order."""

    id: str
    name: str


class OrderItem(Stored):
    """One line of an order. `item` is its number in the order, from 1; `unit_price` in minor units."""

    item: int
    sku: str
    name: str
    qty: int
    unit_price: int
    notes: str = ""
    done: bool = False


class Delivery(Value):
    """The way in which the customer gets the order. A `delivery` needs an address; only a delivery keeps one."""

    kind: DeliveryKind
    address: Note | None = Field(default=None, exclude_if=absent)
    lat: Annotated[Real, Field(ge=-90, le=90)] | None = Field(default=None, exclude_if=absent)
    lon: Annotated[Real, Field(ge=-180, le=180)] | None = Field(default=None, exclude_if=absent)


class OrderDelivery(Stored):
    """`Delivery`, as stored in an order."""

    kind: StoredDeliveryKind
    address: str | None = Field(default=None, exclude_if=absent)
    lat: float | None = Field(default=None, exclude_if=absent)
    lon: float | None = Field(default=None, exclude_if=absent)


class CustomerName(Stored):
    """The customer, as everybody who sees the order may know them."""

    name: str


class AcceptanceState(StrEnum):
    """The state of a large order's acceptance by a person."""

    WAITING = "waiting"  # no person has said yes to it yet
    ACCEPTED = "accepted"


class Acceptance(Stored):
    """The acceptance of a large order. `until`: the order expires then if it still waits; absent: it never does."""

    state: Annotated[AcceptanceState | str, Field(union_mode="left_to_right")]
    until: Time | None = Field(default=None, exclude_if=absent)


class ExpiryReason(StrEnum):
    """The reason why the hub cancelled an order by itself."""

    NOT_ACCEPTED = "not_accepted"  # in the time that a large order may wait
    NOT_ENDED = "not_ended"  # nothing happened to it for as long as an order may be open


class RecallOffer(Stored):
    """The step back that is open for a time.

    Attributes:
        to: The status to which it leads.
        until: The last moment.
        roles: The roles that may take it.
    """

    to: StoredStatus
    until: Time
    roles: tuple[str, ...]


class Delay(Stored):
    """The delay that was announced last."""

    minutes: int
    reason: str
    reason_code: StoredReasonCode | None = Field(default=None, exclude_if=absent)


class Order(Stored):
    """The order document. `version` counts its changes from 1; `status_since` is when it entered its status.

    `acceptance` is there for orders that need or needed one; `expired` for those that were cancelled for it; `delay`
    until the order is on its way; `recall` after a step that can be taken back for some minutes.
    """

    id: str
    code: str
    status: StoredStatus
    version: int
    items: tuple[OrderItem, ...]
    total: int
    currency: str = "MXN"
    customer: CustomerName
    delivery: OrderDelivery
    courier: Courier | None = None
    eta: Eta | None = None
    acknowledged: bool = False
    placed_at: Time
    updated_at: Time
    status_since: Time
    acceptance: Acceptance | None = Field(default=None, exclude_if=absent)
    expired: Annotated[ExpiryReason | str | None, Field(union_mode="left_to_right")] = Field(
        default=None, exclude_if=absent
    )
    delay: Delay | None = Field(default=None, exclude_if=absent)
    recall: RecallOffer | None = Field(default=None, exclude_if=absent)

    @property
    def waiting(self) -> bool:
        """True if the order needs a person's acceptance and has none yet."""
        return self.acceptance is not None and self.acceptance.state is AcceptanceState.WAITING and not self.ended

    @property
    def known(self) -> bool:
        """True if this version of the hub knows the order's status and its kind of delivery."""
        return isinstance(self.status, OrderStatus) and isinstance(self.delivery.kind, DeliveryKind)

    @property
    def rule(self) -> StatusRule | None:
        """The rule of the order's status; None if only a newer hub knows the status."""
        return rule_of(self.status)

    @property
    def ended(self) -> bool:
        """True if nothing happens to the order any more."""
        return self.rule is not None and self.rule.ended

    @property
    def begun(self) -> bool:
        """True if somebody has worked on the order, or if only a newer hub knows."""
        return self.rule is None or self.rule.begun

    @property
    def unseen(self) -> bool:
        """True if nobody has acknowledged the order or begun to cook it. The board's alarm is for these orders."""
        return not self.begun and not self.acknowledged


# An amount in minor units, as a caller saw it.
SeenMoney = Annotated[Whole, Field(ge=0, le=1_000_000_000)]


class OrderLine(Value):
    """A line that a customer orders: so many of a dish, and how it is wanted.

    Attributes:
        unit_price: The price that the caller saw, in minor units; None: any price is right.
    """

    sku: Sku
    qty: Annotated[Whole, Field(ge=1, le=50)]
    notes: Note = ""
    unit_price: SeenMoney | None = Field(default=None, exclude_if=absent)
