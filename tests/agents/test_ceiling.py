"""The tokens of answers are counted, however they end; past the branch's ceiling the offline model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from agents.chain import Model
from hub.config import Limits
from hub.core.errors import LimitReached
from hub.domain.roles import Principal
from hub.services.chats.chat_documents import require_chat
from hub.store.log import Write
from tests.support.chat import SUPPORT, Branch, ending_of, running, text_of
from tests.support.scripted import Gate, ScriptedLLM, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.redis import Backend

HOME = Principal(address="203.0.113.7")
CEILING = 20_000


@pytest.fixture
async def branch(fake_backend: Backend) -> AsyncIterator[Branch]:
    branch = Branch(fake_backend.client(), limits=Limits(_env_file=None, tokens_branch_day=CEILING))
    yield branch
    await branch.log.aclose()


async def used(branch: Branch) -> int:
    return (await branch.services.chat.today()).tokens


async def use(branch: Branch, tokens: int) -> None:
    """Count tokens as if today's answers had used them."""
    chat_id, _ = await branch.open(HOME)
    chat = (await require_chat(branch.log, chat_id)).chat
    await branch.log.commit(Write(quotas=branch.services.usage_limits.spent(chat.opened_by, chat, tokens)))


async def test_a_completed_answer_counts_every_call_of_its_tool_loop(branch: Branch) -> None:
    chat = await branch.open()
    llm = ScriptedLLM.saying(["Hola"], [ToolCall("show_menu", {})], [ToolCall("show_menu", {})], ["Hay tacos"])
    async with running(branch.worker(llm)):
        await branch.ask(chat, "hola", HOME)
        once = await used(branch)
        usage = ending_of(await branch.ask(chat, "¿qué hay?", HOME))["data"]["usage"]
    assert once > 1_000  # the instructions and the tools, as far as they can be estimated
    assert usage["llm_calls"] == 3
    assert usage["input_tokens"] > 3 * 1_000
    assert await used(branch) == once + usage["input_tokens"] + usage["output_tokens"]


async def test_stopped_and_failed_answers_count_what_they_took(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    llm = ScriptedLLM.saying(["Uno ", gate], ["Uno ", RuntimeError("a bug")])
    async with running(branch.worker(llm)):
        turn_id = await branch.send(chat, "hola", HOME)
        await gate.reached.wait()
        await branch.stop(chat, turn_id)
        failed = ending_of(await branch.ask(chat, "¿y?", HOME))
    turns = (await branch.services.chat.turns(SUPPORT, chat[0])).as_json()["turns"]
    assert ({turn["state"] for turn in turns}, failed["type"]) == ({"stopped", "failed"}, "chat.failed")
    lease = [turn["usage"]["input_tokens"] + turn["usage"]["output_tokens"] for turn in turns]
    assert all(lease)
    assert await used(branch) == sum(lease)


async def test_the_offline_models_tokens_cost_nothing(branch: Branch) -> None:
    chat, worker = await branch.open(), branch.worker()
    worker._models = [Model("offline", worker._models[0].llm)]
    async with running(worker):
        await branch.ask(chat, "¿qué hay?", HOME)
    assert await used(branch) == 0


async def test_a_question_after_the_addresss_tokens_are_used_is_refused(branch: Branch) -> None:
    object.__setattr__(branch.settings.limits, "tokens_day", 1)
    chat = await branch.open()
    async with running(branch.worker(ScriptedLLM.saying(["Hola"]))):
        await branch.ask(chat, "hola", HOME)
        with pytest.raises(LimitReached) as refused:
            await branch.send(chat, "¿y?", HOME)
        assert refused.value.values["limit"] == "tokens_day"
        await branch.ask(chat, "hola", Principal(address="203.0.113.8"))


async def test_past_the_ceiling_the_offline_model_answers_and_one_line_says_so(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    llm = ScriptedLLM.saying(["Primero, ", gate, "y hasta el final"])
    running_on = await branch.open()
    with capture_logs() as logs:
        async with running(branch.worker(llm)):
            turn_id = await branch.send(running_on, "hola", HOME)
            await gate.reached.wait()
            await use(branch, CEILING)
            first = await branch.ask(chat, "¿cuánto cuesta la gringa?", HOME)
            second = await branch.ask(chat, "¿y el flan?", HOME)
            gate.open()
            await branch.until(running_on, lambda event: event["type"] == "chat.completed")
    assert "$65.00" in text_of(first)
    assert "$52.00" in text_of(second)
    assert [e["data"]["model"] for e in first if e["type"] == "chat.started"] == ["offline"]
    assert ending_of(first)["data"]["usage"]["provider"] == "offline"
    # The one that was being answered meanwhile was answered by the model that had begun.
    assert text_of(await branch.of_turn(running_on, turn_id)) == "Primero, y hasta el final"
    crossings = [entry for entry in logs if entry["event"].startswith("agent.daily_ceiling")]
    assert [(entry["event"], entry["ceiling"]) for entry in crossings] == [("agent.daily_ceiling_reached", CEILING)]


async def test_the_model_of_the_settings_answers_again_the_next_day(branch: Branch) -> None:
    await use(branch, CEILING)
    chat = await branch.open()
    with capture_logs() as logs:
        async with running(branch.worker(ScriptedLLM.saying(["Soy yo"]))):
            assert text_of(await branch.ask(chat, "hola", HOME)) != "Soy yo"
            day = branch.services.figures._day.name(branch.services.clock())
            await branch.redis.delete(branch.log.keys.quota(f"tokens_branch_day:{day}"))  # as midnight does
            assert text_of(await branch.ask(chat, "hola", HOME)) == "Soy yo"
    crossings = [entry["event"] for entry in logs if entry["event"].startswith("agent.daily_ceiling")]
    assert crossings == ["agent.daily_ceiling_reached", "agent.daily_ceiling_lifted"]


async def test_an_attempt_that_lost_its_turn_counts_what_it_took_all_the_same(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    worker = branch.worker(ScriptedLLM.saying(["Uno ", gate, "dos"], ["Entero"]))
    async with running(worker):
        turn_id = await branch.send(chat, "hola", HOME)
        await gate.reached.wait()
        run, _ = worker._running[turn_id]
        run.lose()  # another worker has taken it, for all that this one knows
        events = await branch.ask(await branch.open(), "hola", HOME)
        usage = ending_of(events)["data"]["usage"]
    assert await used(branch) > usage["input_tokens"] + usage["output_tokens"] + 1_000
