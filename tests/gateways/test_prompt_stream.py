"""`GET /stream?prompt=`: tokens for an EventSource, which goes on where it was cut off. The agent is played here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.domain.chat import TurnState
from tests.gateways.test_chat_completions import waiting_chat
from tests.gateways.test_token_stream import say, shown, speeches, turn_of
from tests.protocol.evening import end
from tests.support.hub_harness import STREAM, HubHarness, Stream, plain, streaming

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

PATH = "/stream?prompt=hola"


class Reader:
    """An EventSource's side of one connection: the blocks, and the id of the last one."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.id = ""

    async def next(self) -> dict[str, str]:
        block = await self.stream.block()
        while not block:  # a comment
            block = await self.stream.block()
        self.id = block.get("id", self.id)
        return block

    async def data(self) -> str:
        return (await self.next())["data"]


async def begin(house: HubHarness, reader: Reader) -> tuple[str, str, str]:
    """The chat, its token, and the turn that has begun."""
    opened = await reader.next()
    assert opened["event"] == "chat"
    chat_id = await waiting_chat(house)
    token = reader.id.partition(":")[0]
    assert opened["data"] == f'{{"chat_id":"{chat_id}","token":"{token}"}}'
    turn = await turn_of(house, chat_id)
    await say(house, chat_id, "chat.started", turn_id=turn, attempt=1, model="offline")
    return chat_id, token, turn


async def delta(house: HubHarness, chat_id: str, turn: str, index: int, text: str) -> None:
    await say(house, chat_id, "chat.delta", turn_id=turn, index=index, text=text)


async def test_tokens_come_with_ids_and_end_with_done(house: HubHarness) -> None:
    async with streaming(house, PATH) as stream:
        reader = Reader(stream)
        chat_id, token, turn = await begin(house, reader)
        ids = {reader.id}
        for index, text in enumerate(("Tu pedido ", "está\nlisto ", "🌮")):
            await delta(house, chat_id, turn, index, text)
        said = [await reader.data() for _ in range(3)]
        assert said == ['{"token":"Tu pedido "}', '{"token":"está\\nlisto "}', '{"token":"🌮"}']
        await end(house, turn, TurnState.COMPLETED)
        while (last := await reader.data()) != "[DONE]":
            ids.add(reader.id)
        assert last == "[DONE]"
        assert reader.id not in ids
    assert speeches(await shown(house, chat_id, token))[0] == ("customer", "hola")


async def test_a_reader_that_comes_back_goes_on_where_it_was(house: HubHarness) -> None:
    async with streaming(house, PATH) as stream:
        reader = Reader(stream)
        chat_id, _, turn = await begin(house, reader)
        await delta(house, chat_id, turn, 0, "Son ")
        await reader.next()
    await delta(house, chat_id, turn, 1, "dos ")
    async with streaming(house, PATH, **{"Last-Event-ID": reader.id}) as stream:
        again = Reader(stream)
        assert await again.data() == '{"token":"dos "}'
        await delta(house, chat_id, turn, 2, "tacos")
        assert await again.data() == '{"token":"tacos"}'
        await say(house, chat_id, "chat.completed", turn_id=turn, text="Son dos tacos", usage={})
        assert await again.data() == "[DONE]"
    chats = (await house.get("/api/chats", token=house.token())).data["chats"]
    assert [chat["chat_id"] for chat in chats] == [chat_id]


async def test_a_reader_cut_off_before_the_first_word_does_not_ask_again(house: HubHarness) -> None:
    async with streaming(house, PATH) as stream:
        reader = Reader(stream)
        chat_id, token, turn = await begin(house, reader)
    async with streaming(house, PATH, **{"Last-Event-ID": reader.id}) as stream:
        again = Reader(stream)
        await delta(house, chat_id, turn, 0, "Hola")
        assert await again.data() == '{"token":"Hola"}'
    assert speeches(await shown(house, chat_id, token)) == [("customer", "hola")]


async def test_another_hub_goes_on_too(open_hub: Open) -> None:
    async with open_hub() as one, open_hub() as two:
        async with streaming(one, PATH) as stream:
            reader = Reader(stream)
            chat_id, _, turn = await begin(one, reader)
        async with streaming(two, PATH, **{"Last-Event-ID": reader.id}) as stream:
            await delta(one, chat_id, turn, 0, "Hola")
            assert await Reader(stream).data() == '{"token":"Hola"}'


@pytest.mark.parametrize("goes_on", [False, True], ids=["a-new-chat", "a-chat-that-goes-on"])
async def test_a_front_that_asks_a_second_hub_because_the_first_one_failed_asks_once(
    open_hub: Open, goes_on: bool
) -> None:
    async with open_hub() as one, open_hub() as two:
        path = PATH
        if goes_on:
            path += f"&token={(await one.post('/api/chats', {})).data['token']}"
        key = {"Idempotency-Key": "0123456789abcdef0123456789abcdef"}
        async with streaming(one, path, **key) as stream:
            first = await Reader(stream).next()
        async with streaming(two, path, **key) as stream:
            reader = Reader(stream)
            assert await reader.next() == first
            chat_id, token = (json.loads(first["data"])[name] for name in ("chat_id", "token"))
            await delta(one, chat_id, await turn_of(one, chat_id), 0, "Hola")
            assert await reader.data() == '{"token":"Hola"}'
        assert speeches(await shown(one, chat_id, token)) == [("customer", "hola")]
        refused = await two.get(path.replace("hola", "otra"), headers={**STREAM, **key})
        assert (refused.status, refused.code) == (422, "idempotency_mismatch")


