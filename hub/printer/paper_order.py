"""The part of an order document that goes on paper. A newer hub may send more, and an older one less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from hub.domain.lifecycle import rule_of
from hub.domain.order_document import AcceptanceState


class Paper(BaseModel):
    """A frozen model that ignores fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PaperLine(Paper):
    """One line of an order. `unit_price` is in minor units."""

    qty: int
    name: str
    unit_price: int
    options: tuple[str, ...] = ()
    notes: str = ""


class PaperOrder(Paper):
    """An order, as a slip shows it. `total` is in minor units."""

    id: str
    code: str
    status: str
    version: int
    customer: str
    lines: tuple[PaperLine, ...]
    allergies: tuple[str, ...] = ()
    note: str = ""
    is_delivery: bool
    address: str = ""
    total: int
    currency: str
    placed_at: AwareDatetime
    waits: bool = False

    @classmethod
    def of(cls, order: Mapping[str, Any]) -> PaperOrder:
        """Return the paper's part of an order document.

        Raises:
            KeyError, TypeError, pydantic.ValidationError: It is no order document.
        """
        delivery, acceptance = order["delivery"], order.get("acceptance") or {}
        return cls(
            id=order["id"],
            code=order["code"],
            status=order["status"],
            version=order["version"],
            customer=order["customer"]["name"],
            lines=tuple(_line(item) for item in order["items"]),
            allergies=_words(order.get("allergies")),
            note=order.get("note") or "",
            is_delivery=delivery["kind"] == "delivery",
            address=delivery.get("address") or "",
            total=order["total"],
            currency=order["currency"],
            placed_at=order["placed_at"],
            waits=acceptance.get("state") == AcceptanceState.WAITING,
        )

    @property
    def is_begun(self) -> bool:
        """True if somebody has worked on the order, or if only a newer version knows."""
        rule = rule_of(self.status)
        return rule is None or rule.begun

    @property
    def is_to_cook(self) -> bool:
        """True if some of its dishes may still have to be cooked."""
        rule = rule_of(self.status)
        return rule is not None and rule.to_cook


def _line(item: Mapping[str, Any]) -> PaperLine:
    return PaperLine(
        qty=item["qty"],
        name=item["name"],
        unit_price=item["unit_price"],
        options=_words(item.get("options")),
        notes=item.get("notes") or "",
    )


def _words(value: object) -> tuple[str, ...]:
    """Return words from a text, a list of texts, or a list of objects with a name."""
    if isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, list | tuple):
        return ()
    return tuple(str(each["name"]) if isinstance(each, dict) and "name" in each else str(each) for each in value)
