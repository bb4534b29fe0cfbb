"""The checker itself: it is content with what is right, and names whatever is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from hub.core.times import format_time
from hub.domain.lifecycle import OrderStatus
from hub.domain.order import advance, place
from hub.domain.order_document import Delivery, Order
from hub.store import LogEntry
from tests.chaos.checker import Acked, Broken, Checker
from tests.chaos.faults import Kind, schedule
from tests.chaos.record import Down, Entered, Entry, ReceivedEvent, Record, Reset, Up, Whole, record
from tests.chaos.truth import Stream, applied
from tests.domain.samples import NOW, an_order

EPOCH = "e1"
OFFSETS = (3, 5, 6, 9)


class Log:
    """A log made by hand."""

    def __init__(self, epoch: str = EPOCH) -> None:
        self.epoch = epoch
        self.documents: dict[str, Order | None] = {}
        self.streams: dict[str, Stream] = {}

    def stream(self, room: str) -> Stream:
        return self.streams.setdefault(room, Stream())

    def write(self, room: str, offset: int, type: str = "promo.published", body: str = "") -> ReceivedEvent:
        stream = self.stream(room)
        body = body or json.dumps({"type": type, "at": format_time(NOW), "data": {"title": str(offset)}})
        prev = stream.head
        stream.take(LogEntry(offset, prev, room, type, body))
        event = json.loads(body) if room.startswith("order:") else None
        return ReceivedEvent(room, offset, prev, type, f"{self.epoch}-{offset}", event)


def promos(log: Log, offsets: Iterable[int] = OFFSETS) -> list[ReceivedEvent]:
    return [log.write("promos", offset) for offset in offsets]


def joined(room: str = "promos", at: int = 0) -> Entered:
    return Entered(room, f"{EPOCH}-{at}", False, (), {})


def checked(log: Log, entries: Iterable[Entry], acks: Iterable[Acked] = ()) -> list[Broken]:
    checker = Checker()
    checker.follow(Record("ana", list(entries), stock=True))
    checker.compare(log, acks)
    return [breach.broken for breach in checker.breaches]


def test_a_client_that_has_everything_once_and_in_order_breaks_nothing() -> None:
    log = Log()
    seen = promos(log)
    acks = [Acked("promos", f"{EPOCH}-5", "5"), Acked("promos", "an older epoch-77")]
    assert checked(log, [Up(0, False), joined(), *seen], acks) == []


@pytest.mark.parametrize("lost", range(len(OFFSETS)))
def test_each_event_that_is_lost_is_missed(lost: int) -> None:
    log = Log()
    seen = promos(log)
    del seen[lost]
    broken = checked(log, [joined(), *seen])
    assert Broken.MISSING in broken
    assert (Broken.GAP in broken) is (lost < len(OFFSETS) - 1)  # nothing follows the last: only the log tells


@pytest.mark.parametrize("twice", range(len(OFFSETS)))
def test_each_event_that_comes_twice_is_a_repeat(twice: int) -> None:
    log = Log()
    seen = promos(log)
    assert Broken.REPEAT in checked(log, [joined(), *seen, seen[twice]])


def test_a_repeat_across_two_looks_is_one_as_well() -> None:
    log, checker = Log(), Checker()
    seen = promos(log)
    looks: tuple[list[Entry], ...] = ([joined(), *seen], [Down(0, ""), seen[-1]])
    for entries in looks:
        checker.follow(Record("ana", entries))
        checker.compare(log)
    assert [breach.broken for breach in checker.breaches] == [Broken.REPEAT]


def test_events_that_change_places_are_out_of_order() -> None:
    log = Log()
    a, b, c, d = promos(log)
    assert Broken.ORDER in checked(log, [joined(), a, c, b, d])


def test_the_order_holds_over_all_rooms_of_a_connection_and_begins_anew_with_the_next() -> None:
    log = Log()
    early, late = log.write("promos", 4), log.write("stock", 8)
    rooms = [joined(), joined("stock")]
    assert checked(log, [*rooms, early, late]) == []
    assert checked(log, [*rooms, late, early]) == [Broken.ORDER]
    assert checked(log, [*rooms, late, Down(0, ""), Up(0, True), early]) == []


def test_a_cursor_that_is_ahead_of_what_is_still_to_come_would_lose_it() -> None:
    log = Log()
    kitchen, order = log.write("kitchen", 4), log.write("stock", 4)
    rooms = [joined("kitchen"), joined("stock")]
    earlier = ReceivedEvent("kitchen", 4, 0, kitchen.type, f"{EPOCH}-3")
    assert checked(log, [*rooms, earlier, order]) == []
    assert checked(log, [*rooms, kitchen, order]) == [Broken.CURSOR]
    assert checked(log, [*rooms, earlier, ReceivedEvent("stock", 4, 0, order.type, "other-4")]) == [Broken.CURSOR]
    assert Broken.CURSOR in checked(log, [*rooms, ReceivedEvent("kitchen", 4, 0, kitchen.type, f"{EPOCH}-7"), order])


def test_what_nobody_wrote_and_what_is_not_ones_own_are_phantoms() -> None:
    log = Log()
    seen = promos(log)
    assert Broken.PHANTOM in checked(
        log, [joined(), *seen, ReceivedEvent("promos", 11, 9, "promo.published", f"{EPOCH}-11")]
    )
    assert checked(log, [joined(), *seen, log.write("stock", 12)]) == [Broken.PHANTOM]


def test_who_enters_from_a_cursor_has_what_the_answer_holds() -> None:
    log = Log()
    a, b, c, d = promos(log)
    back = Entered("promos", f"{EPOCH}-6", True, (b, c), {})
    assert checked(log, [joined(), a, Down(0, ""), back, d]) == []
    short = Entered("promos", f"{EPOCH}-6", True, (b,), {})
    assert Broken.MISSING in checked(log, [joined(), a, Down(0, ""), short, d])


def test_a_reset_begins_anew_and_the_old_epoch_is_not_asked_for() -> None:
    log = Log("e2")
    after = log.write("promos", 20)
    reset = Reset("promos", "e2-10", {})
    before = ReceivedEvent("promos", 3, 0, "promo.published", f"{EPOCH}-3")
    assert checked(log, [joined(), before, reset, after]) == []
    assert checked(log, [joined(), before]) == [Broken.MISSING]


def test_an_ack_that_is_not_in_the_log_and_one_that_is_there_twice_are_found() -> None:
    log = Log()
    seen = promos(log)
    assert checked(log, [joined(), *seen], [Acked("promos", f"{EPOCH}-7")]) == [Broken.ACK]
    seen.append(log.write("promos", 12, body=json.dumps({"type": "promo.published", "data": {"title": "5"}})))
    assert checked(log, [joined(), *seen], [Acked("promos", f"{EPOCH}-5", "5")]) == [Broken.TWICE]


def test_a_log_that_does_not_hang_together_is_found() -> None:
    log = Log()
    seen = promos(log)
    log.stream("promos").prevs[2] = 3
    assert Broken.CHAIN in checked(log, [joined(), *seen])


def order_log() -> tuple[Log, str, list[ReceivedEvent], Order]:
    order = an_order()
    room = f"order:{order.id}"
    log = Log()
    delivery = Delivery.model_validate(order.delivery.model_dump(exclude_none=True))
    [received] = place(order.id, order.customer, order.items, delivery, order.eta, NOW)
    placed = applied(None, json.loads(received.body(NOW)))
    assert placed is not None
    [step] = advance(placed, OrderStatus.PREPARING, "Ana", None)
    seen = [log.write(room, number, event.type, event.body(NOW)) for number, event in ((4, received), (6, step))]
    log.documents[room] = log.stream(room).order
    return log, room, seen, placed


def test_a_document_is_what_its_events_add_up_to_in_the_log_and_with_each_client() -> None:
    log, room, seen, placed = order_log()
    snapshot = {"order": placed.model_dump(mode="json")}
    start = Entered(room, f"{EPOCH}-4", False, (), snapshot)
    assert checked(log, [start, seen[1]]) == []
    log.documents[room] = placed
    assert checked(log, [start, seen[1]]) == [Broken.STATE, Broken.STATE]


@pytest.mark.parametrize(("writes", "broken"), [(0, [Broken.TWICE]), (1, []), (2, [Broken.ACK])])
def test_an_order_has_as_many_changes_as_were_acknowledged(writes: int, broken: list[Broken]) -> None:
    log, room, _, _ = order_log()
    checker = Checker()
    checker.compare(log, (), {room: writes})
    assert [breach.broken for breach in checker.breaches] == broken


def test_returns_are_counted_for_those_whose_library_recovers() -> None:
    checker = Checker()
    away: list[Entry] = [
        Up(0, False),
        Whole(0, None),
        Down(1, ""),
        Up(900, True),
        Whole(900, 899),
        Down(1_000, ""),
        Up(1_500, False),
    ]
    checker.follow(Record("ana", away, stock=True))
    checker.follow(Record("python", away))
    assert (checker.tally.returns, checker.tally.recovered, checker.tally.downs) == (2, 2, 4)
    assert checker.tally.slowest_ms == 899


def test_a_record_is_read_as_it_is_told() -> None:
    told: list[list[Any]] = [
        ["up", 1, False],
        ["entered", "promos", "e-3", True, [["promos", 3, 0, "promo.published", "e-3", None]], {}],
        ["seen", "promos", 7, 3, "promo.published", "e-7", None],
        ["reset", "promos", "f-9", {}],
    ]
    assert record("ana", told).entries == [
        Up(1, False),
        Entered("promos", "e-3", True, (ReceivedEvent("promos", 3, 0, "promo.published", "e-3"),), {}),
        ReceivedEvent("promos", 7, 3, "promo.published", "e-7"),
        Reset("promos", "f-9", {}),
    ]


def test_a_seed_is_a_schedule_and_every_fault_has_its_turn() -> None:
    first, again, other = ([fault for fault, _ in zip(schedule(seed), range(44), strict=False)] for seed in (7, 7, 8))
    assert first == again != other
    assert {fault.kind for fault in first[: len(Kind)]} == set(Kind)
