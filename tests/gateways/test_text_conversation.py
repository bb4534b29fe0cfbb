"""`/ws` in text: the first message decides, then prompts go in and the words of answers come out."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from hub.domain.chat import TurnState
from hub.gateways.responses.completion_format import RESTARTED
from tests.gateways.test_api_keys import make
from tests.gateways.test_chat_completions import FAILURE, waiting_chat
from tests.gateways.test_token_stream import say, shown, speeches, turn_of
from tests.protocol.evening import end
from tests.support.hub_harness import SOON_S, HubHarness, Plain, plain

if TYPE_CHECKING:
    from tests.gateways.conftest import Open


async def told(client: Plain) -> list[str]:
    """The frames of an answer, without the empty one that ends it."""
    frames: list[str] = []
    async with asyncio.timeout(SOON_S):
        while frame := await client.ws.receive_str():
            frames.append(frame)
    return frames


async def begun(house: HubHarness) -> tuple[str, str]:
    """The chat whose question waits, and its turn, which begins."""
    chat_id = await waiting_chat(house)
    turn = await turn_of(house, chat_id)
    await say(house, chat_id, "chat.started", turn_id=turn, attempt=1, model="offline")
    return chat_id, turn


async def answer(house: HubHarness, chat_id: str, turn: str) -> None:
    """The whole answer to a turn that has begun."""
    await say(house, chat_id, "chat.delta", turn_id=turn, index=0, text="Hola.")
    await end(house, turn, TurnState.COMPLETED)


async def test_prompts_go_in_and_the_words_of_their_answers_come_out(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_str("¿qué hay?")
        chat_id, turn = await begun(house)
        for index, text in enumerate(("Hay ", "tacos\n", "🌮")):
            await say(house, chat_id, "chat.delta", turn_id=turn, index=index, text=text)
        await say(house, chat_id, "chat.completed", turn_id=turn, text="Hay tacos\n🌮", usage={})
        assert await told(client) == ["Hay ", "tacos\n", "🌮"]


async def test_the_prompts_of_a_connection_are_one_chat_asked_in_their_order(house: HubHarness) -> None:
    async with await plain(house) as client:
        for prompt in ("uno", "dos", "dos"):
            await client.ws.send_str(prompt)
        for _ in range(3):
            chat_id, turn = await begun(house)
            await answer(house, chat_id, turn)
            assert await told(client) == ["Hola."]
    token = house.tokens.for_chat(chat_id)
    said = [text for kind, text in speeches(await shown(house, chat_id, token)) if kind == "customer"]
    assert said == ["uno", "dos", "dos"]


async def test_the_token_of_a_chat_goes_on_with_it(house: HubHarness) -> None:
    opened = (await house.post("/api/chats", {})).data
    async with await plain(house, token=opened["token"]) as client:
        await client.ws.send_str("hola")
        assert await waiting_chat(house) == opened["chat_id"]


@pytest.mark.parametrize("later", ['{"id": 1, "command": "hub.ping"}', '{"id":', "[]"])
async def test_a_conversation_is_one_for_life(house: HubHarness, later: str) -> None:
    async with await plain(house) as client:
        await client.ws.send_str("hola")
        chat_id, turn = await begun(house)
        await answer(house, chat_id, turn)
        assert await told(client) == ["Hola."]
        await client.ws.send_str(later)
        chat_id, _ = await begun(house)
    assert speeches(await shown(house, chat_id, house.tokens.for_chat(chat_id)))[-1] == ("customer", later)


@pytest.mark.parametrize("first", ['{"id": 1,', "{", ' \n{"id": 1, "command": "hub.ping"}', "{hola}"])
async def test_a_connection_whose_first_message_begins_with_a_brace_has_commands_for_life(
    house: HubHarness, first: str
) -> None:
    async with await plain(house) as client:
        await client.ws.send_str(first)
        async with asyncio.timeout(SOON_S):
            ack = await client.ws.receive_json()
        assert ack["ok"] is ("ping" in first)
        assert ack["ok"] or ack["error"]["code"] == "bad_request"
        await client.ws.send_str("hola")
        async with asyncio.timeout(SOON_S):
            assert (await client.ws.receive_json())["error"]["code"] == "bad_request"
    assert (await house.get("/api/chats", token=house.token())).data["chats"] == []


@pytest.mark.parametrize(
    ("prompt", "error"), [("", "bad_request"), (" \n", "bad_request"), ("x" * 2_001, "too_large")], ids=ascii
)
async def test_a_prompt_that_makes_no_sense_is_answered_with_an_error_and_the_next_one_is_heard(
    house: HubHarness, prompt: str, error: str
) -> None:
    async with await plain(house) as client:
        await client.ws.send_str(prompt)
        [line] = await told(client)
        assert line.startswith(f"error {error}: ")
        await client.ws.send_str("hola")
        await begun(house)


async def test_an_answer_that_fails_ends_with_an_error(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_str("hola")
        chat_id, turn = await begun(house)
        await say(house, chat_id, "chat.delta", turn_id=turn, index=0, text="Ho")
        await say(house, chat_id, "chat.failed", turn_id=turn, text="Ho", error=FAILURE)
        assert await told(client) == ["Ho", "error model_timeout: El modelo no contesta."]


async def test_an_answer_that_begins_anew_says_so(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_str("hola")
        chat_id, turn = await begun(house)
        await say(house, chat_id, "chat.delta", turn_id=turn, index=0, text="Son tres")
        await say(house, chat_id, "chat.started", turn_id=turn, attempt=2, model="offline")
        await say(house, chat_id, "chat.delta", turn_id=turn, index=0, text="Son dos")
        await say(house, chat_id, "chat.completed", turn_id=turn, text="Son dos", usage={})
        assert await told(client) == ["Son tres", RESTARTED, "Son dos"]


async def test_while_a_person_answers_it_says_so(house: HubHarness) -> None:
    opened = (await house.post("/api/chats", {})).data
    async with await plain(house, token=house.token("support")) as support:
        await support.command("chat.take_over", chat_id=opened["chat_id"])
    async with await plain(house, token=opened["token"]) as client:
        await client.ws.send_str("hola")
        [line] = await told(client)
        assert line.startswith("error conflict: ")


async def test_a_client_that_hangs_up_leaves_nothing_and_does_not_stop_the_answer(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_str("hola")
        chat_id, _ = await begun(house)
        assert house.hub.branch.relay.stats.members > 0
    async with asyncio.timeout(SOON_S):
        while len(house.hub.gateways.streams.open) or house.hub.branch.relay.stats.members:
            await house.healthy()
    [chat] = (await house.get("/api/chats", token=house.token())).data["chats"]
    assert (chat["chat_id"], chat["answering"]) == (chat_id, True)


async def test_a_key_without_the_scope_is_told_so(house: HubHarness) -> None:
    key = (await make(house, "orders:read"))["key"]
    async with await plain(house, headers={"Authorization": f"Bearer {key}"}) as client:
        await client.ws.send_str("hola")
        [line] = await told(client)
        assert line == "error forbidden: this API key lacks the scope chat"


async def test_prompts_count_for_the_rates(open_hub: Open) -> None:
    async with open_hub(commands_s=0.001, commands_burst=1) as house, await plain(house) as client:
        for _ in range(2):
            await client.ws.send_str("")
        assert [(await told(client))[0].partition(":")[0] for _ in range(2)] == [
            "error bad_request",
            "error rate_limited",
        ]


async def test_a_binary_message_closes_it(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_str("")
        await told(client)
        await client.ws.send_bytes(json.dumps({}).encode())
        assert await client.closed() == 1003
