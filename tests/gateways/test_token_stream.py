"""`POST /api/chat/stream`: the answer as plain tokens. The agent's part is played here, through the log."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.eventlog import NewEvent, Write
from hub.gateways import answer_stream
from hub.services.documents import chat_key
from tests.gateways.house import SOON_S, plain

if TYPE_CHECKING:
    import aiohttp

    from tests.gateways.house import House

QUESTION = {"messages": [{"role": "user", "content": "¿dónde está mi pedido?"}]}
PATH = "/api/chat/stream"


async def say(house: House, chat_id: str, type: str, **data: Any) -> None:
    """An event of the agent."""
    body = json.dumps({"type": type, "at": "2026-11-20T21:30:00.000Z", "data": data}, ensure_ascii=False)
    await house.hub.log.commit(Write(events=(NewEvent(type, body, (f"chat:{chat_id}",)),)))


async def turn_of(house: House, chat_id: str) -> str:
    """The turn that the chat waits for."""
    document = await house.hub.log.document(chat_key(chat_id))
    assert document is not None
    turn: str = json.loads(document.body)["turns"][0]
    return turn


async def lines(response: aiohttp.ClientResponse) -> list[Any]:
    """All that it said."""
    async with asyncio.timeout(SOON_S):
        text = (await response.content.read()).decode()
    said = [block.removeprefix("data: ") for block in text.split("\n\n") if block.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in said]


async def test_the_answer_comes_as_tokens_and_ends_with_done(house: House) -> None:
    async with house.http.post(house.url + PATH, json=QUESTION) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        chat = response.headers["X-Chat-Id"]
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
        await say(house, chat, "chat.delta", turn_id="another", index=0, text="not for you")
        for index, text in enumerate(("Tu pedido ", "está\nlisto ", "🌮")):
            await say(house, chat, "chat.delta", turn_id=turn, index=index, text=text)
        await say(house, chat, "chat.completed", turn_id=turn, text="Tu pedido está\nlisto 🌮", usage={})
        assert await lines(response) == [{"token": "Tu pedido "}, {"token": "está\nlisto "}, {"token": "🌮"}, "[DONE]"]


async def test_an_answer_that_fails_says_why(house: House) -> None:
    error = {"code": "unavailable", "message": "no model", "retryable": True}
    async with house.http.post(house.url + PATH, json=QUESTION) as response:
        chat = response.headers["X-Chat-Id"]
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.failed", turn_id=turn, text="", error=error)
        assert await lines(response) == [{"error": error}, "[DONE]"]


async def test_a_chat_goes_on_for_who_holds_its_token(house: House) -> None:
    opened = (await house.post("/api/chats", {})).data
    body = {**QUESTION, "chat_id": opened["chat_id"]}
    stranger = await house.post(PATH, body)
    assert (stranger.status, stranger.code) == (404, "not_found")
    headers = {"Authorization": f"Bearer {opened['token']}"}
    async with house.http.post(house.url + PATH, json=body, headers=headers) as response:
        assert response.status == 200
        assert response.headers["X-Chat-Id"] == opened["chat_id"]
        await say(
            house, opened["chat_id"], "chat.stopped", turn_id=await turn_of(house, opened["chat_id"]), text="", by="x"
        )
        assert await lines(response) == ["[DONE]"]


async def test_a_silent_answer_is_still_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_stream, "HEARTBEAT_S", 0.02)
    async with house.http.post(house.url + PATH, json=QUESTION) as response, asyncio.timeout(SOON_S):
        for _ in range(3):
            assert await response.content.readuntil(b"\n\n") == b": still here\n\n"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_not_allowed(house: House, method: str) -> None:
    answer = await house.ask(method, PATH, body=QUESTION)
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "bad_request", "POST")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"messages": []},
        {"messages": "hola"},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"messages": [{"role": "root", "content": "hola"}]},
        {"messages": [{"role": "assistant", "content": "hola"}]},
        {"messages": [{"role": "user", "content": "hola", "name": "x"}]},
        {"messages": [{"role": "user", "content": "hola"}] * 201},
        {**QUESTION, "model": "gpt"},
        {**QUESTION, "chat_id": "a/b"},
        {**QUESTION, "chat_id": 7},
    ],
    ids=lambda body: ascii(body)[:60],
)
async def test_a_bad_body_is_a_bad_request_and_opens_no_chat(house: House, body: Any) -> None:
    position = await house.position()
    answer = await house.post(PATH, body)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert await house.position() == position
    assert house.hub.outboxes._open == {}


async def test_while_a_person_answers_it_says_so_and_ends(house: House) -> None:
    opened = (await house.post("/api/chats", {})).data
    async with await plain(house, token=house.token("support")) as support:
        assert (await support.command("chat.take_over", chat_id=opened["chat_id"]))["ok"] is True
    headers = {"Authorization": f"Bearer {opened['token']}"}
    body = {**QUESTION, "chat_id": opened["chat_id"]}
    async with house.http.post(house.url + PATH, json=body, headers=headers) as response:
        said = await lines(response)
    assert (said[0]["error"]["code"], said[1]) == ("conflict", "[DONE]")


async def test_a_question_past_the_limit_is_too_large(house: House) -> None:
    answer = await house.post(PATH, {"messages": [{"role": "user", "content": "x" * 2001}]})
    assert (answer.status, answer.code) == (413, "too_large")
