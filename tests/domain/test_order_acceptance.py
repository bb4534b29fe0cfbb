"""Large orders wait for a person's yes, and orders that nobody accepts or ends expire."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.core.errors import Conflict
from hub.domain import events as ev
from hub.domain import order as orders
from hub.domain.lifecycle import ENDED, DeliveryKind, OrderStatus
from hub.domain.order_document import Acceptance, AcceptanceState, CustomerName, ExpiryReason, OrderItem
from hub.domain.order_fold import apply, fold
from tests.domain.samples import CANCELLED, EN_ROUTE, LATER, NOW, ORDER_ID, PREPARING, RECEIVED, an_order, delivery

UNTIL = NOW + timedelta(minutes=10)
WAITING = Acceptance(state=AcceptanceState.WAITING, until=UNTIL)
ACCEPTED = Acceptance(state=AcceptanceState.ACCEPTED)
DAY = timedelta(days=1)


def test_an_order_that_needs_no_acceptance_has_no_such_fields() -> None:
    sent = an_order().model_dump(mode="json")
    assert not sent.keys() & {"acceptance", "expired"}


def test_an_order_is_received_waiting_and_says_until_when() -> None:
    items = [OrderItem(item=1, sku="taco-pastor", name="Taco al pastor", qty=50, unit_price=2200)]
    [event] = orders.place(ORDER_ID, CustomerName(name="Ana"), items, delivery(), None, NOW, WAITING)
    order = fold(None, [(event, NOW)])
    assert order.waiting
    assert order.model_dump(mode="json")["acceptance"] == {"state": "waiting", "until": "2026-11-20T21:40:00.123Z"}


# Accepting


@pytest.mark.parametrize("acknowledged", [False, True])
def test_accepting_an_order_is_having_seen_it(acknowledged: bool) -> None:
    order = an_order(acceptance=WAITING, acknowledged=acknowledged)
    happened = orders.accept(order, "Chuy")
    assert [event.type for event in happened] == ["order.accepted", "order.acknowledged"][: 1 if acknowledged else 2]
    after = fold(order, [(event, LATER) for event in happened])
    assert (after.acceptance, after.acknowledged, after.waiting) == (ACCEPTED, True, False)
    assert after.version == order.version + len(happened)
    assert orders.accept(after, "Lupe") == []


@pytest.mark.parametrize("at", OrderStatus)
def test_accepting_what_waits_for_nobody_does_nothing_while_the_order_is_open(at: OrderStatus) -> None:
    order = an_order(at)
    if at in ENDED:
        with pytest.raises(Conflict):
            orders.accept(order, "Chuy")
    else:
        assert orders.accept(order, "Chuy") == []


@pytest.mark.parametrize("at", sorted(ENDED))
def test_an_order_that_ended_while_it_waited_is_not_accepted(at: OrderStatus) -> None:
    order = an_order(at, acceptance=WAITING)
    assert not order.waiting
    with pytest.raises(Conflict):
        orders.accept(order, "Chuy")


def test_beginning_with_an_order_accepts_it() -> None:
    order = an_order(acceptance=WAITING)
    accepted, step = orders.advance(order, PREPARING, "Chuy", None)
    assert isinstance(accepted, ev.OrderAccepted)
    assert (accepted.by, accepted.version, step.type) == ("Chuy", 8, "order.preparing")
    after = fold(order, [(accepted, LATER), (step, LATER)])
    assert (after.status, after.version, after.acceptance) == (PREPARING, 9, ACCEPTED)


def test_an_order_that_was_taken_back_a_step_stays_accepted() -> None:
    order = an_order(PREPARING, acceptance=ACCEPTED)
    [recalled] = orders.recall(order, "faltó salsa", "Chuy", lambda _to: None)
    after = apply(order, recalled, LATER)
    assert (after.status, after.waiting) == (RECEIVED, False)


# Expiring


@pytest.mark.parametrize("why", ExpiryReason)
@pytest.mark.parametrize("at", OrderStatus)
def test_an_expired_order_is_cancelled_and_says_why(at: OrderStatus, why: ExpiryReason) -> None:
    order = an_order(at)
    if at in ENDED:
        with pytest.raises(Conflict):
            orders.expire(order, why)
        return
    expired, cancelled = orders.expire(order, why)
    assert (expired.type, cancelled.type) == ("order.expired", "order.cancelled")
    assert isinstance(cancelled, ev.OrderCancelled)
    assert cancelled.reason == "expired"
    after = fold(order, [(expired, LATER), (cancelled, LATER)])
    assert (after.status, after.expired, after.version, after.eta) == (CANCELLED, why, 9, None)


@pytest.mark.parametrize("kind", DeliveryKind)
@pytest.mark.parametrize("at", OrderStatus)
def test_an_open_order_expires_so_long_after_its_last_change(at: OrderStatus, kind: DeliveryKind) -> None:
    order = an_order(at, kind, updated_at=LATER)
    expected = None if at in ENDED else (LATER + DAY, ExpiryReason.NOT_ENDED)
    assert orders.deadline(order, DAY) == expected
    assert orders.deadline(order, None) is None


@pytest.mark.parametrize("at", OrderStatus)
def test_an_order_that_waits_expires_at_its_own_time_until_it_is_accepted(at: OrderStatus) -> None:
    expected = None if at in ENDED else (UNTIL, ExpiryReason.NOT_ACCEPTED)
    assert orders.deadline(an_order(at, acceptance=WAITING), DAY) == expected
    if at not in ENDED:
        assert orders.deadline(an_order(at, acceptance=ACCEPTED), DAY) == (NOW + DAY, ExpiryReason.NOT_ENDED)


def test_an_order_that_may_wait_for_ever_expires_like_any_other() -> None:
    waits = Acceptance(state=AcceptanceState.WAITING)
    assert orders.deadline(an_order(acceptance=waits), DAY) == (NOW + DAY, ExpiryReason.NOT_ENDED)
    assert orders.deadline(an_order(EN_ROUTE, acceptance=waits), None) is None
