"""The AI SDK's `useChat` at the door. The agent's part is played here, through the log."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.gateways.ui_stream import _chat_id
from tests.gateways.house import SOON_S
from tests.gateways.test_token_stream import lines, say, turn_of

if TYPE_CHECKING:
    from tests.gateways.house import House

NAME = "qk3cVx7Gm0aW2dPz"
PATH = "/api/chat"


def asked(text: str = "¿Dónde está mi pedido?", **changes: Any) -> dict[str, Any]:
    """What `useChat` posts."""
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": text}], "metadata": {}}
    return {"id": NAME, "messages": [message], "trigger": "submit-message", **changes}


async def test_an_answer_comes_in_the_chunks_of_the_protocol(house: House) -> None:
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


async def test_a_page_that_was_reloaded_goes_on_with_the_answer_from_its_first_word(house: House) -> None:
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


async def test_where_nothing_is_being_answered_there_is_nothing_to_resume(house: House) -> None:
    assert (await house.get(f"{PATH}/{NAME}/stream")).status == 204
    assert house.hub.outboxes._open == {}


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
async def test_what_is_no_question_is_a_bad_request_and_opens_no_chat(house: House, body: Any) -> None:
    position = await house.position()
    answer = await house.ask("POST", PATH, raw=json.dumps(body).encode())
    assert (answer.status, answer.code) == (400, "bad_request")
    assert await house.position() == position


async def test_fields_that_a_newer_client_sends_are_no_error(house: House) -> None:
    async with house.http.post(house.url + PATH, json=asked(agent="x", body={"y": 1})) as response:
        assert response.status == 200
