"""Anthropic's and Ollama's own protocols, through LlamaIndex's own packages: streamed, with tools, and refused."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from agents import model_choice as models
from agents.chain import Model
from agents.model_choice import ModelError, build_llm, build_models
from hub.config import NamedModel, Settings, TurnLimits
from tests.support.chat import MENU, ending_of, running, text_of
from tests.support.processes import lacking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.chat import Branch

    Say = Callable[[web.StreamResponse, bool], Awaitable[None]]

# What they use under the hood looks for `__fields__`, and reads its own deprecated settings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def anthropic(response: web.StreamResponse, after_tool: bool) -> None:
    async def event(kind: str, **data: Any) -> None:
        await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode())

    usage = {"input_tokens": 5, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    await event("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    if after_tool:
        await event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for text in ("Tenemos ", "tacos"):
            await event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    else:
        call = {"type": "tool_use", "id": "call_1", "name": "show_menu", "input": {}}
        await event("content_block_start", index=0, content_block=call)
        for piece in ("{", "}"):
            await event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": piece})
    await event("content_block_stop", index=0)
    reason = "end_turn" if after_tool else "tool_use"
    await event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 42})
    await event("message_stop")


async def ollama(response: web.StreamResponse, after_tool: bool) -> None:
    said: list[dict[str, Any]] = [{"content": "Tenemos "}, {"content": "tacos"}]
    called: list[dict[str, Any]] = [
        {"content": "", "tool_calls": [{"function": {"name": "show_menu", "arguments": {}}}]}
    ]
    for message in said if after_tool else called:
        line = {"model": "m", "message": {"role": "assistant", **message}, "done": False}
        await response.write(json.dumps(line).encode() + b"\n")
    last = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "eval_count": 42}
    await response.write(json.dumps(last).encode() + b"\n")


PROVIDERS: dict[str, tuple[str, str, str, Say]] = {
    "anthropic": ("/v1/messages", "text/event-stream", "claude-sonnet-4-0", anthropic),
    "ollama": ("/api/chat", "application/x-ndjson", "llama3", ollama),
}


@asynccontextmanager
async def served(name: str, status: int = 200) -> AsyncIterator[tuple[Model, list[dict[str, Any]]]]:
    path, kind, model, say = PROVIDERS[name]
    asked: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(body := await request.json())
        if status != 200:
            return web.json_response({"error": "sk-secret is wrong"}, status=status)
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        last = body["messages"][-1]
        called = last["role"] == "tool" or any("tool_result" in str(part) for part in last["content"])
        await say(response, called)
        return response

    app = web.Application()
    app.router.add_post(path, answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        try:
            llm = build_llm(NamedModel("COMANDA_LLM", name, model, url, "sk-secret"), MENU, 30)  # type: ignore[arg-type]
        except ModelError as exc:
            lacking(str(exc))
        yield Model(name, llm), asked
        client = getattr(llm, "_aclient", None) or getattr(llm, "_async_client", None)
        assert client is not None
        await client._client.aclose()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_provider_answers_with_a_tool_and_says_what_it_took(branch: Branch, name: str) -> None:
    async with served(name) as (model, asked):
        chat = await branch.open()
        worker = branch.worker()
        worker._models = [model]
        async with running(worker):
            events = await branch.ask(chat, "¿qué hay?")
    assert text_of(events) == "Tenemos tacos"
    usage = ending_of(events)["data"]["usage"]
    assert (usage["llm_calls"], usage["tool_calls"], usage["provider"]) == (2, 1, name)
    assert usage["output_tokens"] == 84
    assert len(asked) == 2
    assert "show_menu" in json.dumps(asked[0]["tools"])


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [(401, "model_refused", 1), (429, "model_overloaded", 2), (529, "model_unavailable", 2)],
)
async def test_a_provider_that_refuses_is_a_clear_failure(
    branch: Branch, name: str, status: int, code: str, tries: int
) -> None:
    async with served(name, status) as (model, asked):
        chat = await branch.open()
        worker = branch.worker(turn_limits=TurnLimits(turn_s=40, tries=2, retry_pause_s=0.01))
        worker._models = [model]
        async with running(worker):
            events = await branch.ask(chat, "hola")
    assert ending_of(events)["data"]["error"]["code"] == code
    assert len(asked) == tries
    assert "sk-secret" not in str(events)


@pytest.mark.parametrize(
    ("settings", "extra"),
    [
        ({"llm": "openai", "llm_api_key": "k"}, "openai"),
        ({"llm": "openai_like", "llm_base_url": "http://127.0.0.1:1/v1"}, "openai-like"),
        ({"llm": "anthropic", "llm_api_key": "k"}, "anthropic"),
        ({"llm": "ollama"}, "ollama"),
    ],
)
def test_a_provider_whose_package_is_missing_says_what_to_install(
    settings: dict[str, Any], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(models, "import_module", missing)
    with pytest.raises(ModelError, match=rf"pip install 'comanda\[{extra}\]'"):
        build_models(Settings(llm_model="m", **settings), MENU)
