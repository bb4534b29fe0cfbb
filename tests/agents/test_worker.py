"""Workers that are stopped, killed, raced, sent home; whatever happens, a turn ends once and orders once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from agents.journal import Journal, LeaseLost
from hub.config import TurnLimits
from hub.core.errors import RateLimited, Unavailable
from hub.domain.chat import TurnState
from hub.domain.commands import HandBackChat, ReplyChat, TakeOverChat
from hub.services.chats.chat_documents import read_turn
from tests.support.chat import BOUNDS, ENDINGS, LEASE_S, SUPPORT, Branch, ending_of, running, text_of
from tests.support.scripted import Gate, ScriptedLLM, ToolCall

if TYPE_CHECKING:
    from hub.services.chats.turn_jobs import TurnLease
    from tests.support.chat import Event

ORDER = ToolCall(
    "place_order",
    {"items": [{"sku": "gringa", "qty": 2}], "customer_name": "Ana", "delivery": "pickup"},
)
YES = ToolCall("confirm", {})


def of_type(name: str, turn_id: str, **data: object) -> Callable[[Event], bool]:
    """Picks an event of a turn."""

    def wanted(event: Event) -> bool:
        found = event["data"]
        same = all(found.get(key) == value for key, value in data.items())
        return event["type"] == name and found.get("turn_id") == turn_id and same

    return wanted


async def test_a_stop_in_mid_answer_keeps_what_was_said(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    async with running(branch.worker(ScriptedLLM.saying(["Tenemos ", "tacos ", gate, "y más"]))):
        turn_id = await branch.send(chat, "¿qué hay?")
        await gate.reached.wait()
        await branch.stop(chat, turn_id)
        await branch.until(chat, of_type("chat.stopped", turn_id))
    events = await branch.of_turn(chat, turn_id)
    ending = ending_of(events)
    assert ending["type"] == "chat.stopped"
    assert ending["data"]["text"] == "Tenemos tacos " == text_of(events)
    assert ending["data"]["by"] == "customer"


async def test_a_stop_before_any_worker_took_the_turn_ends_it_at_once(branch: Branch) -> None:
    chat = await branch.open()
    turn_id = await branch.send(chat, "hola")
    await branch.stop(chat, turn_id)
    await branch.stop(chat, turn_id)
    events = await branch.of_turn(chat, turn_id)
    assert [event["type"] for event in events] == ["chat.stopped"]
    async with running(branch.worker()):
        await branch.ask(chat, "hola")
    assert len(await branch.of_turn(chat, turn_id)) == 1


async def test_a_stop_that_no_worker_heard_is_seen_by_the_one_that_takes_the_turn_later(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    doomed = asyncio.create_task(branch.worker(ScriptedLLM.saying(["Uno ", gate])).run())
    turn_id = await branch.send(chat, "¿qué hay?")
    await gate.reached.wait()
    await branch.until(chat, of_type("chat.delta", turn_id))
    await kill(doomed)
    await branch.stop(chat, turn_id)
    async with running(branch.worker(name="worker-2")):
        await branch.until(chat, of_type("chat.stopped", turn_id))
    assert ending_of(await branch.of_turn(chat, turn_id))["data"]["text"] == "Uno "


async def test_a_killed_workers_turn_is_taken_over_and_nothing_is_ordered_twice(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    async with running(branch.worker(ScriptedLLM.saying([ORDER], ["Son $130. ¿Lo pido?"]))):
        await branch.ask(chat, "quiero 2 gringas para llevar, soy Ana")
    doomed = asyncio.create_task(branch.worker(ScriptedLLM.saying([YES], ["¡Lis", gate]), name="doomed").run())
    turn_id = await branch.send(chat, "sí")
    await gate.reached.wait()
    await branch.until(chat, of_type("chat.delta", turn_id))
    await kill(doomed)
    async with running(branch.worker(ScriptedLLM.saying([YES], ["¡Listo!"]), name="worker-2")):
        await branch.until(chat, of_type("chat.completed", turn_id))
    (order,) = await branch.orders()
    assert [(item["sku"], item["qty"]) for item in order["items"]] == [("gringa", 2)]
    events = await branch.of_turn(chat, turn_id)
    assert ending_of(events)["data"]["text"] == "¡Listo!"
    starts = [event["data"]["attempt"] for event in events if event["type"] == "chat.started"]
    assert starts == [1, 2]
    second = events[max(n for n, event in enumerate(events) if event["type"] == "chat.started") :]
    assert text_of(second) == "¡Listo!"


async def test_a_worker_that_wakes_up_after_losing_its_lease_writes_nothing(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    slow = ScriptedLLM.saying(["Viejo ", gate, "texto"])
    # It never renews: as if it had been asleep for longer than its lease.
    async with running(branch.worker(slow, renew_s=3_600, at_once=1)):
        turn_id = await branch.send(chat, "hola")
        await gate.reached.wait()
        async with running(branch.worker(ScriptedLLM.saying(["Nuevo"]), name="worker-2")):
            ended = await branch.until(chat, lambda event: event["type"] in ENDINGS)
            gate.open()
    events = await branch.of_turn(chat, turn_id)
    assert ending_of(events) == ended
    assert ended["data"]["text"] == "Nuevo"


async def test_two_workers_with_the_same_turn_come_to_one_ending(branch: Branch) -> None:
    chat = await branch.open()
    turn_id = await branch.send(chat, "hola")
    loaded = await read_turn(branch.log, turn_id)
    assert loaded is not None
    limits, clock = branch.settings.limits, branch.services.clock
    first, second = (Journal(branch.log, loaded, worker=name, clock=clock, limits=limits) for name in "ab")
    outcomes = await asyncio.gather(first.begin("m"), second.begin("m"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LeaseLost", "NoneType"]
    loser = first if isinstance(outcomes[0], LeaseLost) else second
    assert loser.lost.is_set()
    with pytest.raises(LeaseLost):
        await loser.end(TurnState.COMPLETED)
    assert len(await branch.of_turn(chat, turn_id)) == 1


async def test_a_commit_whose_reply_was_lost_is_not_made_twice(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    chat, commit = await branch.open(), branch.log.commit
    lost = iter([True, True, True])

    async def unlucky(write: object) -> object:
        committed = await commit(write)  # type: ignore[arg-type]
        if any(event.type.startswith("chat.d") for event in write.events) and next(lost, False):  # type: ignore[attr-defined]
            raise Unavailable("the reply was lost")
        return committed

    monkeypatch.setattr(branch.log, "commit", unlucky)
    async with running(branch.worker(ScriptedLLM.saying(["uno ", "dos ", "tres"]))):
        events = await branch.ask(chat, "cuenta")
    assert ending_of(events)["data"]["text"] == "uno dos tres" == text_of(events)


async def test_a_worker_told_to_stop_gives_back_what_it_cannot_finish(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    branch.queue.lease_s = 3_600  # an hour: only what is given back can be taken again
    leaving = branch.worker(ScriptedLLM.saying(["Uno ", gate]), grace_s=0.01)
    gone = asyncio.create_task(leaving.run())
    turn_id = await branch.send(chat, "hola")
    await gate.reached.wait()
    leaving.stop()
    await gone
    async with running(branch.worker(ScriptedLLM.saying(["Hola"]), name="worker-2")):
        await branch.until(chat, of_type("chat.completed", turn_id, text="Hola"))


async def test_what_a_leaving_worker_cannot_finish_goes_on_at_once_with_another(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    branch.queue.lease_s = 3_600  # an hour: nobody waits for that
    leaving = branch.worker(ScriptedLLM.saying(["Viejo ", gate, "texto"]), grace_s=0.1, block_s=1.0)
    staying = branch.worker(ScriptedLLM.saying(["Nuevo"]), name="worker-2", block_s=1.0)
    gone = asyncio.create_task(leaving.run())
    turn_id = await branch.send(chat, "hola")
    await gate.reached.wait()
    await branch.until(chat, of_type("chat.delta", turn_id))
    async with running(staying):
        leaving.stop()
        await branch.until(chat, of_type("chat.started", turn_id, attempt=2))
        ended = await branch.until(chat, lambda event: event["type"] in ENDINGS)
        gate.open()
        await gone
    events = await branch.of_turn(chat, turn_id)
    assert ending_of(events) == ended
    assert ended["data"]["text"] == "Nuevo"
    assert [event["data"]["attempt"] for event in events if event["type"] == "chat.started"] == [1, 2]


async def test_a_turn_that_comes_as_the_worker_leaves_is_given_back_untouched(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, take = await branch.open(), branch.queue.take
    branch.queue.lease_s = 3_600
    turn_id = await branch.send(chat, "hola")
    leaving = branch.worker(ScriptedLLM.saying(["Viejo"]))

    async def take_and_be_told(worker: str, block_s: float) -> TurnLease | None:
        lease = await take(worker, block_s)
        leaving.stop()
        return lease

    monkeypatch.setattr(branch.queue, "take", take_and_be_told)
    await leaving.run()
    assert await branch.of_turn(chat, turn_id) == []
    monkeypatch.undo()
    async with running(branch.worker(ScriptedLLM.saying(["Nuevo"]), name="worker-2")):
        await branch.until(chat, of_type("chat.completed", turn_id, text="Nuevo"))


async def test_a_worker_told_to_stop_finishes_what_it_can(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    leaving = branch.worker(ScriptedLLM.saying(["Uno ", gate, "dos"]))
    gone = asyncio.create_task(leaving.run())
    turn_id = await branch.send(chat, "hola")
    await gate.reached.wait()
    leaving.stop()
    gate.open()
    await gone
    assert ending_of(await branch.of_turn(chat, turn_id))["data"]["text"] == "Uno dos"
    assert await branch.redis.xinfo_consumers(branch.log.keys.jobs, "agents") == []
    assert await branch.redis.xlen(branch.log.keys.jobs) == 0


async def test_a_turn_that_breaks_every_worker_is_given_up(branch: Branch) -> None:
    chat = await branch.open()
    turn_id = await branch.send(chat, "hola")
    for number in range(3):
        gate = Gate()
        doomed = asyncio.create_task(branch.worker(ScriptedLLM.saying([gate]), name=f"doomed-{number}").run())
        await gate.reached.wait()
        await kill(doomed)
    async with running(branch.worker(name="last")):
        await branch.until(chat, of_type("chat.failed", turn_id))
    assert ending_of(await branch.of_turn(chat, turn_id))["data"]["error"]["code"] == "gave_up"


async def test_a_turn_that_nobody_gets_as_far_as_to_begin_fails_and_its_chat_goes_on(branch: Branch) -> None:
    chat = await branch.open()
    turn_id, next_id = [await branch.send(chat, text) for text in ("hola", "¿hay alguien?")]
    # A conversation that is none: whoever wants to know what was said breaks on it.
    await branch.redis.hset(branch.log.keys.doc("conversation", chat[0]), "b", "{")
    async with running(branch.worker()):
        ended = await branch.until(chat, of_type("chat.failed", turn_id))
        await branch.until(chat, of_type("chat.failed", next_id))
    assert ended["data"]["error"]["code"] == "internal"
    assert len(await branch.of_turn(chat, turn_id)) == 1
    assert await branch.redis.xlen(branch.log.keys.jobs) == 0


async def test_a_turn_whose_document_cannot_be_read_fails_and_its_chat_goes_on(branch: Branch) -> None:
    chat = await branch.open()
    turn_id, next_id = [await branch.send(chat, text) for text in ("hola", "¿qué hay?")]
    await branch.redis.hset(branch.log.keys.doc("turn", turn_id), "b", "{}")
    async with running(branch.worker()):
        await branch.until(chat, of_type("chat.completed", next_id))
    ending = ending_of(await branch.of_turn(chat, turn_id))
    assert (ending["type"], ending["data"]["error"]["code"]) == ("chat.failed", "internal")


async def test_a_turn_in_a_state_that_only_a_newer_worker_knows_is_left_to_it(branch: Branch) -> None:
    chat = await branch.open()
    turn_id = await branch.send(chat, "hola")
    key = branch.log.keys.doc("turn", turn_id)
    body = json.loads(await branch.redis.hget(key, "b") or "{}")
    await branch.redis.hset(key, "b", json.dumps(body | {"state": "dreaming", "dream": "tacos"}))
    async with running(branch.worker()):
        ended = await branch.until(chat, of_type("chat.failed", turn_id))  # nobody took it up
    assert ended["data"]["error"]["code"] == "internal"
    assert [event["type"] for event in await branch.of_turn(chat, turn_id)] == ["chat.failed"]
    assert json.loads(await branch.redis.hget(key, "b") or "{}")["dream"] == "tacos"


async def test_a_stop_that_makes_no_sense_does_the_worker_no_harm(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    async with running(branch.worker(ScriptedLLM.saying(["Uno ", gate, "dos"]))):
        turn_id = await branch.send(chat, "hola")
        await gate.reached.wait()
        for said in ("{", "[]", "{}"):
            await branch.redis.publish(branch.log.keys.jobs_channel, said)
        await branch.stop(chat, turn_id)
        await branch.until(chat, of_type("chat.stopped", turn_id))


async def test_a_turn_that_cannot_even_be_ended_leaves_the_queue(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, finish, finished = await branch.open(), branch.queue.finish, asyncio.Event()

    async def noticed(lease: TurnLease) -> None:
        await finish(lease)
        finished.set()

    monkeypatch.setattr(branch.queue, "finish", noticed)
    turn_id = await branch.send(chat, "hola")
    for kind, id in (("turn", turn_id), ("chat", chat[0])):
        await branch.redis.hset(branch.log.keys.doc(kind, id), "b", "{}")
    async with running(branch.worker()):
        async with asyncio.timeout(30):
            await finished.wait()
        finished.clear()
        await branch.ask(await branch.open(), "hola")  # the worker has come to no harm
    assert await branch.redis.xlen(branch.log.keys.jobs) == 0


@pytest.mark.parametrize(
    ("script", "turn_limits", "code"),
    [
        ([Gate], TurnLimits(first_token_s=0.05, idle_s=5, turn_s=10), "model_timeout"),
        (["Hola ", Gate], TurnLimits(first_token_s=5, idle_s=0.05, turn_s=10), "model_timeout"),
        (["Hola ", Gate], TurnLimits(first_token_s=5, idle_s=5, turn_s=0.05), "model_timeout"),
        (["Hola ", ConnectionError("refused by 10.0.0.1")], BOUNDS, "model_unavailable"),
        ([RuntimeError("a secret")], BOUNDS, "internal"),
        (["  "], BOUNDS, "no_answer"),
        ([ToolCall("place_order", '{"items": [{"sku": "gringa", "qty": 2')], BOUNDS, "broken_tool_call"),
        ([ToolCall("track_order", {})], BOUNDS, "too_many_steps"),
        (["x" * 13_000], BOUNDS, "too_long"),
        (["Hola ", "\x01" * 200_000], BOUNDS, "too_long"),
    ],
    ids=[
        "no-first-token",
        "idle",
        "wall",
        "connection",
        "bug",
        "empty",
        "half-a-call",
        "loop",
        "flood",
        "flood-at-once",
    ],
)
async def test_a_model_that_fails_ends_the_turn_with_a_clear_code(
    branch: Branch, script: list[object], turn_limits: TurnLimits, code: str
) -> None:
    chat = await branch.open()
    said = [part() if part is Gate else part for part in script]
    async with running(branch.worker(ScriptedLLM.saying(said), turn_limits=turn_limits)):  # type: ignore[arg-type]
        events = await branch.ask(chat, "quiero 2 gringas para llevar, soy Ana")
    ending = ending_of(events)
    assert ending["type"] == "chat.failed"
    assert ending["data"]["error"]["code"] == code
    assert ending["data"]["text"] == text_of(events)
    assert "secret" not in str(events)
    assert "10.0.0.1" not in str(events)
    assert await branch.orders() == []


async def test_a_person_takes_over_and_hands_back(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    llm = ScriptedLLM.saying(["Yo ", gate], ["Otra vez yo"])
    async with running(branch.worker(llm)):
        turn_id = await branch.send(chat, "¿qué hay?")
        await gate.reached.wait()
        await branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
        await branch.until(chat, of_type("chat.stopped", turn_id, by="Sole"))
        assert await branch.send(chat, "¿hay alguien?") is None
        await branch.services.handover.reply(SUPPORT, ReplyChat(chat_id=chat[0], text="Soy Sole, dime"))
        await branch.services.handover.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
        await branch.ask(chat, "gracias")
    seen = [message.content for message in llm.seen[-1][1:]]
    assert seen == ["¿qué hay?", "Yo  […]", "¿hay alguien?", "[Sole] Soy Sole, dime", "gracias"]


async def test_too_many_questions_at_once_are_refused(branch: Branch) -> None:
    chat = await branch.open()
    for _ in range(4):
        await branch.send(chat, "hola")
    with pytest.raises(RateLimited):
        await branch.send(chat, "hola")


async def test_many_chats_are_answered_side_by_side(branch: Branch) -> None:
    gates = [Gate() for _ in range(6)]
    scripts: list[list[str | ToolCall | Gate | Exception]] = [[f"Hola {n}", gate] for n, gate in enumerate(gates)]
    chats = [await branch.open() for _ in gates]
    async with running(branch.worker(ScriptedLLM.saying(*scripts, [""]))):
        for chat in chats:
            await branch.send(chat, "hola")
        for gate in gates:
            await gate.reached.wait()
        for gate in gates:
            gate.open()
        for chat in chats:
            await branch.until(chat, lambda event: event["type"] == "chat.completed")


async def kill(worker: asyncio.Task[None]) -> None:
    """As kill -9 would: nothing is written any more, and the lease runs out by itself."""
    worker.cancel()
    await asyncio.wait([worker])
    assert LEASE_S < 1
