"""Models that fail, and others that answer instead: tried again before the first word, never after it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aiohttp import web

from agents.chain import Model, ModelChain, RunUsage, retry_after_s
from agents.model_choice import ModelError, build_models
from hub.config import Settings, TurnLimits
from hub.services.chats.chat_documents import read_turn
from tests.agents.test_openai_like import calling, chunk, dropped, model, provider, saying
from tests.support.chat import BOUNDS, MENU, Branch, ending_of, running, text_of
from tests.support.scripted import ScriptedLLM, ToolCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.worker import Worker
    from tests.support.chat import Event

SECOND = ["Soy la otra"]


def refusing(status: int, **headers: str) -> web.Response:
    """Made anew for each answer: aiohttp sends a response once."""
    named_so = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"error": {"message": "no"}}, status=status, headers=named_so)


def worker(branch: Branch, models: Sequence[Any], turn_limits: TurnLimits = BOUNDS) -> Worker:
    made = branch.worker(turn_limits=turn_limits)
    made._models = [Model(f"number-{number}", llm) for number, llm in enumerate(models, 1)]
    return made


def usage_of(events: list[Event]) -> dict[str, Any]:
    ending = ending_of(events)
    assert ending["type"] == "chat.completed", ending
    usage: dict[str, Any] = ending["data"]["usage"]
    return usage


async def test_a_provider_that_is_busy_is_asked_again_when_it_says_it_may_be(branch: Branch) -> None:
    async with provider(refusing(429, Retry_After="0.3"), saying("Ya")) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served)])):
            began = time.monotonic()
            events = await branch.ask(chat, "hola")
            took_s = time.monotonic() - began
    assert text_of(events) == "Ya"
    assert usage_of(events)["retries"] == 1
    assert took_s >= 0.3  # a pause of its own would have been a hundredth of a second


async def test_a_provider_that_is_busy_for_long_is_not_asked_again(branch: Branch) -> None:
    async with provider(refusing(429, Retry_After="3600")) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served)])):
            events = await branch.ask(chat, "hola")
        assert ending_of(events)["data"]["error"]["code"] == "model_overloaded"
        assert len(served.requests) == 1


@pytest.mark.parametrize(
    "hiccup",
    [
        500,
        503,
        web.Response,
        calling("show_menu", '{"dish'),
        saying(),
    ],
    ids=["500", "503", "another-protocol", "truncated-call", "nothing"],
)
async def test_what_passes_by_itself_is_tried_again_and_the_reader_never_knows(branch: Branch, hiccup: Any) -> None:
    first = web.Response(text="<h1>Log in</h1>", content_type="text/html") if hiccup is web.Response else hiccup
    async with provider(first, saying("Ya", " está")) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served)])):
            events = await branch.ask(chat, "hola")
        assert len(served.requests) == 2
    assert text_of(events) == "Ya está"
    assert usage_of(events)["retries"] == 1
    assert "chat.tool_called" not in {event["type"] for event in events}


async def test_a_tool_call_that_was_cut_off_on_its_way_is_asked_for_again_and_made_once(branch: Branch) -> None:
    async def cut_off(response: web.StreamResponse) -> None:
        first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "show_menu", "arguments": "{"}}
        await response.write(chunk({"role": "assistant", "content": None, "tool_calls": [first]}))
        assert response._req is not None
        assert response._req.transport is not None
        response._req.transport.abort()

    async with provider(cut_off, calling("show_menu", "{}"), saying("Tacos")) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served)])):
            events = await branch.ask(chat, "¿qué hay?")
    assert text_of(events) == "Tacos"
    assert [event["type"] for event in events].count("chat.tool_called") == 1


async def test_an_answer_that_breaks_off_is_not_begun_again_and_keeps_its_words(branch: Branch) -> None:
    async with provider(dropped) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served), ScriptedLLM.saying(SECOND)])):
            events = await branch.ask(chat, "hola")
        assert len(served.requests) == 1
    ending = ending_of(events)["data"]
    assert (ending["error"]["code"], ending["text"]) == ("model_unavailable", "Hola, ")


async def test_a_stream_that_ends_without_saying_so_has_broken_off(branch: Branch) -> None:
    async def ended(response: web.StreamResponse) -> None:
        await response.write(chunk({"role": "assistant", "content": "Tenemos "}))

    async with provider(ended) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served)])):
            events = await branch.ask(chat, "hola")
    ending = ending_of(events)["data"]
    assert (ending["error"]["code"], ending["text"]) == ("model_unavailable", "Tenemos ")


async def test_who_hangs_before_the_first_word_is_left_for_the_next_and_then_left_alone(branch: Branch) -> None:
    async with provider(500) as served:
        served.answers = [served.hang]
        chat = await branch.open()
        async with running(
            worker(
                branch, [model(served), ScriptedLLM.saying(SECOND)], TurnLimits(first_token_s=1, idle_s=5, turn_s=40)
            )
        ):
            first = await branch.ask(chat, "hola")
            second = await branch.ask(chat, "¿sigues?")
        assert len(served.requests) == 1  # it is resting
    assert text_of(first) == text_of(second) == SECOND[0]
    assert usage_of(first)["provider"] == usage_of(second)["provider"] == "number-2"
    loaded = await read_turn(branch.log, ending_of(first)["data"]["turn_id"])
    assert loaded is not None
    assert loaded.turn.model == "offline"  # the scripted model's name: the one that answered


async def test_a_wrong_key_is_not_tried_twice_and_the_last_model_answers(branch: Branch) -> None:
    async with provider(401) as served:
        chat = await branch.open()
        models = [model(served), model(served), ScriptedLLM.saying(SECOND)]
        async with running(worker(branch, models)):
            events = await branch.ask(chat, "hola")
        assert len(served.requests) == 2
    assert usage_of(events)["provider"] == "number-3"


async def test_a_question_that_one_model_refuses_puts_it_out_of_nobody_elses_reach(branch: Branch) -> None:
    async with provider(400) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served), ScriptedLLM.saying(SECOND)])):
            for _ in range(2):
                events = await branch.ask(chat, "hola")
        assert len(served.requests) == 2
    assert usage_of(events)["provider"] == "number-2"


async def test_a_turn_goes_on_with_the_model_that_began_it(branch: Branch) -> None:
    async with provider(500) as served:
        second = ScriptedLLM.saying([ToolCall("show_menu", {})], ["Tacos"])
        chat = await branch.open()
        async with running(worker(branch, [model(served), second])):
            events = await branch.ask(chat, "¿qué hay?")
        assert len(served.requests) == BOUNDS.tries
    assert usage_of(events)["llm_calls"] == 2
    assert text_of(events) == "Tacos"


async def test_when_all_fail_the_last_ones_reason_is_told(branch: Branch) -> None:
    async with provider(500) as first, provider(401) as second:
        chat = await branch.open()
        async with running(worker(branch, [model(first), model(second)])):
            events = await branch.ask(chat, "hola")
            again = await branch.ask(chat, "¿y ahora?")  # both rest: they are asked all the same
    assert ending_of(events)["data"]["error"]["code"] == "model_refused"
    assert ending_of(again)["type"] == "chat.failed"


async def test_a_turn_has_a_budget_of_tokens_tool_calls_included(branch: Branch) -> None:
    chat = await branch.open()
    llm = ScriptedLLM.saying(["a "] * 20 + [ToolCall("show_menu", {})])
    async with running(worker(branch, [llm], TurnLimits(turn_tokens=50, llm_calls=50))):
        events = await branch.ask(chat, "hola")
    ending = ending_of(events)["data"]
    assert ending["error"]["code"] == "too_long"
    assert ending["text"].count("a") == 20 + 20 + 8  # the third call ran into it


async def test_what_the_provider_counted_counts(branch: Branch) -> None:
    async def counted(response: web.StreamResponse) -> None:
        await response.write(chunk({"role": "assistant", "content": "Hola, ¿qué te sirvo?"}))
        usage = b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":'
        usage += b'{"prompt_tokens":5,"completion_tokens":77,"total_tokens":82}}'
        await response.write(chunk({}, "stop") + b"data: " + usage + b"\n\ndata: [DONE]\n\n")

    async with provider(counted) as served:
        chat = await branch.open()
        async with running(worker(branch, [model(served)])):
            events = await branch.ask(chat, "hola")
    assert usage_of(events)["output_tokens"] == 77


def test_when_to_ask_again_is_read_in_seconds_and_as_a_date() -> None:
    def said(text: str | None) -> float | None:
        response = httpx.Response(429, headers={"Retry-After": text} if text is not None else {})
        error = httpx.HTTPStatusError("busy", request=httpx.Request("POST", "http://x"), response=response)
        return retry_after_s(RuntimeError("wrapped").with_traceback(None) if text == "never" else error)

    assert said("1.5") == 1.5
    assert said("-3") == 0
    soon = said(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert soon is not None
    assert 25 < soon <= 31
    assert said("soon") is said(None) is said("never") is None


def test_the_pause_doubles_and_is_never_quite_the_same() -> None:
    """Of many workers whose model went away at once, not all come back at once."""
    listener = SimpleNamespace(on_new_part=lambda: None, on_text=lambda text: None)
    chain = ModelChain.of([Model("m", ScriptedLLM.saying(["x"]))], TurnLimits(retry_pause_s=1.0), RunUsage(), listener)
    for number in (1, 2, 3):
        pauses = [chain._pause_s(number, "model_unavailable", OSError()) for _ in range(100)]
        drawn = [pause for pause in pauses if pause is not None]
        assert len(set(drawn)) > 90
        assert 0.5 * 2 ** (number - 1) <= min(drawn) < max(drawn) <= 1.5 * 2 ** (number - 1)
    assert chain._pause_s(1, "model_refused", OSError()) is None


def test_the_settings_name_a_chain() -> None:
    settings = Settings(
        llm="openai_like",
        llm_model="big",
        llm_base_url="http://127.0.0.1:1/v1",
        llm_second="openai_like",
        llm_second_model="small",
        llm_second_base_url="http://127.0.0.1:2/v1",
        llm_offline_last=True,
    )
    assert [model.provider for model in build_models(settings, MENU)] == ["openai_like", "openai_like", "offline"]
    assert [model.name for model in build_models(settings, MENU)] == ["big", "small", "offline"]
    assert [each.provider for each in Settings(llm="offline", llm_offline_last=True).models] == ["offline"]
    with pytest.raises(ModelError, match="COMANDA_LLM_SECOND=openai needs COMANDA_LLM_SECOND_MODEL"):
        build_models(Settings(llm="offline", llm_second="openai"), MENU)


def test_a_model_that_the_package_does_not_know_says_so_in_one_line() -> None:
    pytest.importorskip("llama_index.llms.openai", reason="pip install 'comanda[openai]'")
    with pytest.raises(ModelError, match="does not know this model") as caught:
        build_models(Settings(llm="openai", llm_model="gpt-0", llm_api_key="k"), MENU)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
