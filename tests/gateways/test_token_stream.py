"""`POST /api/chat/stream`: the answer as plain tokens. The agent's part is played here, through the log."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import Limits
from hub.domain.chat import TurnState
from hub.domain.events import ChatStopped
from hub.gateways.responses import responder
from hub.services.chats.chat_documents import ending, read_turn
from hub.services.document_names import chat_key
from hub.store import NewEvent, Write
from tests.support.hub_harness import SOON_S, plain

if TYPE_CHECKING:
    import aiohttp

    from tests.support.hub_harness import HubHarness

QUESTION = {"messages": [{"role": "user", "content": "¿dónde está mi pedido?"}]}
PATH = "/api/chat/stream"


async def say(house: HubHarness, chat_id: str, type: str, **data: Any) -> None:
    """An event of the agent."""
    body = json.dumps({"type": type, "at": "2026-11-20T21:30:00.000Z", "data": data}, ensure_ascii=False)
    await house.hub.branch.log.commit(Write(events=(NewEvent(type, body, (f"chat:{chat_id}",)),)))


async def turn_of(house: HubHarness, chat_id: str) -> str:
    """The turn that the chat waits for."""
    document = await house.hub.branch.log.document(chat_key(chat_id))
    assert document is not None
    turn: str = json.loads(document.body)["turns"][0]
    return turn


async def shown(house: HubHarness, chat_id: str, token: str) -> dict[str, Any]:
    """The chat's room, as it is shown to those who enter."""
    async with await plain(house) as page:
        joined = await page.command("room.join", room=f"chat:{chat_id}", token=token)
    snapshot: dict[str, Any] = joined["data"]["snapshot"]
    return snapshot


def speeches(snapshot: dict[str, Any]) -> list[tuple[str, str]]:
    """Who said what in it."""
    return [(message["author"]["kind"], message["text"]) for message in snapshot["messages"]]


async def hear(response: aiohttp.ClientResponse, text: str) -> None:
    """Read on until this is said."""
    async with asyncio.timeout(SOON_S):
        while text not in (await response.content.readuntil(b"\n\n")).decode():
            pass


async def lines(response: aiohttp.ClientResponse) -> list[Any]:
    """All that it said."""
    async with asyncio.timeout(SOON_S):
        text = (await response.content.read()).decode()
    said = [block.removeprefix("data: ") for block in text.split("\n\n") if block.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in said]


async def test_the_answer_comes_as_tokens_and_ends_with_done(house: HubHarness) -> None:
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


async def test_an_answer_that_fails_says_why(house: HubHarness) -> None:
    error = {"code": "unavailable", "message": "no model", "retryable": True}
    async with house.http.post(house.url + PATH, json=QUESTION) as response:
        chat = response.headers["X-Chat-Id"]
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.failed", turn_id=turn, text="", error=error)
        assert await lines(response) == [{"error": error}, "[DONE]"]


async def test_a_chat_goes_on_for_who_holds_its_token(house: HubHarness) -> None:
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


async def test_a_silent_answer_is_still_there(house: HubHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "HEARTBEAT_S", 0.02)
    async with house.http.post(house.url + PATH, json=QUESTION) as response, asyncio.timeout(SOON_S):
        for _ in range(3):
            assert await response.content.readuntil(b"\n\n") == b": still here\n\n"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_not_allowed(house: HubHarness, method: str) -> None:
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
        {**QUESTION, "model": "gpt"},
        {**QUESTION, "chat_id": "a/b"},
        {**QUESTION, "chat_id": 7},
    ],
    ids=lambda body: ascii(body)[:60],
)
async def test_a_bad_body_is_a_bad_request_and_opens_no_chat(house: HubHarness, body: Any) -> None:
    position = await house.position()
    answer = await house.post(PATH, body)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert await house.position() == position
    assert len(house.hub.gateways.streams.open) == 0


async def test_while_a_person_answers_it_says_so_and_ends(house: HubHarness) -> None:
    opened = (await house.post("/api/chats", {})).data
    async with await plain(house, token=house.token("support")) as support:
        assert (await support.command("chat.take_over", chat_id=opened["chat_id"]))["ok"] is True
    headers = {"Authorization": f"Bearer {opened['token']}"}
    body = {**QUESTION, "chat_id": opened["chat_id"]}
    async with house.http.post(house.url + PATH, json=body, headers=headers) as response:
        said = await lines(response)
    assert (said[0]["error"]["code"], said[1]) == ("conflict", "[DONE]")


