"""What is known of an order in the making: its lines, and who gets it where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Wanted:
    """One line: a dish, how many, and how."""

    sku: str
    qty: int = 1
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """What is known of an order so far.

    Attributes:
        vague: Categories named without saying which dish ("tres tacos").
        open: A category of which it was not said which dish, and how many.
        unknown: Things asked for that the menu has not.
        rest_of_unknown: "The rest" was said, of a number that nobody has named.
        unsure: Dishes of which it was said how much, though not how many: by the kilo, for some money, "4 or 5".
        weighed: That was by the kilo, or for some money.
        odd: That was in halves, in fewer than none, or in more than anybody counts.
        assorted: An assortment is wanted, of what was not said.
        among: Dishes that share one number ("five of pastor and suadero"), which is that of `open`.
        rest: What was said besides the name, the address and the way it is fetched.
    """

    lines: list[Wanted] = field(default_factory=list)
    name: str | None = None
    delivery: str | None = None
    address: str | None = None
    vague: list[str] = field(default_factory=list)
    open: tuple[str, int] | None = None
    unknown: list[str] = field(default_factory=list)
    counted: bool = False
    rest_of_unknown: bool = False
    unsure: list[str] = field(default_factory=list)
    weighed: bool = False
    odd: bool = False
    assorted: bool = False
    among: list[Wanted] = field(default_factory=list)
    rest: str = ""

    def arguments(self) -> dict[str, Any]:
        """As `place_order` wants it; what is not known is left out."""
        items = []
        for line in self.lines:
            item: dict[str, Any] = {"sku": line.sku, "qty": line.qty}
            if line.notes:
                item["notes"] = ", ".join(line.notes)[:200]
            items.append(item)
        known = {"customer_name": self.name, "delivery": self.delivery, "address": self.address}
        return {"items": items} | {key: value for key, value in known.items() if value}
