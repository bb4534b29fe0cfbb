"""A model behind the OpenAI protocol: streamed text, tool calls in pieces, and every way it may fail."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from agents.model_choice import ModelError, build_llm, build_models, warm
from hub.config import NamedModel, Settings, TurnLimits
from tests.support.chat import MENU, ending_of, running, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.chat import Branch

    Answer = Callable[[web.StreamResponse], Awaitable[None]] | web.Response


class Provider:
    """A server on loopback that speaks the protocol; each answer is written by the test."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.answers: list[Answer | int] = []
        self.let_go = asyncio.Event()
        self.clients: list[Any] = []
        self.hangs = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, web.Response):
            return answer
        if isinstance(answer, int):
            return web.json_response({"error": {"message": "key sk-secret is wrong", "type": "x"}}, status=answer)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await answer(response)
        return response

    async def hang(self, response: web.StreamResponse) -> None:
        self.hangs.set()
        await self.let_go.wait()


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(body)}\n\n".encode()


def saying(*texts: str) -> Answer:
    async def answer(response: web.StreamResponse) -> None:
        for text in texts:
            await response.write(chunk({"role": "assistant", "content": text}))
        await response.write(chunk({}, "stop") + b"data: [DONE]\n\n")

    return answer


def calling(name: str, *pieces: str) -> Answer:
    async def answer(response: web.StreamResponse) -> None:
        first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
        await response.write(chunk({"role": "assistant", "content": None, "tool_calls": [first]}))
        for piece in pieces:
            more = {"index": 0, "function": {"arguments": piece}}
            await response.write(chunk({"tool_calls": [more]}))
        await response.write(chunk({}, "tool_calls") + b"data: [DONE]\n\n")

    return answer


async def dropped(response: web.StreamResponse) -> None:
    await response.write(chunk({"role": "assistant", "content": "Hola, "}))
    assert response._req is not None
    assert response._req.transport is not None
    response._req.transport.abort()


@asynccontextmanager
async def provider(*answers: Answer | int) -> AsyncIterator[Provider]:
    served = Provider()
    served.answers = list(answers)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", served.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield served
    finally:
        for client in served.clients:
            await client.close()
        served.let_go.set()
        await runner.cleanup()


def model(served: Provider) -> Any:
    """The model as the settings give it, loaded as a worker loads it, on a client that the test closes."""
    llm: Any = build_llm(NamedModel("COMANDA_LLM", "openai_like", "m", served.url, ""), MENU, 30)
    warm(llm)
    served.clients.append(llm._get_aclient())
    return llm


async def test_a_tool_call_in_pieces_is_put_together_and_the_answer_streamed(branch: Branch) -> None:
    async with provider(calling("show_menu", "{", "}"), saying("¡Listo, ", "Ana!")) as served:
        chat = await branch.open()
        async with running(branch.worker(model(served))):
            events = await branch.ask(chat, "¿qué hay?")
    assert text_of(events) == "¡Listo, Ana!" == ending_of(events)["data"]["text"]
    called = [event["data"]["tool"] for event in events if event["type"] == "chat.tool_called"]
    assert called == ["show_menu"]
    roles = [message["role"] for message in served.requests[1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool"]
    assert "Taco al pastor" in served.requests[1]["messages"][-1]["content"]


async def test_the_model_sees_the_turns_before(branch: Branch) -> None:
    async with provider(saying("Hola"), saying("Sí")) as served:
        chat = await branch.open()
        async with running(branch.worker(model(served))):
            await branch.ask(chat, "hola")
            await branch.ask(chat, "¿hay gringas?")
    said = [message["content"] for message in served.requests[1]["messages"][1:]]
    assert said == ["hola", "Hola", "¿hay gringas?"]


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (500, "model_unavailable", ""),
        (401, "model_refused", ""),
        (429, "model_overloaded", ""),
        (dropped, "model_unavailable", "Hola, "),
        (calling("place_order", '{"items": [{"sku": "gringa", "qty": 2}'), "broken_tool_call", ""),
        (calling("track_order", "{}"), "too_many_steps", ""),
        (saying(), "no_answer", ""),
    ],
    ids=["500", "401", "429", "dropped", "truncated-call", "endless-calls", "nothing"],
)
async def test_a_provider_that_fails_ends_the_turn_with_a_clear_code(
    branch: Branch, answer: Answer | int, code: str, text: str
) -> None:
    async with provider(answer) as served:
        chat = await branch.open()
        async with running(branch.worker(model(served))):
            events = await branch.ask(chat, "hola")
    ending = ending_of(events)
    assert (ending["type"], ending["data"]["error"]["code"]) == ("chat.failed", code)
    assert ending["data"]["text"] == text
    assert "sk-secret" not in str(events)
    assert await branch.orders() == []


async def test_a_provider_that_hangs_runs_into_the_deadline_and_can_be_stopped(branch: Branch) -> None:
    async with provider(500) as served:
        served.answers = [served.hang]
        chat = await branch.open()
        async with running(branch.worker(model(served), turn_limits=TurnLimits(first_token_s=1, idle_s=5, turn_s=10))):
            events = await branch.ask(chat, "hola")
        assert ending_of(events)["data"]["error"]["code"] == "model_timeout"
        served.hangs.clear()
        async with running(branch.worker(model(served), name="worker-2")):
            turn_id = await branch.send(chat, "hola")
            await served.hangs.wait()
            await branch.stop(chat, turn_id)
            await branch.until(chat, lambda event: event["type"] == "chat.stopped")


async def test_a_provider_that_is_not_there_is_a_clear_failure(branch: Branch, unused_tcp_port: int) -> None:
    chat = await branch.open()
    async with provider(500) as served:
        served.url = f"http://127.0.0.1:{unused_tcp_port}/v1"
        async with running(branch.worker(model(served))):
            events = await branch.ask(chat, "hola")
    assert ending_of(events)["data"]["error"] == {
        "code": "model_unavailable",
        "message": "El asistente no está disponible en este momento.",
        "retryable": True,
    }


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"llm": "openai"}, "COMANDA_LLM=openai needs COMANDA_LLM_MODEL"),
        ({"llm": "openai_like", "llm_model": "m"}, "COMANDA_LLM=openai_like needs COMANDA_LLM_BASE_URL"),
        ({"llm": "anthropic", "llm_model": "m"}, "COMANDA_LLM=anthropic needs COMANDA_LLM_API_KEY"),
        ({"llm": "ollama"}, "COMANDA_LLM=ollama needs COMANDA_LLM_MODEL"),
    ],
)
def test_a_model_that_cannot_be_set_up_says_why_in_one_line(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ModelError) as caught:
        build_models(Settings(**settings), MENU)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_server_that_leaves_out_what_openai_always_says_is_understood_all_the_same(branch: Branch) -> None:
    async def terse(response: web.StreamResponse) -> None:
        for text in ("Tenemos ", "tacos"):
            body = {"choices": [{"delta": {"content": text}, "finish_reason": "eos"}]}
            await response.write(f"data: {json.dumps(body)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")

    async with provider(terse) as served:
        chat = await branch.open()
        async with running(branch.worker(model(served))):
            events = await branch.ask(chat, "hola")
    assert text_of(events) == "Tenemos tacos"
