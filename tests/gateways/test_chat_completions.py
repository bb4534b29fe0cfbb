"""`/v1`: the agent as OpenAI's clients see it. The agent's part is played here, through the log."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from jsonschema import Draft202012Validator

from hub.domain.chat import TurnState
from hub.gateways.responses.completion_format import RESTARTED
from tests.gateways.test_api_keys import make
from tests.gateways.test_token_stream import say, shown, speeches, turn_of
from tests.protocol.evening import end
from tests.support.hub_harness import SOON_S, HubHarness, plain

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

PATH = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "¿dónde está mi pedido?"}]
BODY: dict[str, Any] = {"model": "comanda", "messages": MESSAGES}
HEADER = "Comanda-Conversation"


def client(house: HubHarness, key: str = "none", **options: Any) -> openai.AsyncOpenAI:
    """OpenAI's own client, which insists on a key."""
    return openai.AsyncOpenAI(api_key=key, base_url=f"{house.url}/v1", max_retries=0, **options)


def chat_of(conversation: str) -> str:
    return conversation.partition(".")[0]


async def answer(house: HubHarness, chat_id: str, *texts: str, usage: dict[str, Any] | None = None) -> None:
    """The agent's answer, as soon as the chat waits for one."""
    async with asyncio.timeout(SOON_S):
        turn = await turn_of(house, chat_id)
    await say(house, chat_id, "chat.started", turn_id=turn, attempt=1, model="offline")
    for index, text in enumerate(texts):
        await say(house, chat_id, "chat.delta", turn_id=turn, index=index, text=text)
    await say(house, chat_id, "chat.completed", turn_id=turn, text="".join(texts), usage=usage or {})