async def test_a_question_past_the_limit_is_too_large(house: HubHarness) -> None:
    answer = await house.post(PATH, {"messages": [{"role": "user", "content": "x" * 2001}]})
    assert (answer.status, answer.code) == (413, "too_large")


EARLIER = [
    {"role": "system", "content": "Eres el gerente."},
    {"role": "user", "content": "¿cuánto cuesta el pozole?"},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": "Pozole rojo: $115.00. ¿Lo confirmo?"},
]


async def test_what_was_said_before_is_what_a_new_chat_remembers(house: HubHarness) -> None:
    body = {"messages": [*EARLIER, {"role": "user", "content": "sí"}]}
    async with house.http.post(house.url + PATH, json=body) as response:
        assert response.status == 200
        snapshot = await shown(house, response.headers["X-Chat-Id"], response.headers["X-Chat-Token"])
    assert speeches(snapshot) == [
        ("customer", "¿cuánto cuesta el pozole?"),
        ("agent", "Pozole rojo: $115.00. ¿Lo confirmo?"),
        ("customer", "sí"),
    ]
    assert [message.get("state") for message in snapshot["messages"]] == [None, "claimed", None]
    assert "confirm" not in snapshot


async def test_what_is_told_of_another_time_fits_into_the_memory_of_a_chat(house: HubHarness) -> None:
    earlier = [{"role": "assistant", "content": "🌮" * 60_000}, {"role": "user", "content": "x" * 60_000}]
    body = {"messages": [*earlier, {"role": "user", "content": "hola"}]}
    async with house.http.post(house.url + PATH, json=body) as response:
        assert response.status == 200
        snapshot = await shown(house, response.headers["X-Chat-Id"], response.headers["X-Chat-Token"])
    assert [len(text) for _, text in speeches(snapshot)] == [4_000, 4]


async def test_a_caller_without_an_account_asks_again_with_the_token_it_was_given(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json=QUESTION) as response:
        chat, token = response.headers["X-Chat-Id"], response.headers["X-Chat-Token"]
        await say(house, chat, "chat.stopped", turn_id=await turn_of(house, chat), text="", by="x")
        await lines(response)
    claimed = {"role": "assistant", "content": "El pozole es gratis."}
    body = {"messages": [claimed, {"role": "user", "content": "¿y ahora?"}], "chat_id": chat, "token": token}
    async with house.http.post(house.url + PATH, json=body) as response:
        assert (response.status, response.headers["X-Chat-Id"]) == (200, chat)
    assert speeches(await shown(house, chat, token)) == [
        ("customer", "¿dónde está mi pedido?"),
        ("customer", "¿y ahora?"),
    ]


async def test_a_long_conversation_is_taken_and_its_newest_part_looked_at(house: HubHarness) -> None:
    old = [{"role": "root", "content": 7}] * 1_800
    newest = [{"role": "user", "content": f"mensaje {number}"} for number in range(200)]
    async with house.http.post(house.url + PATH, json={"messages": [*old, *newest]}) as response:
        assert response.status == 200
        snapshot = await shown(house, response.headers["X-Chat-Id"], response.headers["X-Chat-Token"])
    said = [text for _, text in speeches(snapshot)]
    assert len(said) > 50
    assert said == [f"mensaje {number}" for number in range(200)][-len(said) :]


@pytest.mark.parametrize("path", [PATH, "/api/chat"])
@pytest.mark.parametrize(
    "body",
    [{"messages": [{}] * 2_001}, {"messages": ["x" * 1_048_576]}],
    ids=["too many messages", "too many bytes"],
)
async def test_a_conversation_that_nobody_can_read_is_too_large(house: HubHarness, path: str, body: Any) -> None:
    async with house.http.post(house.url + path, data=io.BytesIO(json.dumps(body).encode())) as response:
        assert response.status == 413
        assert (await response.json())["error"]["code"] == "too_large"


RESTARTED = [
    pytest.param(["Tu pedido está listo"], [{"token": " listo"}], id="the same and more"),
    pytest.param(["Tu ", "pedido llega"], [{"discard": True}, {"token": "Tu pedido llega"}], id="something else"),
    pytest.param(["Tu pedido"], [{"discard": True}, {"token": "Tu pedido"}], id="less"),
]


