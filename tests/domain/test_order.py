"""What may happen to an order, as tables."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.core.errors import BadRequest, Conflict, Forbidden, NotFound
from hub.domain import courier_rules
from hub.domain import events as ev
from hub.domain import order as orders
from hub.domain.lifecycle import ENDED, DeliveryKind, OrderStatus
from hub.domain.order_document import Courier, CustomerName, Delivery, OrderDelivery, OrderItem
from hub.domain.order_events import OrderChange
from hub.domain.order_fold import apply, fold
from hub.domain.roles import Kind, Principal, Role
from tests.domain.samples import (
    CANCELLED,
    CUSTOMER,
    DELIVERED,
    EN_ROUTE,
    LATER,
    MIGUEL,
    NOW,
    ORDER_ID,
    PREPARING,
    READY,
    RECEIVED,
    STRANGER,
    an_order,
    delivery,
    staff,
)

PICKUP, DELIVERY = DeliveryKind.PICKUP, DeliveryKind.DELIVERY

# As PROTOCOL has it, written out a second time on purpose.
STEPS = {
    (DELIVERY, RECEIVED, PREPARING),
    (DELIVERY, PREPARING, READY),
    (DELIVERY, READY, EN_ROUTE),
    (DELIVERY, EN_ROUTE, DELIVERED),
    (PICKUP, RECEIVED, PREPARING),
    (PICKUP, PREPARING, READY),
    (PICKUP, READY, DELIVERED),
}
EVERY = [(kind, at, to) for kind in DeliveryKind for at in OrderStatus for to in OrderStatus]


# Placing


def test_a_new_order_is_received_at_version_one_with_its_total() -> None:
    items = [
        OrderItem(item=1, sku="taco-pastor", name="Taco al pastor", qty=3, unit_price=2200),
        OrderItem(item=2, sku="horchata", name="Agua de horchata", qty=2, unit_price=3200),
    ]
    [event] = orders.place(ORDER_ID, CustomerName(name="Ana"), items, delivery(), None, NOW)
    order = fold(None, [(event, NOW)])
    assert (order.status, order.version, order.total, order.code) == (RECEIVED, 1, 13_000, "3Q9X")
    assert order.placed_at == order.updated_at == order.status_since == NOW
    assert not order.acknowledged
    assert order.courier is None


@pytest.mark.parametrize("address", [None, "", "   "])
def test_a_delivery_without_an_address_is_refused(address: str | None) -> None:
    with pytest.raises(BadRequest, match="address"):
        orders.place(ORDER_ID, CustomerName(name="Ana"), [], Delivery(kind=DELIVERY, address=address), None, NOW)


def test_a_pickup_order_needs_no_address_and_keeps_none() -> None:
    told = Delivery(kind=PICKUP, address="Calle Álamo 5", lat=19.4, lon=-99.1)
    [event] = orders.place(ORDER_ID, CustomerName(name="Ana"), [], told, None, NOW)
    assert isinstance(event, ev.OrderReceived)
    assert event.order.delivery == OrderDelivery(kind=PICKUP)


# The way


@pytest.mark.parametrize(("kind", "at", "to"), EVERY)
def test_an_order_only_ever_takes_the_next_step(kind: DeliveryKind, at: OrderStatus, to: OrderStatus) -> None:
    order = an_order(at, kind)
    if (kind, at, to) not in STEPS:
        with pytest.raises(Conflict) as refused:
            orders.advance(order, to, "Chuy", None)
        assert refused.value.values == {"status": str(at), "version": 7}
        return
    [event] = orders.advance(order, to, "Chuy", None)
    assert event.type == f"order.{to}"
    after = apply(order, event, LATER)
    assert (after.status, after.version, after.status_since, after.updated_at) == (to, 8, LATER, LATER)


def test_a_step_carries_who_did_it_and_the_new_estimate() -> None:
    order = an_order(RECEIVED)
    [event] = orders.advance(order, PREPARING, "Chuy", order.eta)
    assert event.model_dump() == {
        "type": "order.preparing",
        "order_id": ORDER_ID,
        "status": PREPARING,
        "version": 8,
        "by": "Chuy",
        "eta": order.eta.model_dump() if order.eta else None,
    }


# Cancelling

CAN_CANCEL = {
    "customer": {RECEIVED},
    "stranger": set(),
    Role.KITCHEN: {RECEIVED, PREPARING, READY},
    Role.COURIER: set(),
    Role.SUPPORT: {RECEIVED, PREPARING, READY},
    Role.MANAGER: {RECEIVED, PREPARING, READY, EN_ROUTE},
    Role.SERVICE: {RECEIVED, PREPARING, READY, EN_ROUTE},
}


@pytest.mark.parametrize("at", OrderStatus)
@pytest.mark.parametrize("who", CAN_CANCEL)
def test_who_may_cancel_depends_on_how_far_the_order_is(who: str | Role, at: OrderStatus) -> None:
    principal = {"customer": CUSTOMER, "stranger": STRANGER}.get(who) or staff(Role(who))
    order = an_order(at)
    if at in CAN_CANCEL[who]:
        [event] = orders.cancel(order, "se acabó el pastor", principal, "Ana")
        after = apply(order, event, LATER)
        assert (after.status, after.version, after.eta) == (CANCELLED, 8, None)
        assert isinstance(event, ev.OrderCancelled)
        assert event.reason == "se acabó el pastor"
    else:
        refusal = Conflict if at in ENDED or CAN_CANCEL[who] else Forbidden
        with pytest.raises(refusal):
            orders.cancel(order, "no", principal, "Ana")


def test_every_role_has_a_row_in_the_table_of_cancelling() -> None:
    assert set(Role) < set(CAN_CANCEL)


# Recalling


@pytest.mark.parametrize("kind", DeliveryKind)
@pytest.mark.parametrize("at", OrderStatus)
def test_a_recall_is_one_step_back_before_the_order_leaves(at: OrderStatus, kind: DeliveryKind) -> None:
    order = an_order(at, kind)
    back = {PREPARING: RECEIVED, READY: PREPARING}.get(at)
    if back is None:
        with pytest.raises(Conflict):
            orders.recall(order, "faltó salsa", "Chuy", lambda _to: None)
        return
    [event] = orders.recall(order, "faltó salsa", "Chuy", lambda _to: None)
    after = apply(order, event, LATER)
    assert (after.status, after.version, after.status_since) == (back, 8, LATER)


# Delays


@pytest.mark.parametrize("at", OrderStatus)
def test_a_delay_moves_both_ends_of_the_estimate_and_counts_as_one_change(at: OrderStatus) -> None:
    order = an_order(at)
    if at in ENDED:
        with pytest.raises(Conflict):
            orders.delay(order, 15, "mucha gente")
        return
    delayed, moved = orders.delay(order, 15, "mucha gente")
    assert (delayed.type, moved.type) == ("order.delayed", "order.eta_changed")
    after = fold(order, [(delayed, LATER), (moved, LATER)])
    assert after.eta is not None
    assert order.eta is not None
    assert after.eta.earliest - order.eta.earliest == timedelta(minutes=15)
    assert after.eta.latest - order.eta.latest == timedelta(minutes=15)
    assert (after.version, after.status, after.status_since) == (8, at, NOW)


def test_two_delays_add_up() -> None:
    order = an_order(PREPARING)
    for minutes in (10, 5):
        order = fold(order, [(event, LATER) for event in orders.delay(order, minutes, "lluvia")])
    assert order.eta is not None
    assert order.eta.earliest == NOW + timedelta(minutes=25)
    assert order.version == 9


def test_a_delay_of_an_order_without_an_estimate_is_only_said() -> None:
    order = an_order(PREPARING, eta=None)
    [event] = orders.delay(order, 15, "mucha gente")
    assert apply(order, event, LATER).eta is None


# Twice is once


def test_acknowledging_twice_is_acknowledging_once() -> None:
    order = an_order()
    [event] = orders.acknowledge(order, "Chuy")
    seen = apply(order, event, LATER)
    assert (seen.acknowledged, seen.version) == (True, 8)
    assert orders.acknowledge(seen, "Lupe") == []


@pytest.mark.parametrize("at", sorted(ENDED))
def test_an_order_that_has_ended_is_acknowledged_only_if_it_was_before(at: OrderStatus) -> None:
    with pytest.raises(Conflict):
        orders.acknowledge(an_order(at), "Chuy")
    assert orders.acknowledge(an_order(at, acknowledged=True), "Chuy") == []


def test_a_line_is_marked_once_and_may_be_taken_back() -> None:
    order = an_order(PREPARING)
    [done] = orders.mark_item(order, 2, True)
    marked = apply(order, done, LATER)
    assert [line.done for line in marked.items] == [False, True]
    assert orders.mark_item(marked, 2, True) == []
    [undone] = orders.mark_item(marked, 2, False)
    assert (done.type, undone.type) == ("order.item_done", "order.item_undone")
    assert apply(marked, undone, LATER).items == order.items
    assert orders.mark_item(order, 2, False) == []


def test_a_line_that_is_not_there_cannot_be_marked() -> None:
    with pytest.raises(NotFound):
        orders.mark_item(an_order(PREPARING), 3, True)


def test_the_same_courier_is_assigned_once_and_another_one_takes_over() -> None:
    order = an_order(READY)
    [event] = orders.assign_courier(order, MIGUEL)
    assigned = apply(order, event, LATER)
    assert assigned.courier == MIGUEL
    assert orders.assign_courier(assigned, MIGUEL) == []
    [event] = orders.assign_courier(assigned, Courier(id="rosa", name="Rosa"))
    assert apply(assigned, event, LATER).version == 9


def test_nobody_rides_a_pickup_order() -> None:
    with pytest.raises(Conflict):
        orders.assign_courier(an_order(READY, PICKUP), MIGUEL)


@pytest.mark.parametrize("at", sorted(ENDED))
def test_an_order_that_has_ended_is_neither_marked_nor_assigned(at: OrderStatus) -> None:
    for wish in (
        lambda order: orders.mark_item(order, 1, True),
        lambda order: orders.assign_courier(order, MIGUEL),
    ):
        with pytest.raises(Conflict):
            wish(an_order(at))


# Couriers among themselves

ROSA = Courier(id="rosa", name="Rosa")
ON_FOOT = {None: True, ROSA: True, MIGUEL: False}  # whose it is: may Rosa take it


def a_person(id: str, *roles: Role) -> Principal:
    return Principal(kind=Kind.STAFF, id=id, roles=frozenset(roles))


@pytest.mark.parametrize("carrier", ON_FOOT)
def test_a_courier_takes_and_delays_no_order_of_another(carrier: Courier | None) -> None:
    order, rosa = an_order(READY, courier=carrier), a_person("rosa", Role.COURIER)
    if ON_FOOT[carrier]:
        courier_rules.check_taker(order, rosa, ROSA)
    else:
        with pytest.raises(Forbidden):
            courier_rules.check_taker(order, rosa, ROSA)
    if carrier == ROSA:
        courier_rules.check_delayer(order, rosa)
    else:
        with pytest.raises(Forbidden):
            courier_rules.check_delayer(order, rosa)


@pytest.mark.parametrize("roles", [(Role.COURIER,), (Role.COURIER, Role.SUPPORT)])
def test_a_courier_takes_nothing_for_somebody_else(roles: tuple[Role, ...]) -> None:
    with pytest.raises(Forbidden):
        courier_rules.check_taker(an_order(READY), a_person("rosa", *roles), MIGUEL)


@pytest.mark.parametrize("role", [Role.KITCHEN, Role.MANAGER, Role.SERVICE])
def test_who_runs_the_kitchen_hands_an_order_over_also_when_they_ride(role: Role) -> None:
    who = a_person("rosa", role, Role.COURIER)
    courier_rules.check_taker(an_order(READY, courier=MIGUEL), who, ROSA)
    courier_rules.check_delayer(an_order(READY, courier=MIGUEL), who)


@pytest.mark.parametrize("roles", [(Role.SUPPORT,), (Role.SUPPORT, Role.COURIER)])
def test_support_delays_any_order(roles: tuple[Role, ...]) -> None:
    courier_rules.check_delayer(an_order(READY, courier=MIGUEL), a_person("rosa", *roles))


# Versions


@pytest.mark.parametrize("expected", [None, 7])
def test_a_caller_who_names_no_version_or_the_right_one_goes_on(expected: int | None) -> None:
    orders.check_version(an_order(), expected)


@pytest.mark.parametrize("expected", [1, 6, 8])
def test_a_caller_who_looked_at_another_version_is_told_the_right_one(expected: int) -> None:
    with pytest.raises(Conflict) as refused:
        orders.check_version(an_order(), expected)
    assert refused.value.values["version"] == 7


# Folding


def test_folding_the_events_of_a_whole_life_gives_the_order_as_it_stands() -> None:
    received = orders.place(ORDER_ID, CustomerName(name="Ana"), an_order().items, delivery(), an_order().eta, NOW)
    order = fold(None, [(event, NOW) for event in received])
    log = [(event, NOW) for event in received]
    wishes = [
        lambda o: orders.acknowledge(o, "Chuy"),
        lambda o: orders.delay(o, 5, "lluvia"),
        lambda o: orders.advance(o, PREPARING, "Chuy", o.eta),
        lambda o: orders.mark_item(o, 1, True),
        lambda o: orders.recall(o, "faltó salsa", "Chuy", lambda _to: None),
        lambda o: orders.advance(o, PREPARING, "Chuy", o.eta),
        lambda o: orders.advance(o, READY, "Chuy", o.eta),
        lambda o: orders.assign_courier(o, MIGUEL),
        lambda o: orders.advance(o, EN_ROUTE, "Miguel", o.eta),
        lambda o: orders.advance(o, DELIVERED, "Miguel", None),
    ]
    for number, wish in enumerate(wishes, start=1):
        at = NOW + timedelta(minutes=number)
        happened = [(event, at) for event in wish(order)]
        order = fold(order, happened)
        log += happened
    assert fold(None, log) == order
    assert (order.status, order.version, order.courier) == (DELIVERED, 11, MIGUEL)


def test_there_is_no_order_without_its_first_event() -> None:
    with pytest.raises(ValueError, match="at least one event"):
        fold(None, [])
    [event] = orders.acknowledge(an_order(), "Chuy")
    with pytest.raises(ValueError, match=r"before order\.received"):
        apply(None, event, NOW)


def test_every_event_of_an_order_can_be_folded() -> None:
    assert all(event is ev.OrderReceived or issubclass(event, OrderChange) for event in ev.OrderEvent.__args__)