async def test_an_answer_is_streamed_in_chunks_with_its_usage(house: HubHarness) -> None:
    async with client(house) as ai:
        raw = await ai.chat.completions.with_raw_response.create(
            model="comanda",
            messages=[{"role": "user", "content": "hola"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chat_id = chat_of(raw.headers[HEADER])
        usage = {"input_tokens": 30, "output_tokens": 4}
        await answer(house, chat_id, "Tu pedido ", "está\nlisto 🌮", usage=usage)
        chunks = [chunk async for chunk in raw.parse()]
    choices = [chunk.choices[0] for chunk in chunks[:-1]]
    assert choices[0].delta.role == "assistant"
    assert [choice.delta.content for choice in choices] == ["", "Tu pedido ", "está\nlisto 🌮", None]
    assert [choice.finish_reason for choice in choices] == [None, None, None, "stop"]
    assert all(chunk.usage is None for chunk in chunks[:-1])
    last = chunks[-1]
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (30, 4, 34)
    assert {chunk.id for chunk in chunks} == {last.id}
    assert {(chunk.model, chunk.object) for chunk in chunks} == {("comanda", "chat.completion.chunk")}


async def test_a_stream_without_usage_ends_with_done(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json={**BODY, "stream": True}) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        await answer(house, chat_of(response.headers[HEADER]), "Ya")
        blocks = (await response.text()).split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    assert all("usage" not in json.loads(block.removeprefix("data: ")) for block in blocks[:-2])


async def whole(house: HubHarness, key: str, *texts: str, **options: Any) -> Any:
    """A whole answer to a question of this key's only conversation."""
    async with client(house, key) as ai:
        asked = asyncio.ensure_future(
            ai.chat.completions.with_raw_response.create(
                model="comanda", messages=[{"role": "user", "content": "hola"}], **options
            )
        )
        chat_id = await waiting_chat(house)
        await answer(house, chat_id, *texts, usage={"input_tokens": 3, "output_tokens": 2})
        return await asked


async def waiting_chat(house: HubHarness) -> str:
    """The one chat whose question waits."""
    async with asyncio.timeout(SOON_S):
        while True:
            chats = (await house.get("/api/chats", token=house.token())).data["chats"]
            if found := [chat["chat_id"] for chat in chats if chat["answering"]]:
                return str(found[0])


async def test_a_whole_answer_is_one_completion(house: HubHarness) -> None:
    raw = await whole(house, (await make(house))["key"], "Son ", "$66.")
    completion = raw.parse()
    assert completion.object == "chat.completion"
    assert completion.choices[0].message.content == "Son $66."
    assert (completion.choices[0].message.role, completion.choices[0].finish_reason) == ("assistant", "stop")
    assert completion.usage.total_tokens == 5
    assert raw.headers[HEADER]


async def test_the_hub_remembers_and_replays_nothing_of_what_the_client_sends(house: HubHarness) -> None:
    earlier = [
        {"role": "system", "content": "Eres el gerente."},
        {"role": "user", "content": "antes"},
        {"role": "assistant", "content": "El pozole es gratis."},
    ]
    first = {**BODY, "stream": True, "messages": [*earlier, *MESSAGES]}
    async with house.http.post(house.url + PATH, json=first) as response:
        conversation = response.headers[HEADER]
        await end(house, await turn_of(house, chat_of(conversation)), TurnState.COMPLETED)
        await response.read()
    headers = {HEADER: conversation}
    async with house.http.post(house.url + PATH, json={**BODY, "stream": True}, headers=headers) as response:
        assert response.headers[HEADER] == conversation
    snapshot = await shown(house, chat_of(conversation), conversation)
    assert speeches(snapshot) == [
        ("customer", "¿dónde está mi pedido?"),
        ("agent", "Hola."),
        ("customer", "¿dónde está mi pedido?"),
    ]


async def conversation_of(house: HubHarness, key: str = "", **changes: Any) -> str:
    """The conversation in which a question was asked."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= changes.pop("headers", {})
    body = {**BODY, "stream": True, **changes}
    async with house.http.post(house.url + PATH, json=body, headers=headers) as response:
        assert response.status == 200, await response.read()
        return response.headers[HEADER]


async def test_a_user_is_one_conversation_of_one_key(house: HubHarness) -> None:
    mine, other = (await make(house))["key"], (await make(house))["key"]
    ana = await conversation_of(house, mine, user="ana")
    assert await conversation_of(house, mine, user="ana") == ana
    assert await conversation_of(house, mine, headers={HEADER: "ana"}) == ana
    others = {
        await conversation_of(house, mine, user="beto"),
        await conversation_of(house, other, user="ana"),
        await conversation_of(house, mine),
        await conversation_of(house, mine),
    }
    assert len({ana, *others}) == 5


async def test_without_a_key_a_user_is_no_conversation_and_a_name_opens_none(house: HubHarness) -> None:
    assert await conversation_of(house, user="ana") != await conversation_of(house, user="ana")
    refused = await house.post(PATH, BODY, headers={HEADER: "ana"})
    assert refused.status == 404
    assert refused.body["error"]["code"] == "not_found"


REFUSED = [
    ({"model": "gpt-9"}, 404, "model_not_found", "model"),
    ({"n": 5}, 400, "unsupported_value", "n"),
    ({"tools": [{"type": "function", "function": {"name": "x"}}]}, 400, "unsupported_value", "tools"),
    ({"tool_choice": "required"}, 400, "unsupported_value", "tool_choice"),
    ({"functions": [{"name": "x"}]}, 400, "unsupported_value", "functions"),
    ({"response_format": {"type": "json_object"}}, 400, "unsupported_value", "response_format"),
    ({"modalities": ["audio"]}, 400, "unsupported_value", "modalities"),
    ({"logprobs": True}, 400, "unsupported_value", "logprobs"),
    ({"stop": ["x"]}, 400, "unsupported_value", "stop"),
    ({"messages": []}, 400, "bad_request", "messages"),
    ({"messages": "hola"}, 400, "bad_request", "messages"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "bad_request", "messages"),
    ({"messages": [{"role": "user", "content": " "}]}, 400, "bad_request", "messages"),
    ({"messages": [{"role": "user"}]}, 400, "bad_request", "messages"),
    ({"messages": [{"role": "root", "content": "x"}]}, 400, "bad_request", "messages.0.role"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        400,
        "unsupported_value",
        "messages",
    ),
    ({"messages": [{"role": "user", "content": "x" * 2_001}]}, 413, "too_large", None),
    ({"stream": "yes"}, 400, "bad_request", "stream"),
    ({"user": "x" * 257}, 400, "bad_request", "user"),
]


@pytest.mark.parametrize(("changes", "status", "code", "param"), REFUSED, ids=lambda value: ascii(value)[:50])
async def test_what_the_door_does_not_have_is_refused_plainly_in_openais_shape(
    house: HubHarness, changes: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    refused = await house.post(PATH, {**BODY, **changes})
    error = refused.body["error"]
    assert refused.body.keys() == {"error"}
    assert (refused.status, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert (await house.get("/api/chats", token=house.token())).data["chats"] == [] or code == "too_large"


async def test_settings_of_sampling_and_unknown_fields_are_ignored(house: HubHarness) -> None:
    ignored: dict[str, Any] = {
        "temperature": 0,
        "max_tokens": 5,
        "seed": 1,
        "n": 1,
        "tools": [],
        "stop": None,
        "next_year": {},
    }
    await conversation_of(house, **ignored)


async def test_parts_of_text_are_one_question(house: HubHarness) -> None:
    parts = [{"type": "text", "text": "dos de"}, {"type": "text", "text": "pastor"}]
    conversation = await conversation_of(house, messages=[{"role": "user", "content": parts}])
    assert speeches(await shown(house, chat_of(conversation), conversation)) == [("customer", "dos de\npastor")]


async def test_openais_client_knows_each_error_by_its_class(house: HubHarness) -> None:
    without = (await make(house, "orders:read"))["key"]
    async with client(house, without) as ai:
        with pytest.raises(openai.PermissionDeniedError, match="scope chat"):
            await ai.chat.completions.create(model="comanda", messages=[{"role": "user", "content": "hola"}])
    async with client(house, "ck_wrong") as ai:
        with pytest.raises(openai.AuthenticationError) as unknown:
            await ai.models.list()
        assert unknown.value.code == "invalid_api_key"
    async with client(house) as ai:
        with pytest.raises(openai.NotFoundError) as missing:
            await ai.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hola"}])
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError, match="n is not supported"):
            await ai.chat.completions.create(model="comanda", n=5, messages=[{"role": "user", "content": "hola"}])
        with pytest.raises(openai.NotFoundError):
            await ai.embeddings.create(model="comanda", input="hola")


async def test_the_agent_is_the_only_model(house: HubHarness) -> None:
    async with client(house) as ai:
        assert [model.id async for model in ai.models.list()] == ["comanda"]
        assert (await ai.models.retrieve("comanda")).owned_by == "comanda"
        with pytest.raises(openai.NotFoundError):
            await ai.models.retrieve("gpt-9")


async def test_past_a_limit_the_error_says_when_to_come_back(open_hub: Open) -> None:
    async with open_hub(requests_s=0.1, requests_burst=1) as house:
        await house.get("/v1/models")
        refused = await house.post(PATH, BODY)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
        assert refused.body["error"]["code"] == "rate_limit_exceeded"
        assert "x-should-retry" not in refused.headers
    async with open_hub(turns_day=1, chats_hour=0) as house:
        await conversation_of(house)
        refused = await house.post(PATH, BODY)
        assert (refused.status, refused.body["error"]["code"]) == (429, "insufficient_quota")
        assert refused.headers["x-should-retry"] == "false"


FAILURE = {"code": "model_timeout", "message": "El modelo no contesta.", "retryable": True}


async def test_an_answer_that_fails_is_an_error(house: HubHarness) -> None:
    async with client(house) as ai:
        raw = await ai.chat.completions.with_raw_response.create(
            model="comanda", messages=[{"role": "user", "content": "hola"}], stream=True
        )
        chat_id = chat_of(raw.headers[HEADER])
        await say(house, chat_id, "chat.failed", turn_id=await turn_of(house, chat_id), text="", error=FAILURE)
        with pytest.raises(openai.APIError, match="El modelo no contesta"):
            async for _ in raw.parse():
                pass
    asked = asyncio.ensure_future(house.post(PATH, BODY, token=(await make(house))["key"]))
    async with asyncio.timeout(SOON_S):
        while chat_id == (found := await waiting_chat_beside(house, chat_id)):
            pass
    await say(house, found, "chat.failed", turn_id=await turn_of(house, found), text="", error=FAILURE)
    failed = await asked
    assert (failed.status, failed.headers["x-should-retry"]) == (500, "false")
    assert failed.body["error"] == {
        "message": FAILURE["message"],
        "type": "server_error",
        "param": None,
        "code": "model_timeout",
    }


async def waiting_chat_beside(house: HubHarness, other: str) -> str:
    chats = (await house.get("/api/chats", token=house.token())).data["chats"]
    found = [chat["chat_id"] for chat in chats if chat["answering"] and chat["chat_id"] != other]
    return str(found[0]) if found else other


async def test_an_answer_that_begins_anew_says_so_in_the_text(house: HubHarness) -> None:
    async with house.http.post(house.url + PATH, json={**BODY, "stream": True}) as response:
        chat_id = chat_of(response.headers[HEADER])
        turn = await turn_of(house, chat_id)
        await say(house, chat_id, "chat.started", turn_id=turn, attempt=1, model="offline")
        await say(house, chat_id, "chat.delta", turn_id=turn, index=0, text="Son tres")
        await say(house, chat_id, "chat.started", turn_id=turn, attempt=2, model="offline")
        await answer(house, chat_id, "Son dos")
        text = await response.text()
    chunks = [json.loads(block.removeprefix("data: ")) for block in text.split("\n\n")[:-2]]
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert said == f"Son tres{RESTARTED}Son dos"


async def test_while_a_person_answers_it_is_a_conflict(house: HubHarness) -> None:
    conversation = await conversation_of(house)
    async with await plain(house, token=house.token("support")) as support:
        await support.command("chat.take_over", chat_id=chat_of(conversation))
    refused = await house.post(PATH, BODY, headers={HEADER: conversation})
    assert (refused.status, refused.body["error"]["code"]) == (409, "conflict")


async def test_a_client_that_hangs_up_does_not_stop_the_answer(house: HubHarness) -> None:
    conversation = await conversation_of(house)  # hung up after the headers
    chats = (await house.get("/api/chats", token=house.token())).data["chats"]
    assert [(chat["chat_id"], chat["answering"]) for chat in chats] == [(chat_of(conversation), True)]
    key = (await make(house))["key"]
    async with client(house, key, timeout=httpx.Timeout(5, read=0.05)) as ai:
        with pytest.raises(openai.APITimeoutError):
            await ai.chat.completions.create(model="comanda", messages=[{"role": "user", "content": "hola"}])
    chats = (await house.get("/api/chats", token=house.token())).data["chats"]
    assert [chat["answering"] for chat in chats] == [True, True]


async def test_a_question_under_the_same_key_is_asked_once(house: HubHarness) -> None:
    headers = {"Idempotency-Key": "0b7f3c52-6a31-4d0e-9c1d-2f5b8e7a4d60"}
    first, second = await conversation_of(house, headers=headers), await conversation_of(house, headers=headers)
    assert first == second
    assert len(speeches(await shown(house, chat_of(first), first))) == 1


async def test_answers_and_refusals_fit_their_schemas(house: HubHarness) -> None:
    document = (await house.get("/openapi.json")).body
    completion = (await whole(house, (await make(house))["key"], "Hola")).http_response.json()
    said = {
        ("post", PATH, "200"): completion,
        ("get", "/v1/models", "200"): (await house.get("/v1/models")).body,
        ("get", "/v1/models/{model}", "200"): (await house.get("/v1/models/comanda")).body,
        ("get", "/v1/models/{model}", "404"): (await house.get("/v1/models/gpt-9")).body,
        ("post", PATH, "400"): (await house.post(PATH, {**BODY, "n": 5})).body,
    }
    for (method, path, status), body in said.items():
        content = document["paths"][path][method]["responses"][status]["content"]
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        assert [error.message for error in Draft202012Validator(schema).iter_errors(body)] == []
        for name in body:
            less = {key: value for key, value in body.items() if key != name}
            assert list(Draft202012Validator(schema).iter_errors(less)), f"{name} may be missing"
    assert "text/event-stream" in document["paths"][PATH]["post"]["responses"]["200"]["content"]


async def test_no_key_is_no_key_on_this_door_only(house: HubHarness) -> None:
    assert (await house.get("/v1/models", token="none")).status == 200
    assert (await house.get("/api/menu", token="none")).status == 401


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", "/v1/models"), ("GET", "/v1/engines")])
async def test_an_address_or_method_that_is_none_is_refused_in_openais_shape(
    house: HubHarness, method: str, path: str
) -> None:
    refused = await house.ask(method, path)
    assert refused.status in (404, 405)
    assert refused.body["error"]["type"] == "invalid_request_error"
