"""A stop that meets a change under way: what has begun is done to its end and told, what has not is not done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from agents.tools.order_tools import PlaceOrderTool
from hub.core.errors import Unavailable
from hub.domain.commands import TakeOverChat
from hub.domain.error_catalogue import OutOfStock
from hub.domain.rooms import Room
from tests.support.chat import SUPPORT, Branch, Event, running
from tests.support.scripted import Gate, ScriptedLLM, ToolCall
from tests.support.tool_contexts import GRINGAS, answered, begun

if TYPE_CHECKING:
    from agents.worker import Worker

Chat = tuple[str, str]
Does = Callable[..., Awaitable[Any]]


def held(does: Does, gate: Gate, *, after: bool = False) -> Does:
    """The same, which waits at a gate: before it is done, or just after."""

    async def waits(*arguments: Any, **more: Any) -> Any:
        if after:
            answer = await does(*arguments, **more)
            await gate.passed()
            return answer
        await gate.passed()
        return await does(*arguments, **more)

    return waits


def failing(error: Exception) -> Does:
    async def fails(*_: object, **__: object) -> Any:
        raise error

    return fails


async def proposed(branch: Branch, tool: str = "place_order", **arguments: Any) -> Chat:
    """A chat in which something waits for a yes."""
    bench = await begun(branch)
    if tool != "place_order":
        await bench.call("place_order", **GRINGAS)
        bench = await answered(bench, "sí")
        await bench.call("confirm")
        bench = await answered(bench, "otra cosa")
    summary = await bench.call(tool, **(arguments or GRINGAS))
    assert "confirm_with" in summary
    await bench.end()
    return bench.chat


async def stopped_at(branch: Branch, chat: Chat, gate: Gate, worker: Worker) -> str:
    """Say yes, stop the answer when it has come to the gate, and let the change go on; the turn."""
    async with running(worker):
        turn_id: str = await branch.send(chat, "sí")
        await gate.reached.wait()
        await branch.stop(chat, turn_id)
        gate.open()
    return turn_id


def said_after_stop(events: list[Event], turn_id: str) -> list[str]:
    stop = next(n for n, e in enumerate(events) if e["type"] == "chat.stopped" and e["data"]["turn_id"] == turn_id)
    return [event["data"]["message"] for event in events[stop:] if event["type"] == "notice.sent"]


def confirming(*then: Any) -> ScriptedLLM:
    return ScriptedLLM.saying([ToolCall("confirm", {})], list(then) or ["nunca"])


@pytest.mark.parametrize("after", [False, True])
async def test_an_order_under_way_at_the_stop_is_placed_once_and_the_chat_is_told(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    chat, gate = await proposed(branch), Gate()
    monkeypatch.setattr(branch.services.orders, "place", held(branch.services.orders.place, gate, after=after))
    turn_id = await stopped_at(branch, chat, gate, branch.worker(confirming()))
    (order,) = await branch.orders()
    (told,) = said_after_stop(await branch.events(chat), turn_id)
    assert f"pedido {order['code']}" in told
    assert f"/t/{order['id']}." in told
    # Whoever comes back reads it too, and so does the agent.
    shown = (await branch.services.views.read(Room.chat(chat[0]))).snapshot["messages"]
    assert shown[-1]["text"] == told
    llm = ScriptedLLM.saying(["De nada"])
    async with running(branch.worker(llm)):
        await branch.ask(chat, "gracias")
    assert told in [message.content for message in llm.seen[0]]


async def test_a_cancellation_under_way_when_a_person_takes_over_is_told_to_both(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, gate = await proposed(branch, "cancel_order", reason="ya no"), Gate()
    monkeypatch.setattr(branch.services.orders, "cancel", held(branch.services.orders.cancel, gate))
    async with running(branch.worker(confirming())):
        turn_id = await branch.send(chat, "sí")
        await gate.reached.wait()
        await branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
        gate.open()
    (order,) = await branch.orders()
    assert order["status"] == "cancelled"
    (told,) = said_after_stop(await branch.events(chat), turn_id)
    assert f"pedido {order['code']} cancelado" in told


async def test_a_change_that_had_not_begun_at_the_stop_is_not_made(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The yes was read, and the terms were being looked at once more."""
    chat, gate = await proposed(branch), Gate()
    monkeypatch.setattr(PlaceOrderTool, "terms_of", held(PlaceOrderTool.terms_of, gate))
    turn_id = await stopped_at(branch, chat, gate, branch.worker(confirming()))
    assert await branch.orders() == []
    events = await branch.events(chat)
    assert said_after_stop(events, turn_id) == []
    assert events[-1]["type"] == "chat.stopped"


async def test_a_change_that_failed_after_the_stop_is_not_told_as_done(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, gate = await proposed(branch), Gate()
    monkeypatch.setattr(branch.services.orders, "place", held(failing(OutOfStock("none left", items=[])), gate))
    turn_id = await stopped_at(branch, chat, gate, branch.worker(confirming()))
    assert await branch.orders() == []
    assert said_after_stop(await branch.events(chat), turn_id) == []


async def test_where_nobody_knows_whether_it_was_done_the_chat_is_told_that(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, gate = await proposed(branch), Gate()
    monkeypatch.setattr(branch.services.orders, "place", held(failing(Unavailable("no answer")), gate))
    turn_id = await stopped_at(branch, chat, gate, branch.worker(confirming()))
    (told,) = said_after_stop(await branch.events(chat), turn_id)
    assert "No sé si" in told


@pytest.mark.parametrize("words", [[], ["Listo, "]])
async def test_what_was_done_before_the_stop_is_told_in_its_place_and_stays_to_be_read(
    branch: Branch, words: list[str]
) -> None:
    """The answer that was to say it is cut off: what a page shows of its tools is gone with it."""
    chat, gate = await proposed(branch), Gate()
    turn_id = await stopped_at(branch, chat, gate, branch.worker(confirming(*words, gate, "nunca")))
    types = [event["type"] for event in await branch.of_turn(chat, turn_id)]
    assert types.index("chat.tool_finished") < types.index("chat.stopped")
    (told,) = said_after_stop(await branch.events(chat), turn_id)
    assert f"pedido {(await branch.orders())[0]['code']}" in told


async def test_an_answer_that_was_not_stopped_says_what_it_did_and_nothing_is_added(branch: Branch) -> None:
    chat = await proposed(branch)
    async with running(branch.worker(confirming("Listo"))):
        await branch.ask(chat, "sí")
    assert len(await branch.orders()) == 1
    assert "notice.sent" not in {event["type"] for event in await branch.events(chat)}
