"""The AI SDK's `useChat` at the gateway. The agent's part is played here, through the log."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.domain.open_turn import OpenTurn
from hub.gateways.responses.ui_stream import _chat_id
from hub.services.chats.chat_documents import checkpoint
from hub.store import Write
from tests.gateways.test_token_stream import lines, say, shown, speeches, turn_of
from tests.support.hub_harness import SOON_S

if TYPE_CHECKING:
    from tests.support.hub_harness import HubHarness

NAME = "qk3cVx7Gm0aW2dPz"
PATH = "/api/chat"


def asked(text: str = "¿Dónde está mi pedido?", **changes: Any) -> dict[str, Any]:
    """What `useChat` posts."""
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": text}], "metadata": {}}
    return {"id": NAME, "messages": [message], "trigger": "submit-message", **changes}


async def test_an_answer_comes_in_the_chunks_of_the_protocol(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json=asked()) as response:
        assert response.status == 200
        assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
        chat = _chat_id(NAME)
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.tool_called", turn_id=turn, call_id="c", tool="track", summary="busco")
        await say(house, chat, "chat.tool_finished", turn_id=turn, call_id="c", tool="track", summary="listo", ok=True)
        link = {"url": "/t/PED1.x", "token": "PED1.x"}
        await say(house, chat, "chat.tracking_started", turn_id=turn, order_id="PED1", code="PED1", tracking=link)
        await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Está ")
        await say(house, chat, "chat.delta", turn_id=turn, index=1, text="listo 🌮")
        await say(house, chat, "chat.completed", turn_id=turn, text="Está listo 🌮", usage={})
        said = await lines(response)
    types = [chunk["type"] for chunk in said[:-1]]
    assert types == [
        *("start", "start-step", "text-start", "tool-input-available", "tool-output-available", "data-tracking"),
        *("text-delta", "text-delta", "text-end", "finish-step", "finish"),
    ]
    assert said[0]["messageId"] == turn
    assert "".join(chunk["delta"] for chunk in said[:-1] if chunk["type"] == "text-delta") == "Está listo 🌮"
    assert said[-1] == "[DONE]"
    assert said[5]["data"] == {"code": "PED1", "url": "/t/PED1.x"}


async def test_a_page_that_was_reloaded_goes_on_with_the_answer_from_its_first_word(house: HubHarness) -> None:
    chat = _chat_id(NAME)
    async with house.http.post(house.url + PATH, json=asked()) as response:
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
        await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Está ")
        async with asyncio.timeout(SOON_S):
            while "Está" not in (await response.content.readuntil(b"\n\n")).decode():
                pass
    async with house.http.get(f"{house.url}{PATH}/{NAME}/stream") as response:
        assert response.status == 200
        await say(house, chat, "chat.delta", turn_id=turn, index=1, text="listo")
        await say(house, chat, "chat.completed", turn_id=turn, text="Está listo", usage={})
        said = await lines(response)
    assert [chunk["delta"] for chunk in said[:-1] if chunk["type"] == "text-delta"] == ["Está ", "listo"]


async def test_where_nothing_is_being_answered_there_is_nothing_to_resume(house: HubHarness) -> None:
    assert (await house.get(f"{PATH}/{NAME}/stream")).status == 204
    assert len(house.hub.gateways.streams.open) == 0


BAD = {
    "nothing": {},
    "no messages": asked(messages=[]),
    "an id that can be guessed": asked(id="1"),
    "an id with spaces": asked(id="a b c d e f g h"),
    "no words": asked("  "),
    "half a character": asked("\ud800"),
    "an answer": asked(messages=[{"role": "assistant", "parts": []}]),
    "another role": asked(messages=[{"role": "root", "parts": []}]),
    "parts that are none": asked(messages=[{"role": "user", "parts": "hola"}]),
    "a part without a type": asked(messages=[{"role": "user", "parts": [{"text": "hola"}]}]),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
async def test_what_is_no_question_is_a_bad_request_and_opens_no_chat(house: HubHarness, body: Any) -> None:
    position = await house.position()
    answer = await house.ask("POST", PATH, raw=json.dumps(body).encode())
    assert (answer.status, answer.code) == (400, "bad_request")
    assert await house.position() == position


async def test_fields_that_a_newer_client_sends_are_no_error(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json=asked(agent="x", body={"y": 1})) as response:
        assert response.status == 200


def deltas(said: list[Any]) -> str:
    return "".join(chunk["delta"] for chunk in said[:-1] if chunk["type"] == "text-delta")


def types(said: list[Any]) -> list[str]:
    """All but what every answer begins with."""
    assert [chunk["type"] for chunk in said[:3]] == ["start", "start-step", "text-start"]
    assert said[-1] == "[DONE]"
    return [chunk["type"] for chunk in said[3:-1]]


async def left(house: HubHarness) -> tuple[str, str]:
    """A question is asked, and its page is gone: the chat and the turn."""
    async with house.http.post(house.url + PATH, json=asked()) as response:
        assert response.status == 200
    return (chat := _chat_id(NAME)), await turn_of(house, chat)


def returned(house: HubHarness) -> Any:
    return house.http.get(f"{house.url}{PATH}/{NAME}/stream")


async def test_a_page_that_is_reloaded_while_a_tool_works_is_told_of_the_call_again(house: HubHarness) -> None:
    chat, turn = await left(house)
    call = {"turn_id": turn, "call_id": "c", "tool": "track"}
    await say(house, chat, "chat.delta", turn_id="another", index=0, text="not for you")
    await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
    await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Voy a ver. ")
    await say(house, chat, "chat.tool_called", **call, summary="busco")
    await say(house, chat, "chat.delta", turn_id=turn, index=1, text="Un momento. ")
    async with returned(house) as response:
        await say(house, chat, "chat.tool_finished", **call, summary="listo", ok=True)
        await say(house, chat, "chat.completed", turn_id=turn, text="Voy a ver. Un momento. ", usage={})
        said = await lines(response)
    assert types(said)[:4] == ["text-delta", "tool-input-available", "text-delta", "tool-output-available"]
    assert deltas(said) == "Voy a ver. Un momento. "


async def test_a_long_answer_is_whole_for_a_page_that_comes_back(house: HubHarness) -> None:
    chat, turn = await left(house)
    await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
    whole = [f"{number} " for number in range(230)]
    for index, text in enumerate(whole):
        await say(house, chat, "chat.delta", turn_id=turn, index=index, text=text)
    kept = OpenTurn(turn, attempt=1, answer="".join(whole[:100]), next_index=100)
    await house.hub.branch.log.commit(Write(documents=(checkpoint(chat, kept),)))
    async with returned(house) as response:
        await say(house, chat, "chat.completed", turn_id=turn, text="".join(whole), usage={})
        assert deltas(await lines(response)) == "".join(whole)


async def test_what_came_of_a_call_that_was_never_told_is_told_with_its_call(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json=asked()) as response:
        chat = _chat_id(NAME)
        call = {"turn_id": (turn := await turn_of(house, chat)), "call_id": "c", "tool": "track"}
        await say(house, chat, "chat.tool_finished", **call, summary="listo", ok=True)
        await say(house, chat, "chat.completed", turn_id=turn, text="", usage={})
        said = await lines(response)
    assert types(said)[:2] == ["tool-input-available", "tool-output-available"]
    assert (said[3]["toolCallId"], said[3]["toolName"]) == ("c", "track")


async def test_a_page_that_comes_back_before_a_worker_has_begun_waits_with_the_chat(house: HubHarness) -> None:
    chat, turn = await left(house)
    async with returned(house) as response:
        assert response.status == 200
        await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
        await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Está listo")
        await say(house, chat, "chat.completed", turn_id=turn, text="Está listo", usage={})
        said = await lines(response)
    assert (said[0]["messageId"], deltas(said)) == (turn, "Está listo")


async def test_an_answer_that_begins_anew_in_other_words_gets_a_text_of_its_own(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json=asked()) as response:
        chat = _chat_id(NAME)
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
        await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Está listo")
        await say(house, chat, "chat.tool_called", turn_id=turn, call_id="c", tool="track", summary="busco")
        await say(house, chat, "chat.started", turn_id=turn, attempt=2, model="offline")
        await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Está ")
        await say(house, chat, "chat.delta", turn_id=turn, index=1, text="en camino")
        await say(house, chat, "chat.completed", turn_id=turn, text="Está en camino", usage={})
        said = await lines(response)
    assert types(said) == [
        *("text-delta", "tool-input-available", "tool-output-error"),
        *("text-end", "data-restarted", "text-start", "text-delta", "text-end", "finish-step", "finish"),
    ]
    assert (said[5]["toolCallId"], said[5]["errorText"]) == ("c", "interrupted")
    assert said[7]["data"] == {"attempt": 2, "discard": said[3]["id"]}
    assert (said[8]["id"], said[9]) == (said[10]["id"], {**said[9], "id": said[8]["id"], "delta": "Está en camino"})
    assert said[6]["id"] == said[3]["id"] != said[8]["id"]


@pytest.mark.parametrize(
    ("ending", "why", "last"),
    [
        ({"type": "chat.stopped", "by": "x"}, "stopped", ["text-end", "finish-step", "finish"]),
        (
            {"type": "chat.failed", "error": {"code": "unavailable", "message": "no", "retryable": True}},
            "failed",
            ["text-end", "error"],
        ),
    ],
    ids=["stopped", "failed"],
)
async def test_no_call_stays_open_when_the_answer_is_over(
    house: HubHarness, ending: dict[str, Any], why: str, last: list[str]
) -> None:
    async with house.http.post(house.url + PATH, json=asked()) as response:
        chat = _chat_id(NAME)
        turn = await turn_of(house, chat)
        for call in ("c", "d"):
            await say(house, chat, "chat.tool_called", turn_id=turn, call_id=call, tool="track", summary="busco")
        await say(house, chat, "chat.tool_finished", turn_id=turn, call_id="c", tool="track", summary="", ok=True)
        await say(house, chat, turn_id=turn, text="", **ending)
        said = await lines(response)
    assert types(said)[3:] == ["tool-output-error", *last]
    assert (said[6]["toolCallId"], said[6]["errorText"]) == ("d", why)


async def test_stop_ends_the_answer_under_way_for_everybody_who_reads_it(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json=asked()) as response:
        turn = await turn_of(house, _chat_id(NAME))
        answer = await house.ask("DELETE", f"{PATH}/{NAME}/stream")
        assert (answer.status, answer.data) == (200, {"turn_id": turn})
        assert types(await lines(response)) == ["text-end", "finish-step", "finish"]
    assert (await house.ask("DELETE", f"{PATH}/{NAME}/stream")).status == 204
    assert (await house.get(f"{PATH}/{NAME}/stream")).status == 204


async def test_where_no_chat_is_there_is_nothing_to_stop(house: HubHarness) -> None:
    assert (await house.ask("DELETE", f"{PATH}/{NAME}/stream")).status == 204


def talk(*said: tuple[str, Any]) -> dict[str, Any]:
    """What `useChat` posts after these messages, each a text or its parts."""
    return asked(
        messages=[
            {"id": str(number), "role": role, "parts": [{"type": "text", "text": says}] if says == str(says) else says}
            for number, (role, says) in enumerate(said)
        ]
    )


async def test_a_chat_that_is_not_there_any_more_remembers_what_the_page_remembers(house: HubHarness) -> None:
    restarted = [
        {"type": "text", "text": "No sé."},
        {"type": "data-restarted", "data": {"attempt": 2, "discard": "answer"}},
        {"type": "text", "text": "Pozole rojo:\x0b $115.00."},
    ]
    body = talk(("user", "¿el pozole?"), ("assistant", restarted), ("assistant", []), ("user", "¿y trae gluten?"))
    for _ in range(2):
        async with house.http.post(house.url + PATH, json=body) as response:
            assert response.status == 200
    chat = _chat_id(NAME)
    assert speeches(await shown(house, chat, house.tokens.for_chat(chat))) == [
        *(("customer", "¿el pozole?"), ("agent", "Pozole rojo: $115.00.")),
        *(("customer", "¿y trae gluten?"), ("customer", "¿y trae gluten?")),
    ]


async def test_a_page_whose_post_is_repeated_asks_once(house: HubHarness) -> None:
    for _ in range(2):
        async with house.http.post(house.url + PATH, json=asked(), headers={"Idempotency-Key": "m1"}) as response:
            assert response.status == 200
    chat = _chat_id(NAME)
    assert len(speeches(await shown(house, chat, house.tokens.for_chat(chat)))) == 1


async def test_a_page_may_post_a_long_talk(house: HubHarness) -> None:
    body = talk(*[("user" if number % 2 else "assistant", "x" * 400) for number in range(2_000)])
    async with house.http.post(house.url + PATH, data=io.BytesIO(json.dumps(body).encode())) as response:
        assert response.status == 200
