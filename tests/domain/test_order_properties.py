"""Whatever anybody wishes, in whatever order: what always holds of an order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.errors import ComandaError
from hub.domain import events as ev
from hub.domain import order as orders
from hub.domain.events import OrderEvent, parse_event
from hub.domain.lifecycle import ENDED, RULES, DeliveryKind, OrderStatus
from hub.domain.order_document import Courier, CustomerName, Eta, Order
from hub.domain.order_fold import fold
from hub.domain.roles import Role
from tests.domain.samples import CUSTOMER, NOW, ORDER_ID, STRANGER, an_order, delivery, staff

Wish = Callable[[Order], list[OrderEvent]]


def _acknowledged_as_seen(order: Order, version: int) -> list[OrderEvent]:
    orders.check_version(order, version)
    return orders.acknowledge(order, "Lupe")


ETAS = st.none() | st.integers(0, 90).map(
    lambda minutes: Eta(earliest=NOW + timedelta(minutes=minutes), latest=NOW + timedelta(minutes=minutes + 9))
)
PEOPLE = st.sampled_from([CUSTOMER, STRANGER, *map(staff, Role)])
WISHES: st.SearchStrategy[Wish] = st.one_of(
    st.builds(
        lambda to, eta: lambda o: orders.advance(o, to, "Chuy", eta),
        st.sampled_from([status for status in OrderStatus if status is not OrderStatus.CANCELLED]),
        ETAS,
    ),
    st.builds(lambda who: lambda o: orders.cancel(o, "no", who, "Ana"), PEOPLE),
    st.just(lambda o: orders.recall(o, "faltó salsa", "Chuy", lambda _to: None)),
    st.builds(lambda minutes: lambda o: orders.delay(o, minutes, "lluvia"), st.integers(1, 180)),
    st.just(lambda o: orders.acknowledge(o, "Chuy")),
    st.builds(lambda item, done: lambda o: orders.mark_item(o, item, done), st.integers(0, 3), st.booleans()),
    st.builds(
        lambda who: lambda o: orders.assign_courier(o, Courier(id=who, name=who.title())),
        st.sampled_from(["miguel", "rosa"]),
    ),
    st.builds(lambda seen: lambda o: _acknowledged_as_seen(o, seen), st.integers(1, 9)),
)


@settings(deadline=None)
@given(kind=st.sampled_from(DeliveryKind), eta=ETAS, wishes=st.lists(WISHES, max_size=40))
def test_an_order_keeps_to_its_way_whatever_is_asked_of_it(
    kind: DeliveryKind, eta: Eta | None, wishes: list[Wish]
) -> None:
    happened = orders.place(ORDER_ID, CustomerName(name="Ana"), an_order().items, delivery(kind), eta, NOW)
    log = [(event, NOW) for event in happened]
    order = fold(None, log)
    assert order.version == 1
    for number, wish in enumerate(wishes, start=1):
        at = NOW + timedelta(seconds=number)
        try:
            happened = wish(order)
        except ComandaError:
            continue
        after = fold(order, [(event, at) for event in happened])
        _check(order, after, happened)
        order = after
        log += [(event, at) for event in happened]
    assert fold(None, [(_as_read(event), at) for event, at in log]) == order
    assert Order.model_validate_json(order.model_dump_json()) == order


def _check(before: Order, after: Order, happened: list[OrderEvent]) -> None:
    counted = [event for event in happened if not isinstance(event, ev.OrderEtaChanged)]
    assert after.version == before.version + len(counted)
    assert len(counted) <= 1
    if after.status is not before.status:
        assert before.status not in ENDED
        rule = RULES[OrderStatus(before.status)]
        assert (
            after.status is rule.next.get(DeliveryKind(before.delivery.kind))
            or after.status is rule.recalled_to
            or after.status is OrderStatus.CANCELLED
        )
    if before.ended:
        assert after.model_copy(update={"acknowledged": before.acknowledged}) == before.model_copy(
            update={"version": after.version, "updated_at": after.updated_at}
        )
    # What was agreed at the counter stays so.
    for fixed in ("id", "code", "total", "customer", "delivery", "placed_at"):
        assert getattr(after, fixed) == getattr(before, fixed)


def _as_read(event: OrderEvent) -> OrderEvent:
    data = event.model_dump(mode="json", exclude={"type"})
    read = parse_event(event.type, data)
    assert isinstance(read, ev.OrderEvent)
    return read
