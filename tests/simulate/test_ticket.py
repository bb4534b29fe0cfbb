"""What the kitchen's hands do next: a decision without any I/O."""

from __future__ import annotations

from typing import Any

import pytest

from hub.domain.lifecycle import OrderStatus
from hub.simulate.ticket import COOKING_S, Ticket, next_step


def ticket(status: str, *, kind: str = "delivery", done: tuple[bool, ...] = (True,), **others: Any) -> Ticket:
    return Ticket.of(
        {
            "id": "PED7K3Q9X",
            "code": "Q9X",
            "status": status,
            "version": 4,
            "delivery": {"kind": kind},
            "acknowledged": True,
            "courier": None,
            "items": [{"item": number, "done": flag} for number, flag in enumerate(done, start=1)],
            **others,
        }
    )


@pytest.mark.parametrize(
    ("now", "call", "body"),
    [
        (ticket("received", acknowledged=False), "acknowledge", {}),
        (ticket("received"), "advance", {"to": "preparing", "version": 4}),
        (ticket("preparing", done=(True, False, False)), "items", {"item": 2, "done": True}),
        (ticket("preparing"), "advance", {"to": "ready", "version": 4}),
        (ticket("ready"), "courier", {"courier_id": "c1"}),
        (ticket("ready", courier={"id": "c1", "name": "Beto"}), "advance", {"to": "en_route", "version": 4}),
        (ticket("ready", kind="pickup"), "advance", {"to": "delivered", "version": 4}),
        (ticket("en_route"), "advance", {"to": "delivered", "version": 4}),
    ],
)
def test_each_state_has_one_next_step(now: Ticket, call: str, body: dict[str, Any]) -> None:
    step = next_step(now, ["c1"])
    assert step is not None
    assert (step.call, step.body) == (call, body)
    assert 0 < step.after_s[0] < step.after_s[1]


@pytest.mark.parametrize("status", [OrderStatus.DELIVERED, OrderStatus.CANCELLED])
def test_an_order_at_its_end_has_none(status: OrderStatus) -> None:
    assert next_step(ticket(status), ["c1"]) is None


def test_without_couriers_the_order_leaves_all_the_same() -> None:
    step = next_step(ticket("ready"), [])
    assert step is not None
    assert step.body["to"] == "en_route"


def test_an_order_keeps_its_courier_across_restarts_and_all_of_them_ride() -> None:
    couriers = ["c1", "c2", "c3"]
    steps = [next_step(ticket("ready", id=f"PED{number}"), couriers) for number in range(9)]
    chosen = [step.body["courier_id"] for step in steps if step is not None]
    assert set(chosen) == set(couriers)
    assert next_step(ticket("ready", id="PED0"), couriers) == steps[0]


def test_many_lines_take_no_longer_than_one() -> None:
    step = next_step(ticket("preparing", done=(False,) * 10), [])
    assert step is not None
    assert step.after_s == (COOKING_S[0] / 10, COOKING_S[1] / 10)