async def test_an_idempotency_key_that_could_be_guessed_opens_no_chat(house: HubHarness) -> None:
    refused = await house.get(PATH, headers={**STREAM, "Idempotency-Key": "1"})
    assert (refused.status, refused.code) == (400, "bad_request")


async def ended(house: HubHarness, state: TurnState, *, read_to_the_end: bool = False) -> tuple[str, list[str]]:
    """The ids that a reader had of an answer that is over by now."""
    ids = []
    async with streaming(house, PATH) as stream:
        reader = Reader(stream)
        chat_id, _, turn = await begin(house, reader)
        ids.append(reader.id)
        await delta(house, chat_id, turn, 0, "Hola.")
        await reader.next()
        ids.append(reader.id)
        await end(house, turn, state)
        while read_to_the_end and await reader.data() != "[DONE]":
            pass
    return reader.id, ids


async def test_an_answer_that_is_over_and_read_gives_204(house: HubHarness) -> None:
    last, (beginning, whole) = await ended(house, TurnState.COMPLETED, read_to_the_end=True)
    for id in (last, whole):
        answer = await house.get(PATH, headers={**STREAM, "Last-Event-ID": id})
        assert (answer.status, answer.raw) == (204, b"")
    answer = await house.get(PATH, headers={**STREAM, "Last-Event-ID": beginning})
    assert b'data: {"token":"Hola."}' in answer.raw
    assert answer.raw.endswith(b"data: [DONE]\n\n")


async def test_a_failure_that_was_not_heard_is_told(house: HubHarness) -> None:
    _, (_, whole) = await ended(house, TurnState.FAILED)
    answer = await house.get(PATH, headers={**STREAM, "Last-Event-ID": whole})
    assert b'"error":{"code":"internal"' in answer.raw
    assert answer.raw.endswith(b"data: [DONE]\n\n")


async def test_an_answer_that_began_anew_meanwhile_is_told_anew(house: HubHarness) -> None:
    async with streaming(house, PATH) as stream:
        reader = Reader(stream)
        chat_id, _, turn = await begin(house, reader)
        await delta(house, chat_id, turn, 0, "Son tres")
        await reader.next()
    await say(house, chat_id, "chat.started", turn_id=turn, attempt=2, model="offline")
    await delta(house, chat_id, turn, 0, "Son dos tacos")
    async with streaming(house, PATH, **{"Last-Event-ID": reader.id}) as stream:
        again = Reader(stream)
        assert [await again.data() for _ in range(2)] == ['{"discard":true}', '{"token":"Son dos tacos"}']


async def test_the_chat_goes_on_with_its_token(house: HubHarness) -> None:
    opened = (await house.post("/api/chats", {})).data
    async with streaming(house, f"{PATH}&token={opened['token']}") as stream:
        assert (await Reader(stream).next())["event"] == "chat"
    assert speeches(await shown(house, opened["chat_id"], opened["token"])) == [("customer", "hola")]


async def test_while_a_person_answers_it_says_so_once(house: HubHarness) -> None:
    opened = (await house.post("/api/chats", {})).data
    async with await plain(house, token=house.token("support")) as support:
        await support.command("chat.take_over", chat_id=opened["chat_id"])
    async with streaming(house, f"{PATH}&token={opened['token']}") as stream:
        reader = Reader(stream)
        assert '"code":"conflict"' in await reader.data()
        assert await reader.data() == "[DONE]"
    assert (await house.get(PATH, headers={**STREAM, "Last-Event-ID": reader.id})).status == 204


BAD: list[tuple[str, dict[str, str], int, str]] = [
    ("/stream", {}, 400, "bad_request"),
    ("/stream?prompt=", {}, 400, "bad_request"),
    ("/stream?prompt=%20%0a", {}, 400, "bad_request"),
    (f"/stream?prompt={'x' * 2_001}", {}, 413, "too_large"),
    (PATH, {"Last-Event-ID": "a-1"}, 400, "bad_request"),
    (PATH, {"Last-Event-ID": "c1.0123456789012345678901:t1:3-01234567"}, 404, "not_found"),
    (PATH, {"Sec-Fetch-Site": "cross-site"}, 403, "forbidden"),
    (PATH, {"Sec-Fetch-Site": "same-site"}, 403, "forbidden"),
    (PATH, {"Origin": "https://elsewhere.example"}, 403, "forbidden"),
]


@pytest.mark.parametrize(("path", "headers", "status", "code"), BAD, ids=lambda value: ascii(value)[:60])
async def test_bad_requests_and_foreign_pages_are_refused_and_ask_nothing(
    house: HubHarness, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    refused = await house.get(path, headers={**STREAM, **headers})
    assert (refused.status, refused.code) == (status, code)
    chats: list[Any] = (await house.get("/api/chats", token=house.token())).data["chats"]
    assert [chat["answering"] for chat in chats] in ([], [False])


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_an_own_page_and_a_person_may_ask(house: HubHarness, site: str) -> None:
    async with streaming(house, PATH, **{"Sec-Fetch-Site": site}) as stream:
        assert (await Reader(stream).next())["event"] == "chat"


async def test_a_temporary_error_is_a_stream_that_says_when_to_come_back(open_hub: Open) -> None:
    async with open_hub(turns_minute=1) as house:
        async with streaming(house, PATH):
            pass
        answer = await house.get(PATH, headers=STREAM)
        assert (answer.status, answer.raw.partition(b":")[0]) == (200, b"retry")
