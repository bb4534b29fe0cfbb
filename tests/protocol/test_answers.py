"""Snapshots, acks and HTTP answers of a running hub have exactly the documented fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.domain.commands import COMMANDS
from hub.domain.order_document import Order
from tests.protocol.document import Document, Shape, name, shape
from tests.protocol.evening import Evening, Sent, spend
from tests.protocol.shapes import differences, paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.hub_harness import HubHarness


@pytest.fixture
async def evening(house: HubHarness) -> Evening:
    return await spend(house)


def wrong(documented: Mapping[str, Shape], sent: Sent) -> list[str]:
    """Return the differences between what was sent and what is documented, by name."""
    found = [f"{each} is not documented" for each in sent.keys() - documented.keys()]
    found += [f"{each} was never sent" for each in documented.keys() - sent.keys()]
    for each in documented.keys() & sent.keys():
        found += differences(documented[each], sent[each], f"{each}: ")
    return found


def changed(fields: Shape) -> Iterator[Shape]:
    """The shape without each of its fields in turn, however deep, and with one too many."""
    yield {**fields, "zz": None}
    for key, inner in fields.items():
        yield {other: fields[other] for other in fields if other != key}
        for less in changed(inner) if inner is not None else ():
            yield {**fields, key: less}


def check(documented: Mapping[str, Shape], sent: Sent) -> None:
    """Check that nothing differs, and that each missing or additional field would."""
    assert wrong(documented, sent) == []
    for each in documented:
        rest = {key: fields for key, fields in documented.items() if key != each}
        assert wrong(rest, sent), f"a row of {each} may be missing"
        for other in changed(documented[each]):
            assert wrong({**rest, each: other}, sent), f"{each} may be {other}"
    assert wrong({**documented, "zz": {}}, sent)


async def test_what_is_sent_has_the_fields_that_the_document_gives_it(evening: Evening) -> None:
    document = Document.read()
    snapshots = {kind: shape(row["snapshot"]) for kind, row in document.by_name("Snapshots", "kind").items()}
    check(snapshots, evening.snapshots)
    acks = {command: shape(row["ack"]) for command, row in document.by_name("Commands", "command").items()}
    check(acks, evening.acks)
    own = {kind: shape(row["`data`"]) for kind, row in document.by_name("The hub's own messages", "type").items()}
    check(own, evening.own)
    calls = {call: row["answer"] for call, row in document.by_name("HTTP", "call").items()}
    check({call: shape(said) for call, said in calls.items() if said.startswith("`{")}, evening.calls)
    commands = {name(said) for said in calls.values() if said.startswith("`") and not said.startswith("`{")}
    assert commands <= COMMANDS.keys()


async def test_the_document_of_an_order_has_its_fields(evening: Evening) -> None:
    shown = [answer["order"] for answer in evening.calls["GET /api/orders/{order_id}"]]
    named: Shape = dict.fromkeys(path.partition(".")[0].partition("[")[0] for path in paths(Order))
    assert differences(named, shown) == []
    staffs = dict.fromkeys(Document.read().by_name("The order", "staff's field"))
    of_customers = [key for key in (*staffs, *paths(Order)) if key.startswith("customer.")]
    customer: Shape = {key.removeprefix("customer."): None for key in of_customers}
    assert differences(customer, [order["customer"] for order in shown]) == []
    for gone in customer:
        assert differences({key: None for key in customer if key != gone}, [order["customer"] for order in shown])
