"""One number's outbox: the order of messages, their pace, and statuses that come as they like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.whatsapp_outbox import (
    BURST,
    DOUBT,
    MAX_SETTLED,
    MAX_WAITING,
    PACE,
    Outbox,
    OutMessage,
    OutState,
)
from hub.domain.whatsapp_port import TextMessage

NOW = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


def message(name: str) -> OutMessage:
    return OutMessage(id=name, message=TextMessage(text=f"Hola {name}"), made_at=NOW, next_try=NOW)


def outbox(*names: str) -> Outbox:
    found = Outbox()
    for name in names:
        found = found.adding(message(name))
    return found


def sent(box: Outbox, at: datetime) -> Outbox:
    """The outbox after its next message was sent."""
    begun = box.begin(at)
    assert begun.next is not None
    return begun.replacing(begun.next.settled(OutState.SENT, wamid=f"wamid.{begun.next.id}"))


def state(box: Outbox, name: str) -> str:
    [found] = [each for each in box.messages if each.id == name]
    return str(found.state)


def test_a_message_is_taken_once() -> None:
    assert outbox("a", "b", "a") == outbox("a", "b")
    assert sent(outbox("a"), NOW).adding(message("a")).next is None


def test_messages_go_in_order_and_the_next_one_waits_for_the_one_before() -> None:
    box = outbox("a", "b")
    assert box.next is not None
    assert box.next.id == "a"
    box = box.replacing(box.next.postponed(NOW + timedelta(minutes=5), "code_131056"))
    assert not box.is_due(NOW + timedelta(minutes=4))
    assert box.is_due(NOW + timedelta(minutes=5))
    box = sent(box, NOW + timedelta(minutes=5))
    assert box.next is not None
    assert box.next.id == "b"


def test_a_burst_is_sent_at_once_and_then_one_message_in_six_seconds() -> None:
    box, now, times = outbox(*map(str, range(BURST + 3))), NOW, []
    while (due := box.next_due) is not None:
        now = max(now, due)
        times.append(now)
        box = sent(box, now)
    assert times[:BURST] == [NOW] * BURST
    assert [after - before for before, after in zip(times[BURST - 1 :], times[BURST:], strict=False)] == [PACE] * 3


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=90))
def test_whatever_the_pauses_no_window_holds_more_than_its_burst_and_pace(pauses_ms: list[int]) -> None:
    box, now, times = outbox(*map(str, range(len(pauses_ms)))), NOW, []
    for pause in pauses_ms:
        now += timedelta(milliseconds=pause)
        due = box.next_due
        assert due is not None
        now = max(now, due)
        box = sent(box, now)
        times.append(now)
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= BURST + (times[last] - times[first]) / PACE + 1e-9


def test_after_a_lost_answer_a_status_is_waited_for_before_it_is_sent_again() -> None:
    box = outbox("a").begin(NOW)
    assert not box.is_due(NOW + DOUBT - timedelta(seconds=1))
    assert box.is_due(NOW + DOUBT)
    told = box.changing("a", lambda each: each.after_status("sent", "wamid.1", None))
    assert told.next is None
    assert state(told, "a") == "sent"


@pytest.mark.parametrize("order", list(permutations(("sent", "delivered", "read"))), ids=" ".join)
def test_statuses_move_a_message_forwards_only(order: tuple[str, ...]) -> None:
    box = outbox("a").begin(NOW)
    for status in (*order, *order):
        box = box.replacing(box.messages[0].after_status(status, "wamid.1", None))
    assert state(box, "a") == "read"
    [kept] = box.messages
    assert (kept.wamid, kept.message) == ("wamid.1", None)


def test_a_failure_is_final_unless_the_message_has_arrived() -> None:
    failed = message("a").after_status("failed", "w", 131026)
    assert (failed.state, failed.detail) == ("failed", "code_131026")
    assert failed.after_status("delivered", "w", None) == failed
    read = message("a").after_status("read", "w", None)
    assert read.after_status("failed", "w", 131026) == read
    assert message("a").after_status("warned", "w", None) == message("a")


def test_a_status_is_known_by_our_id_or_by_whatsapps() -> None:
    box = sent(outbox("a", "b"), NOW)
    assert box.id_of("a", "") == "a"
    assert box.id_of("", "wamid.a") == "a"
    assert box.id_of("z", "wamid.z") == ""
    assert box.id_of("", "") == ""


def test_what_waits_is_bounded_and_what_is_over_is_forgotten_at_last() -> None:
    full = outbox(*map(str, range(MAX_WAITING)))
    more = full.adding(message("more"))
    assert state(more, "more") == "dropped"
    assert more.news_since(full) == ("added", "dropped")
    box = Outbox()
    for each in range(MAX_SETTLED + 10):
        box = sent(box.adding(message(str(each))), NOW + each * PACE)
    assert len(box.adding(message("last")).messages) == MAX_SETTLED + 1


def test_tallies_count_each_step_once() -> None:
    before = outbox("a")
    after = sent(before, NOW)
    assert before.news_since(Outbox()) == ("added",)
    assert after.news_since(before) == ("sent",)
    assert after.news_since(after) == ()
