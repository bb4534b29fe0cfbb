"""What an endpoint is sent when: the order of each order, the waits, the probes, the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.outbound.delivery import Delivery, delivery_of
from hub.outbound.delivery_schedule import (
    BACKOFF_S,
    BREAK_AFTER,
    MAX_HELD,
    PARALLEL,
    DeliverySchedule,
    backoff_s,
)
from hub.outbound.webhook_progress import WebhookProgress, progress_of, schedule_of

START = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
THREE_DAYS = timedelta(days=3)


def a_delivery(order: str, number: int = 1, at: datetime = START, *, replayed: bool = False) -> Delivery:
    cursor = "" if replayed else f"{number}-0"
    return Delivery(f"e.{number}", cursor, "order.ready", order, "{}", at, at + THREE_DAYS, replayed)


def a_schedule(*deliveries: Delivery) -> DeliverySchedule:
    schedule = DeliverySchedule(lambda: 0.5)
    for delivery in deliveries:
        schedule.add(delivery)
    return schedule


def sent(schedule: DeliverySchedule, now: datetime = START) -> list[str]:
    return [delivery.id for delivery in schedule.advance(now).send]


def test_a_later_event_of_an_order_waits_for_the_earlier_one() -> None:
    first, second = a_delivery("A", 1), a_delivery("A", 2)
    schedule = a_schedule(first, second)
    assert sent(schedule) == ["e.1"]
    assert sent(schedule) == []
    schedule.arrived(first, START)
    assert sent(schedule) == ["e.2"]


def test_other_orders_pass_one_that_fails() -> None:
    bad, later, other = a_delivery("A", 1), a_delivery("A", 2), a_delivery("B", 3)
    schedule = a_schedule(bad, later)
    assert sent(schedule) == ["e.1"]
    schedule.failed(bad, START, "500")
    schedule.add(other)
    assert sent(schedule) == ["e.3"]
    schedule.arrived(other, START)
    assert sent(schedule) == []
    assert schedule.wake_at() == START + timedelta(seconds=5)
    assert sent(schedule, START + timedelta(seconds=5)) == ["e.1"]


def test_so_many_are_under_way_at_once_and_no_more() -> None:
    schedule = a_schedule(*(a_delivery(f"order-{n}", n) for n in range(PARALLEL + 2)))
    assert len(sent(schedule)) == PARALLEL
    assert sent(schedule) == []


def test_the_waits_grow_to_an_hour_and_stay_there() -> None:
    delivery, waits, now = a_delivery("A"), list[float](), START
    schedule = a_schedule(delivery)
    for _ in range(BREAK_AFTER - 1):
        assert sent(schedule, now) == ["e.1"]
        schedule.failed(delivery, now, "500")
        at = schedule.wake_at()
        assert at is not None
        waits.append((at - now).total_seconds())
        now = at
    assert waits == list(BACKOFF_S[: BREAK_AFTER - 1])
    assert backoff_s(99, 0.5) == BACKOFF_S[-1]


@given(st.floats(0, 1), st.integers(1, 100))
def test_the_jitter_is_a_fifth_at_most(chance: float, failures: int) -> None:
    wait_s = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]
    assert 0.8 * wait_s <= backoff_s(failures, chance) + 1e-9
    assert backoff_s(failures, chance) <= 1.2 * wait_s + 1e-9


@pytest.mark.parametrize(("asked_s", "waits_s"), [(None, 5), (1, 5), (90, 90), (1e9, 3_600)])
def test_the_endpoint_may_ask_for_a_longer_wait_of_an_hour_at_most(asked_s: float | None, waits_s: float) -> None:
    delivery = a_delivery("A")
    schedule = a_schedule(delivery)
    schedule.advance(START)
    schedule.failed(delivery, START, "503", asked_s)
    assert schedule.wake_at() == START + timedelta(seconds=waits_s)


def failing(schedule: DeliverySchedule, times: int, now: datetime = START) -> datetime:
    """Let as many tries fail; return the time of the next one."""
    for _ in range(times):
        while not (steps := schedule.advance(now)).send:
            at = schedule.wake_at()
            assert at is not None
            assert at > now
            now = at
        for delivery in steps.send:
            schedule.failed(delivery, now, "500")
    at = schedule.wake_at()
    assert at is not None
    return at


def test_an_endpoint_that_is_down_is_probed_by_one_delivery_and_the_first_that_arrives_frees_all() -> None:
    schedule = a_schedule(*(a_delivery(f"order-{n}", n) for n in range(8)))
    at = failing(schedule, BREAK_AFTER)
    assert schedule.down
    assert sent(schedule, START) == []
    [probe] = schedule.advance(at).send
    assert schedule.advance(at).send == ()
    schedule.arrived(probe, at)
    assert schedule.failures == 0
    assert len(sent(schedule, at)) == PARALLEL


def test_after_three_days_a_delivery_is_given_up_and_the_next_one_of_its_order_goes() -> None:
    old, young = a_delivery("A", 1), a_delivery("A", 2, START + timedelta(days=1))
    other = a_delivery("B", 3)
    schedule = a_schedule(old, young)
    schedule.advance(START)
    schedule.failed(old, START, "500")
    schedule.add(other)
    schedule.advance(START)
    schedule.arrived(other, START)
    steps = schedule.advance(START + THREE_DAYS)
    [given_up] = steps.give_up
    assert (given_up.delivery, given_up.attempts, given_up.reason) == (old, 1, "500")
    assert [delivery.id for delivery in steps.send] == ["e.2"]


def test_a_schedule_knows_since_when_nothing_has_arrived() -> None:
    schedule = a_schedule(a_delivery("A"))
    failing(schedule, 3)
    assert (schedule.failing_since, schedule.failures) == (START, 3)
    [given_up] = schedule.advance(START + THREE_DAYS).give_up
    assert given_up.attempts == 3
    assert schedule.failing_since == START, "nothing has arrived since"


def test_a_delivery_that_was_never_tried_is_tried_however_old_it_is() -> None:
    schedule = a_schedule(a_delivery("A", at=START - timedelta(days=9)))
    steps = schedule.advance(START)
    assert (len(steps.send), steps.give_up) == (1, ())


def test_so_much_is_held_and_then_no_more_is_read() -> None:
    schedule = a_schedule(*(a_delivery(f"order-{n}", n) for n in range(MAX_HELD)))
    assert schedule.room == 0
    [first, *_] = schedule.advance(START).send
    schedule.arrived(first, START)
    assert schedule.room == 1


def test_a_broken_off_try_counts_as_none() -> None:
    delivery = a_delivery("A")
    schedule = a_schedule(delivery)
    schedule.advance(START)
    schedule.interrupted(delivery)
    assert sent(schedule) == ["e.1"]
    assert schedule.failures == 0


def test_what_is_sent_again_does_not_wait_for_the_events_of_its_order_nor_they_for_it() -> None:
    again = a_delivery("A", 1, replayed=True)
    schedule = a_schedule(again, a_delivery("A", 2))
    assert sorted(sent(schedule)) == ["e.1", "e.2"]
    schedule.arrived(again, START)
    assert list(schedule.queues) == ["A"]


def test_letting_go_returns_everything_oldest_first() -> None:
    schedule = a_schedule(a_delivery("A", 1, START + timedelta(1)), a_delivery("A", 2, START + timedelta(2)))
    schedule.add(a_delivery("B", 3))
    assert [each.delivery.id for each in schedule.give_up_all("gone")] == ["e.3", "e.1", "e.2"]
    assert schedule.queues == {}


def restored(schedule: DeliverySchedule) -> DeliverySchedule:
    """The schedule as another process makes it of what was stored."""
    progress = progress_of(schedule, "0-0", "9-0")
    held = [delivery for queue in schedule.queues.values() for delivery in queue.held if delivery.cursor]
    stored = WebhookProgress.model_validate_json(progress.model_dump_json())
    assert stored.held == {delivery.cursor for delivery in held}
    return schedule_of(stored, sorted(held, key=lambda each: int(each.cursor[:-2])), lambda: 0.5)


def test_another_process_goes_on_with_the_same_deliveries_at_the_same_times() -> None:
    bad = a_delivery("A", 1)
    schedule = a_schedule(bad, a_delivery("A", 2), a_delivery("B", 3), a_delivery("C", 4, replayed=True))
    schedule.advance(START)
    schedule.failed(bad, START, "500")
    other = restored(schedule)
    assert {key: [each.id for each in queue.held] for key, queue in other.queues.items()} == {
        "A": ["e.1", "e.2"],
        "B": ["e.3"],
    }
    assert (other.queues["A"].attempts, other.queues["A"].retry_at) == (1, START + timedelta(seconds=5))
    assert sent(other) == ["e.3"], "what was under way is sent again, what failed waits"
    assert (other.failures, other.failing_since) == (1, START)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["arrive", "fail", "crash"])), max_size=60))
def test_whatever_fails_or_crashes_each_order_arrives_whole_and_in_its_order(steps: list[tuple[int, str]]) -> None:
    deliveries = [a_delivery("ABCD"[n % 4], n) for n in range(20)]
    schedule, now, arrived = a_schedule(*deliveries), START, list[Delivery]()
    under_way: list[Delivery] = []
    for pick, what in [*steps, *[(0, "arrive")] * 80]:
        under_way += schedule.advance(now).send
        if not under_way:
            now = schedule.wake_at() or now
            continue
        delivery = under_way.pop(pick % len(under_way))
        if what == "crash":
            schedule, under_way = restored(schedule), []
        elif what == "fail":
            schedule.failed(delivery, now, "500")
        else:
            arrived.append(delivery)
            schedule.arrived(delivery, now)
    assert schedule.queues == {}
    for order in "ABCD":
        assert [each for each in arrived if each.queue == order] == [each for each in deliveries if each.queue == order]


def test_a_delivery_carries_its_event_as_standard_webhooks_has_it() -> None:
    body = '{"type":"order.ready","at":"2026-11-20T21:30:00.000Z","data":{"order_id":"PED1","by":"Chuy ñ"}}'
    delivery = delivery_of("e.7", "5-1", "order.ready", body, THREE_DAYS)
    assert delivery is not None
    assert delivery.body == (
        '{"type":"order.ready","timestamp":"2026-11-20T21:30:00.000Z","data":{"order_id":"PED1","by":"Chuy ñ"}}'
    )
    assert (delivery.queue, delivery.order_id, delivery.expires_at) == ("PED1", "PED1", START + THREE_DAYS)


@pytest.mark.parametrize(
    ("data", "queue"),
    [('{"order":{"id":"PED2"}}', "PED2"), ('{"promo_id":"p"}', "*promo"), ('{"order":null,"order_id":"PED3"}', "PED3")],
)
def test_events_queue_by_their_order_or_else_by_their_family(data: str, queue: str) -> None:
    body = f'{{"type":"promo.published","at":"2026-11-20T21:30:00.000Z","data":{data}}}'
    delivery = delivery_of("e.7", "5-1", "promo.published", body, THREE_DAYS)
    assert delivery is not None
    assert delivery.queue == queue


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"at":"x","data":{}}', '{"at":"2026-11-20T21:30:00Z","data":[]}'])
def test_an_event_that_cannot_be_read_is_no_delivery(body: str) -> None:
    assert delivery_of("e.7", "5-1", "order.ready", body, THREE_DAYS) is None
