"""One write: all of it, or none of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hub.core.errors import Conflict, IdempotencyMismatch
from hub.store import DocKey, Document, EventLog, IdempotencyKey, IndexMove, NewEvent, Write
from tests.support.writes import event, order, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract

KEY = DocKey("order", "A")


async def test_an_event_goes_to_several_rooms_with_one_offset_and_a_prev_for_each(log: EventLog) -> None:
    await log.commit(told("kitchen"))
    committed = await log.commit(told("order:A", "kitchen"))
    [in_order] = await log.read("order:A", 0)
    [_, in_kitchen] = await log.read("kitchen", 0)
    assert committed.offsets == (2,)
    assert (in_order.offset, in_order.prev) == (2, 0)
    assert (in_kitchen.offset, in_kitchen.prev) == (2, 1)
    assert in_order.body == in_kitchen.body


async def test_several_events_of_one_write_follow_each_other(log: EventLog) -> None:
    write = Write(events=(event("a", "kitchen"), event("b", "order:A"), event("c", "kitchen", "order:A")))
    committed = await log.commit(write)
    assert committed.offsets == (1, 2, 3)
    assert committed.head == 3
    assert [(e.offset, e.prev, e.type) for e in await log.read("kitchen", 0)] == [(1, 0, "a"), (3, 1, "c")]
    assert [(e.offset, e.prev, e.type) for e in await log.read("order:A", 0)] == [(2, 0, "b"), (3, 2, "c")]


async def test_a_room_named_twice_gets_the_event_once(log: EventLog) -> None:
    await log.commit(told("kitchen", "kitchen"))
    assert len(await log.read("kitchen", 0)) == 1


async def test_a_body_is_kept_to_the_letter(log: EventLog) -> None:
    body = '{"type":"a","at":"…","data":{"text":"¿Dónde está mi pedido? 🌮\\n\\u0000 100 %s %d"}}'
    await log.commit(Write(events=(NewEvent("a", body, ("kitchen",)),)))
    assert [entry.body for entry in await log.read("kitchen", 0)] == [body]


async def test_a_known_command_commits_nothing_and_gives_the_first_result(log: EventLog) -> None:
    write = replace(order("A", 1), idempotency=IdempotencyKey("c:1", "f"), result='{"order":\n"A"}')
    first = await log.commit(write)
    await log.commit(told("kitchen"))
    second = await log.commit(replace(write, result="another"))
    assert (first.repeated, second.repeated) == (False, True)
    assert second == replace(first, repeated=True)
    assert len(await log.read("kitchen", 0)) == 2


async def test_a_known_command_is_recognised_before_its_versions_are_looked_at(log: EventLog) -> None:
    write = replace(order("A", 1), idempotency=IdempotencyKey("c:1"))
    await log.commit(write)
    assert (await log.commit(write)).repeated


async def test_a_known_command_without_events_is_recognised_too(log: EventLog) -> None:
    write = Write(documents=(Document(KEY, 1, "{}"),), idempotency=IdempotencyKey("c:1"), result="r")
    await log.commit(write)
    again = await log.commit(write)
    assert (again.repeated, again.offsets, again.result) == (True, (), "r")


async def test_a_command_id_with_another_body_is_refused(log: EventLog) -> None:
    await log.commit(replace(told("kitchen"), idempotency=IdempotencyKey("c:1", "one")))
    with pytest.raises(IdempotencyMismatch):
        await log.commit(replace(told("kitchen"), idempotency=IdempotencyKey("c:1", "two")))
    assert len(await log.read("kitchen", 0)) == 1


async def test_a_refused_command_is_not_remembered(log: EventLog) -> None:
    write = replace(order("A", 2), idempotency=IdempotencyKey("c:1"))
    with pytest.raises(Conflict):
        await log.commit(write)
    await log.commit(order("A", 1))
    assert not (await log.commit(write)).repeated


async def test_the_same_command_from_fifty_callers_at_once_commits_once(
    make_log: Callable[..., EventLog],
) -> None:
    logs = [make_log() for _ in range(5)]
    write = replace(told("kitchen"), idempotency=IdempotencyKey("c:1"))
    all_committed = await asyncio.gather(*(logs[n % 5].commit(write) for n in range(50)))
    assert sum(not committed.repeated for committed in all_committed) == 1
    assert {committed.offsets for committed in all_committed} == {(1,)}
    assert len(await logs[0].read("kitchen", 0)) == 1


async def test_a_command_is_remembered_for_its_time(make_log: Callable[..., EventLog], redis: Redis) -> None:
    log = make_log(command_ttl_s=120)
    await log.commit(replace(told("kitchen"), idempotency=IdempotencyKey("c:1")))
    assert 110 < await redis.ttl(log.keys.command("c:1")) <= 120


async def test_a_command_may_be_remembered_for_a_time_of_its_own(log: EventLog, redis: Redis) -> None:
    await log.commit(replace(told("kitchen"), idempotency=IdempotencyKey("c:1", kept_s=60)))
    assert 50 < await redis.ttl(log.keys.command("c:1")) <= 60


async def test_a_key_of_the_last_command_knows_that_one_and_no_other(log: EventLog) -> None:
    def last(fingerprint: str) -> IdempotencyKey:
        return IdempotencyKey("last", fingerprint, kept_s=60, last_only=True)

    said = ["five", "five", "none", "five", "five"]
    repeated = [(await log.commit(replace(told("kitchen"), idempotency=last(each)))).repeated for each in said]
    assert repeated == [False, True, False, False, True]
    assert (await log.remembered(last("five"))) is not None
    assert await log.remembered(last("none")) is None
    await log.commit(Write(expire=((last(""), -1),)))
    assert await log.remembered(last("five")) is None


async def test_a_stale_version_is_a_conflict_that_names_the_one_found(log: EventLog) -> None:
    await log.commit(order("A", 1))
    await log.commit(order("A", 2))
    with pytest.raises(Conflict) as caught:
        await log.commit(order("A", 2))
    assert caught.value.values == {"document": "A", "version": 2}


async def test_version_zero_means_that_there_must_be_none(log: EventLog) -> None:
    await log.commit(Write(expects=((KEY, 0),), documents=(Document(KEY, 7, "{}"),)))
    with pytest.raises(Conflict) as caught:
        await log.commit(Write(expects=((KEY, 0),)))
    assert caught.value.values["version"] == 7


async def test_one_conflict_among_several_documents_writes_nothing_at_all(log: EventLog) -> None:
    other = DocKey("order", "B")
    write = Write(
        events=(event("a", "kitchen"),),
        expects=((KEY, 0), (other, 3)),
        documents=(Document(KEY, 1, "{}"), Document(other, 4, "{}")),
        index=(IndexMove("open", "A", True),),
        samples=(("prep", 5),),
        queue=("turn",),
    )
    with pytest.raises(Conflict) as caught:
        await log.commit(write)
    assert caught.value.values == {"document": "B", "version": 0}
    assert await log.documents([KEY, other]) == [None, None]
    assert await log.read("kitchen", 0) == []
    assert await log.indexed("open", before=None, limit=9) == []
    assert await log.samples("prep") == []
    assert (await log.position()).offset == 0


async def test_fifty_racing_writers_each_get_their_turn(make_log: Callable[..., EventLog]) -> None:
    logs = [make_log() for _ in range(5)]

    async def add_one(log: EventLog) -> int:
        while True:
            found = await log.document(KEY)
            version = found.version if found else 0
            try:
                return (await log.commit(order("A", version + 1))).offsets[0]
            except Conflict:
                continue

    offsets = await asyncio.gather(*(add_one(logs[n % 5]) for n in range(50)))
    assert sorted(offsets) == list(range(1, 51))
    found = await logs[0].document(KEY)
    assert found is not None
    assert found.version == 50
    entries = await logs[0].read("order:A", 0)
    assert [entry.offset for entry in entries] == list(range(1, 51))
    assert [entry.prev for entry in entries] == list(range(50))


async def test_an_index_gives_its_newest_members_first_with_their_offsets(log: EventLog) -> None:
    for id in "ABC":
        await log.commit(replace(order(id, 1), index=(IndexMove("open", id, True),)))
    await log.commit(replace(order("B", 2), index=(IndexMove("open", "B", False),)))
    assert await log.indexed("open", before=None, limit=10) == [("C", 3), ("A", 1)]
    assert await log.indexed("open", before=3, limit=10) == [("A", 1)]
    assert await log.indexed("open", before=None, limit=1) == [("C", 3)]


async def test_an_index_loses_its_oldest_members_past_what_it_keeps_and_none_when_it_keeps_all(log: EventLog) -> None:
    for id in "ABCDE":
        moves = (IndexMove("kept", id, True, keep=3), IndexMove("all", id, True, keep=0), IndexMove("usual", id, True))
        await log.commit(replace(order(id, 1), index=moves))
    for index, members in (("kept", "EDC"), ("all", "EDCBA"), ("usual", "EDCBA")):
        assert "".join(member for member, _ in await log.indexed(index, before=None, limit=10)) == members


async def test_a_member_that_enters_without_an_event_stands_at_the_counter(log: EventLog) -> None:
    await log.commit(told("kitchen"))
    await log.commit(Write(index=(IndexMove("staff", "ana", True),)))
    assert await log.indexed("staff", before=None, limit=1) == [("ana", 1)]


async def test_of_samples_the_newest_hundred_are_kept(log: EventLog) -> None:
    await log.commit(Write(samples=tuple(("prep", n) for n in range(130))))
    assert await log.samples("prep") == list(range(129, 29, -1))
    assert await log.samples("never") == []


async def test_the_queue_gets_its_payloads_in_the_same_step(log: EventLog, redis: Redis) -> None:
    await log.commit(replace(told("chat:1"), queue=('{"turn":1}', '{"turn":2}')))
    entries: Any = await redis.xrange(log.keys.jobs)
    assert [fields["p"] for _id, fields in entries] == ['{"turn":1}', '{"turn":2}']


async def test_documents_and_rooms_can_be_given_an_end(log: EventLog, redis: Redis) -> None:
    await log.commit(replace(order("A", 1), expire=((KEY, 600), ("order:A", 900))))
    assert 590 < await redis.ttl(log.keys.document(KEY)) <= 600
    assert 890 < await redis.ttl(log.keys.room("order:A")) <= 900
    assert 890 < await redis.ttl(log.keys.head("order:A")) <= 900
    assert await redis.ttl(log.keys.room("kitchen")) == -1


async def test_a_room_that_gets_another_event_keeps_its_end(log: EventLog, redis: Redis) -> None:
    await log.commit(replace(order("A", 1), expire=((KEY, 600), ("order:A", 900))))
    await log.commit(order("A", 2))
    for key in (log.keys.document(KEY), log.keys.room("order:A"), log.keys.head("order:A")):
        assert await redis.ttl(key) > 0


async def test_an_end_can_be_taken_back(log: EventLog, redis: Redis) -> None:
    await log.commit(replace(order("A", 1), expire=((KEY, 600), ("order:A", 900))))
    await log.commit(Write(expire=((KEY, 0), ("order:A", 0))))
    for key in (log.keys.document(KEY), log.keys.room("order:A"), log.keys.head("order:A")):
        assert await redis.ttl(key) == -1


async def test_a_script_that_redis_forgot_is_sent_again(log: EventLog, redis: Redis) -> None:
    await log.commit(told("kitchen"))
    await redis.script_flush()
    committed = await asyncio.gather(*(log.commit(told("kitchen")) for _ in range(20)))
    assert sorted(one.offsets[0] for one in committed) == list(range(2, 22))


async def test_branches_do_not_touch_each_other(make_log: Callable[..., EventLog]) -> None:
    centro, norte = make_log("centro"), make_log("norte")
    await centro.commit(order("A", 1))
    assert await norte.document(KEY) is None
    assert (await norte.commit(order("A", 1))).offsets == (1,)


@pytest.mark.parametrize(
    "write",
    [
        Write(events=tuple(event("a", "kitchen") for _ in range(9))),
        Write(documents=tuple(Document(DocKey("order", str(n)), 1, "{}") for n in range(17))),
        Write(events=(NewEvent("a", "x" * 65_537, ("kitchen",)),)),
        Write(documents=(Document(KEY, 1, "ñ" * 32_769),)),
        Write(events=(event("a"),)),
        Write(idempotency=IdempotencyKey("c:1", "two\nlines")),
        Write(idempotency=IdempotencyKey("")),
    ],
    ids=["events", "documents", "body", "body-in-bytes", "no-room", "fingerprint", "no-command-id"],
)
async def test_a_write_past_the_limits_is_a_programming_error(log: EventLog, write: Write) -> None:
    with pytest.raises(ValueError, match=r"at most|1 to 8 rooms|one line"):
        await log.commit(write)
    assert (await log.position()).offset == 0


async def test_a_write_at_the_limits_is_committed(log: EventLog) -> None:
    body = '{"n":"' + "x" * (65_536 - 8) + '"}'
    write = Write(
        events=tuple(NewEvent("a", body, ("kitchen", "order:A")) for _ in range(8)),
        documents=tuple(Document(DocKey("order", str(n)), 1, body) for n in range(16)),
    )
    assert len((await log.commit(write)).offsets) == 8
    assert [entry.body for entry in await log.read("order:A", 0)] == [body] * 8


async def test_what_was_decided_from_memory_needs_the_very_same_document(log: EventLog) -> None:
    one, other = Document(KEY, 1, '{"id":"A"}'), Document(KEY, 1, '{"id":"a"}')
    await log.commit(Write(documents=(one,)))
    await log.commit(Write(events=(event("a", "kitchen"),), same=(one,)))
    with pytest.raises(Conflict) as caught:
        await log.commit(Write(events=(event("b", "kitchen"),), expects=((DocKey("order", "B"), 0),), same=(other,)))
    assert caught.value.values == {"document": "A", "version": 1}
    with pytest.raises(Conflict):
        await log.commit(Write(events=(event("b", "kitchen"),), same=(Document(KEY, 2, one.body),)))
    assert [entry.type for entry in await log.read("kitchen", 0)] == ["a"]
