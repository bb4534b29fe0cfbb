"""Models as somebody else mocks them: one set of answers behind OpenAI's, Anthropic's and Ollama's protocols.

The server is @copilotkit/aimock, whose word for what a provider sends is checked against the providers' own every day.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agents.chain import Model
from agents.model_choice import ModelError, build_llm
from hub.config import NamedModel, TurnLimits
from tests.support.chat import BOUNDS, MENU, ending_of, running, text_of
from tests.support.processes import ROOT, Process, free_port, lacking, listening, node_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.chat import Branch

PACKAGE = "@copilotkit/aimock"
_READY_S = 20.0
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the providers' packages

LONG = " ".join(f"palabra{number}" for number in range(60))


def fixture(said: str, response: dict[str, Any], **more: Any) -> dict[str, Any]:
    options = {name: more.pop(name) for name in list(more) if name not in ("hasToolResult", "sequenceIndex")}
    return {"match": {"userMessage": said, **more}, "response": response, **options}


CALL = {"toolCalls": [{"id": "call_1", "name": "show_menu", "arguments": "{}"}]}
BUSY = {"error": {"message": "slow down, sk-secret", "type": "rate_limit_error"}, "status": 429}
FIXTURES = [
    fixture("¿qué hay?", CALL, hasToolResult=False),
    fixture("¿qué hay?", {"content": "Tenemos tacos"}, hasToolResult=True),
    fixture("despacio", {"content": LONG}, streamingProfile={"ttft": 80, "tps": 100, "jitter": 0.2}),
    fixture("se corta", {"content": LONG}, latency=5, chunkSize=10, truncateAfterChunks=8),
    fixture("media llamada", {"toolCalls": [{"name": "place_order", "arguments": '{"items": [{"sku": "gringa"'}]}),
    fixture("sin parar", CALL),
    fixture("ocupado", {**BUSY, "retryAfter": 1}, sequenceIndex=0),
    fixture("ocupado", {"content": "Ya"}, sequenceIndex=1),
    fixture("prohibido", {"error": {"message": "no: sk-secret", "type": "authentication_error"}, "status": 401}),
    fixture("caído", {"content": "nunca"}, chaos={"dropRate": 1}),
    fixture("roto", {"content": "nunca"}, chaos={"malformedRate": 1}),
    fixture("colgado", {"content": "nunca"}, chaos={"disconnectRate": 1}),
]


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address."""
    node, port = node_with(PACKAGE), free_port()
    folder: Path = tmp_path_factory.mktemp("aimock")
    answers = folder / "answers.json"
    answers.write_text(json.dumps({"fixtures": FIXTURES}), encoding="utf-8")
    cli = ROOT / "node_modules" / PACKAGE / "dist" / "cli.js"
    options = ("--port", str(port), "--fixtures", str(answers), "--log-level", "warn", "--strict")
    with Process(node, str(cli), *options, cwd=folder, name="aimock") as server:
        server.wait_for(lambda: listening(port), _READY_S, "it listens")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["openai_like", "anthropic", "ollama"])
async def model(request: pytest.FixtureRequest, aimock: str) -> AsyncIterator[Model]:
    base = {"openai_like": f"{aimock}/v1"}.get(request.param, aimock)
    name = {"anthropic": "claude-sonnet-4-0"}.get(request.param, "m")
    try:
        llm: Any = build_llm(NamedModel("COMANDA_LLM", request.param, name, base, "sk-secret"), MENU, 30)
    except ModelError as exc:
        lacking(str(exc))
    yield Model(request.param, llm)
    client = getattr(llm, "_aclient", None) or getattr(llm, "_async_client", None)
    if client is not None:
        await client._client.aclose()


async def asked(branch: Branch, model: Model, text: str, turn_limits: TurnLimits = BOUNDS) -> list[dict[str, Any]]:
    chat, worker = await branch.open(), branch.worker(turn_limits=turn_limits)
    worker._models = [model]
    async with running(worker):
        events = await branch.ask(chat, text)
    assert "sk-secret" not in str(events)
    return events


async def test_a_tool_is_called_and_its_result_answered_with(branch: Branch, model: Model) -> None:
    events = await asked(branch, model, "¿qué hay?")
    assert text_of(events) == "Tenemos tacos"
    called = [event["data"] for event in events if event["type"] == "chat.tool_finished"]
    assert [(tool["tool"], tool["ok"]) for tool in called] == [("show_menu", True)]


async def test_an_answer_at_a_models_own_speed_comes_whole_and_in_pieces(branch: Branch, model: Model) -> None:
    events = await asked(branch, model, "despacio")
    ending = ending_of(events)["data"]
    assert text_of(events) == ending["text"] == LONG
    assert ending["usage"]["deltas"] > 3
    assert ending["usage"]["model_ms"] >= 50


async def test_an_answer_that_breaks_off_keeps_its_words(branch: Branch, model: Model) -> None:
    events = await asked(branch, model, "se corta")
    ending = ending_of(events)
    assert text_of(events) == ending["data"]["text"]
    assert LONG.startswith(ending["data"]["text"])
    assert ending["data"]["text"] != LONG
    assert (ending["type"], ending["data"]["error"]["code"]) == ("chat.failed", "model_unavailable")


async def test_half_a_tool_call_is_never_made(branch: Branch, model: Model) -> None:
    events = await asked(branch, model, "media llamada")
    assert ending_of(events)["type"] == "chat.failed"
    assert not any(event["type"] == "chat.tool_finished" and event["data"]["ok"] for event in events)
    assert await branch.orders() == []


async def test_who_calls_tools_for_ever_is_ended(branch: Branch, model: Model) -> None:
    events = await asked(branch, model, "sin parar")
    assert ending_of(events)["data"]["error"]["code"] == "too_many_steps"


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ("prohibido", {"model_refused"}),
        ("caído", {"model_unavailable"}),
        ("roto", {"model_unavailable", "no_answer"}),  # Anthropic's client passes over what it does not understand
        ("colgado", {"model_unavailable"}),
    ],
)
async def test_what_fails_before_a_word_is_a_clear_failure(
    branch: Branch, model: Model, said: str, codes: set[str]
) -> None:
    ending = ending_of(await asked(branch, model, said))
    assert (ending["type"], ending["data"]["text"]) == ("chat.failed", "")
    assert ending["data"]["error"]["code"] in codes


async def test_who_is_busy_is_asked_again_when_it_says(branch: Branch, aimock: str) -> None:
    llm: Any = build_llm(NamedModel("COMANDA_LLM", "openai_like", "m", f"{aimock}/v1", "sk-secret"), MENU, 30)
    events = await asked(branch, Model("openai_like", llm), "ocupado")
    await llm._aclient.close()
    assert text_of(events) == "Ya"
    usage = ending_of(events)["data"]["usage"]
    assert usage["retries"] == 1
    assert usage["ttft_ms"] >= 1_000
