"""Every gateway refuses a question past the day's turns, before it begins an answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hub_harness import HubHarness, plain

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

Refusal = tuple[int, dict[str, Any]]  # an HTTP status, else 0; and the error
TOKENS, CHUNKS = "/api/chat/stream", "/api/chat"
NAME = "a-name-that-nobody-guesses"


@pytest.fixture
async def house(open_hub: Open) -> AsyncIterator[HubHarness]:
    """A hub whose address has asked all that it may today."""
    async with open_hub(turns_day=1) as opened:
        chat_id, token = await a_chat(opened)
        sent = await opened.post(f"/api/chats/{chat_id}/messages", {"text": "hola", "token": token})
        assert sent.status == 202
        yield opened


async def a_chat(house: HubHarness) -> tuple[str, str]:
    opened = (await house.post("/api/chats", {})).data
    return opened["chat_id"], opened["token"]


async def over_http(house: HubHarness) -> Refusal:
    chat_id, token = await a_chat(house)
    refused = await house.post(f"/api/chats/{chat_id}/messages", {"text": "¿y?", "token": token})
    return refused.status, refused.body["error"]


async def as_tokens(house: HubHarness) -> Refusal:
    refused = await house.post(TOKENS, {"messages": [{"role": "user", "content": "¿y?"}]})
    return refused.status, refused.body["error"]


async def as_chunks(house: HubHarness) -> Refusal:
    messages = [{"id": "m", "role": "user", "parts": [{"type": "text", "text": "¿y?"}]}]
    refused = await house.post(CHUNKS, {"id": NAME, "messages": messages})
    return refused.status, refused.body["error"]


async def over_plain_websocket(house: HubHarness) -> Refusal:
    chat_id, token = await a_chat(house)
    async with await plain(house) as client:
        refused = await client.command("chat.send", chat_id=chat_id, token=token, text="¿y?")
    return 0, refused["error"]


async def over_socketio(house: HubHarness) -> Refusal:
    chat_id, token = await a_chat(house)
    async with house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as ws:
        await ws.receive_str()
        await ws.send_str("40{}")
        command = {"chat_id": chat_id, "token": token, "text": "¿y?"}
        await ws.send_str(f'421["chat.send",{json.dumps(command)}]')
        while not (said := await ws.receive_str()).startswith("431"):
            pass
    (answer,) = json.loads(said.removeprefix("431"))
    return 0, answer["error"]


GATEWAYS = (over_http, as_tokens, as_chunks, over_plain_websocket, over_socketio)


@pytest.mark.parametrize("ask", GATEWAYS)
async def test_every_gateway_refuses_with_the_same_words(
    house: HubHarness, ask: Callable[[HubHarness], Awaitable[Refusal]]
) -> None:
    status, error = await ask(house)
    assert status in (0, 429)
    assert (error["code"], error["retryable"]) == ("limit_reached", False)
    assert error["values"] == {"limit": "turns_day", "most": 1, "used": 1}
    assert "retry_after_s" not in error


async def test_a_question_too_many_in_a_minute_may_be_asked_again_soon(open_hub: Open) -> None:
    async with open_hub(turns_minute=1) as house:
        question = {"messages": [{"role": "user", "content": "hola"}]}
        async with house.http.post(house.url + TOKENS, json=question) as first:
            assert first.status == 200
            refused = await house.post(TOKENS, question)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.body["error"]["values"]["limit"] == "turns_minute"


async def test_a_gateway_that_opens_a_chat_for_each_question_opens_no_more_than_an_address_may(open_hub: Open) -> None:
    async with open_hub(chats_hour=2) as house:
        question = {"messages": [{"role": "user", "content": "hola"}]}
        for path, body in ((TOKENS, question), ("/api/chats", {}), (TOKENS, question), ("/api/chats", {})):
            async with house.http.post(house.url + path, json=body) as response:
                last = response.status
        assert last == 429
        assert (await house.post("/api/chats", {}, token=house.token())).status == 201