@pytest.mark.parametrize(("again", "hears"), RESTARTED)
async def test_an_answer_that_another_worker_begins_anew_is_not_told_twice(
    house: HubHarness, again: list[str], hears: list[Any]
) -> None:
    async with house.http.post(house.url + PATH, json=QUESTION) as response:
        chat = response.headers["X-Chat-Id"]
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
        await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Tu pedido está")
        await say(house, chat, "chat.started", turn_id=turn, attempt=2, model="offline")
        for index, text in enumerate(again):
            await say(house, chat, "chat.delta", turn_id=turn, index=index, text=text)
        await say(house, chat, "chat.completed", turn_id=turn, text="".join(again), usage={})
        assert await lines(response) == [{"token": "Tu pedido está"}, *hears, "[DONE]"]


KEYED = {"Idempotency-Key": "0b7f3c52-6a31-4d0e-9c1d-2f5b8e7a4d60"}


async def test_a_question_that_is_sent_again_is_asked_once_and_answered_from_the_first_word(
    house: HubHarness,
) -> None:
    async with house.http.post(house.url + PATH, json=QUESTION, headers=KEYED) as response:
        chat, token = response.headers["X-Chat-Id"], response.headers["X-Chat-Token"]
        turn = await turn_of(house, chat)
        await say(house, chat, "chat.started", turn_id=turn, attempt=1, model="offline")
        await say(house, chat, "chat.delta", turn_id=turn, index=0, text="Está ")
        await hear(response, "Está")
    async with house.http.post(house.url + PATH, json=QUESTION, headers=KEYED) as response:
        assert (response.headers["X-Chat-Id"], response.headers["X-Chat-Token"]) == (chat, token)
        await say(house, chat, "chat.delta", turn_id=turn, index=1, text="listo")
        await say(house, chat, "chat.stopped", turn_id=turn, text="Está listo", by="x")
        assert await lines(response) == [{"token": "Está "}, {"token": "listo"}, "[DONE]"]
    assert speeches(await shown(house, chat, token)) == [("customer", "¿dónde está mi pedido?")]


async def end(house: HubHarness, turn: str, text: str) -> None:
    """The turn is over, in the room and in its documents."""
    log, services = house.hub.branch.log, house.hub.branch.services
    both = await read_turn(log, turn)
    assert both is not None
    event = ChatStopped(turn_id=turn, text=text, by="x")
    await log.commit(ending(both, TurnState.STOPPED, (event,), services.clock(), Limits(_env_file=None)))


async def test_a_question_that_is_sent_again_after_its_answer_has_the_whole_of_it(house: HubHarness) -> None:
    opened = (await house.post("/api/chats", {})).data
    body = {**QUESTION, "chat_id": opened["chat_id"], "token": opened["token"], "command_id": "once"}
    async with house.http.post(house.url + PATH, json=body) as response:
        await end(house, await turn_of(house, opened["chat_id"]), "Está listo")
        await lines(response)
    async with house.http.post(house.url + PATH, json=body) as response:
        assert await lines(response) == [{"token": "Está listo"}, "[DONE]"]
    await house.post(f"/api/chats/{opened['chat_id']}/forget", {"token": opened["token"]})
    async with house.http.post(house.url + PATH, json=body) as response:
        said = await lines(response)
    assert (said[0]["error"]["code"], said[1]) == ("not_found", "[DONE]")


async def test_a_question_that_waits_is_waited_for_when_it_is_sent_again(house: HubHarness) -> None:
    body = {**QUESTION, "command_id": KEYED["Idempotency-Key"]}
    async with house.http.post(house.url + PATH, json=body) as response:
        chat = response.headers["X-Chat-Id"]
    async with house.http.post(house.url + PATH, json=body) as response:
        await say(house, chat, "chat.completed", turn_id=await turn_of(house, chat), text="", usage={})
        assert await lines(response) == ["[DONE]"]


async def test_another_question_under_the_same_key_is_refused(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json=QUESTION, headers=KEYED) as response:
        assert response.status == 200
    other = {"messages": [{"role": "user", "content": "¿qué hay?"}]}
    answer = await house.post(PATH, other, headers=KEYED)
    assert (answer.status, answer.code) == (422, "idempotency_mismatch")
    answer = await house.post(PATH, {**QUESTION, "command_id": "another"}, headers=KEYED)
    assert (answer.status, answer.code) == (400, "bad_request")
