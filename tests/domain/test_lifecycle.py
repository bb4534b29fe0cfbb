"""The table of statuses: complete, and the only place that a new status needs besides its event."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hub
from hub.domain.events import EVENTS
from hub.domain.lifecycle import ENDED, FIRST, RULES, DeliveryKind, OrderStatus, event_type, next_step, way

ROOT = Path(hub.__file__).resolve().parent
STATIC = ROOT.parent / "static"


def test_every_status_has_a_rule_and_an_event() -> None:
    assert RULES.keys() == set(OrderStatus)
    assert all(event_type(status) in EVENTS for status in OrderStatus)


@pytest.mark.parametrize("kind", DeliveryKind)
def test_every_way_leads_from_the_first_status_to_an_end(kind: DeliveryKind) -> None:
    statuses = way(kind)
    assert statuses[0] is FIRST
    assert statuses[-1] in ENDED
    assert len(set(statuses)) == len(statuses)


def test_the_pages_know_the_same_statuses_in_the_same_order() -> None:
    module = (STATIC / "js/state/statuses.js").read_text(encoding="utf-8")

    def spelled(name: str) -> list[str]:
        found = re.search(rf"^(?:export )?const {name} = (?:new Set\()?(\[.*?\])", module, re.MULTILINE)
        assert found, name
        statuses: list[str] = json.loads(found[1])
        return statuses

    assert spelled("STEPS") == list(way(DeliveryKind.DELIVERY))
    skipped = spelled("ONLY_BROUGHT")
    assert [status for status in spelled("STEPS") if status not in skipped] == list(way(DeliveryKind.PICKUP))
    assert set(spelled("ENDED")) == ENDED
    assert {*spelled("STEPS"), *spelled("ENDED")} == set(OrderStatus)


@pytest.mark.parametrize("status", OrderStatus)
def test_only_an_ended_order_has_no_step_and_cannot_be_cancelled(status: OrderStatus) -> None:
    rule = RULES[status]
    assert rule.ended == (not rule.next) == (rule.cancelled_with is None)
    assert rule.recalled_to is None or status in RULES[rule.recalled_to].next.values()


def test_a_status_that_only_a_newer_hub_knows_has_no_step() -> None:
    assert next_step("tasting", "pickup") is None
    assert next_step("received", "drone") is None


# A hub with the status `tasting` between `preparing` and `ready`, made of two edited files.
_MEMBER = '    PREPARING = "preparing"  # on the grill\n'
_ROW = "    OrderStatus.PREPARING: StatusRule(\n        next=_both(OrderStatus.READY),"
_NEW_ROW = """    OrderStatus.TASTING: StatusRule(
        next=_both(OrderStatus.READY),
        recalled_to=OrderStatus.PREPARING,
        usual_s=(30, 60),
        label=Text("probándose", "being tasted"),
        now=Text("se está probando", "it is being tasted"),
        entered=Text("se está probando", "it is being tasted"),
    ),
    OrderStatus.PREPARING: StatusRule(
        next=_both(OrderStatus.TASTING),"""
_EVENT = "class OrderReady(OrderStep):"
_NEW_EVENT = '''class OrderTasting(OrderStep):
    """The cook tastes it."""

    type: Literal["order.tasting"] = "order.tasting"


class OrderReady(OrderStep):'''
_UNION = "    | OrderReady\n"

_TRIAL = """
from datetime import UTC, datetime, timedelta
from hub.domain import order as orders
from hub.domain.eta import TIMED, estimate
from hub.domain.events import parse_event
from hub.domain.lifecycle import DeliveryKind, OrderStatus
from hub.domain.order_document import CustomerName, Delivery, OrderItem
from hub.domain.order_fold import fold
from hub.simulate.ticket import Ticket, next_step

now = datetime(2026, 11, 20, tzinfo=UTC)
items = [OrderItem(item=1, sku="flan", name="Flan", qty=1, unit_price=5000, done=True)]
happened = orders.place("PED1", CustomerName(name="Ana"), items, Delivery(kind=DeliveryKind.PICKUP), None, now)
order = fold(None, [(event, now) for event in happened])
seen = [str(order.status)]
while not order.ended:
    shown = order.model_dump(mode="json") | {"acknowledged": True}
    step = next_step(Ticket.of(shown), ())
    events = orders.advance(order, OrderStatus(step.body["to"]), "Chuy", None)
    assert all(parse_event(event.type, event.model_dump(mode="json", exclude={"type"})) == event for event in events)
    order = fold(order, [(event, now) for event in events])
    seen.append(str(order.status))
assert OrderStatus.TASTING in TIMED
assert estimate(DeliveryKind.PICKUP, OrderStatus.TASTING, now, now, {}).latest > now + timedelta(seconds=30)
print(*seen)
"""


def test_a_new_status_needs_its_row_and_its_event_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "hub", ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in (
        ("lifecycle.py", _MEMBER, _MEMBER + '    TASTING = "tasting"\n'),
        ("lifecycle.py", _ROW, _NEW_ROW),
        ("order_events.py", _EVENT, _NEW_EVENT),
        ("order_events.py", _UNION, "    | OrderTasting\n" + _UNION),
    ):
        file = tmp_path / "hub" / "domain" / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} in {name}"
        file.write_text(text.replace(old, new), encoding="utf-8")
    trial = subprocess.run(
        [sys.executable, "-c", _TRIAL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert trial.stderr == ""
    assert trial.stdout.split() == ["received", "preparing", "tasting", "ready", "delivered"]
