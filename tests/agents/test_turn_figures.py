"""Figures of every answer: in its ending, in the turn's document, in the tallies, and for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from hub.services.chats.chat_documents import read_turn
from hub.telemetry import Metrics
from tests.support.chat import SUPPORT, ending_of, running
from tests.support.scripted import Gate, ScriptedLLM, ToolCall

if TYPE_CHECKING:
    from tests.support.chat import Branch


async def test_a_completed_answer_says_what_it_took(branch: Branch) -> None:
    chat = await branch.open()
    llm = ScriptedLLM.saying(["Veo. ", ToolCall("show_menu", {})], ["Tenemos ", "tacos"])
    with capture_logs() as logs:
        async with running(branch.worker(llm)):
            events = await branch.ask(chat, "soy Guadalupe, ¿qué hay?")
    usage = ending_of(events)["data"]["usage"]
    assert (usage["llm_calls"], usage["tool_calls"], usage["retries"], usage["provider"]) == (2, 1, 0, "test")
    assert usage["deltas"] == sum(event["type"] == "chat.delta" for event in events) > 1
    assert usage["output_tokens"] > 1
    assert 0 <= usage["model_ms"] <= usage["ttft_ms"] <= usage["duration_ms"]
    assert 0 <= usage["gap_p50_ms"] <= usage["gap_p95_ms"] <= usage["duration_ms"]
    assert 0 <= usage["tool_ms"] <= usage["duration_ms"]
    (logged,) = (entry for entry in logs if entry["event"] == "agent.turn")
    assert {name: logged[name] for name in usage} == usage
    assert "Guadalupe" not in str(logged)
    (shown,) = (await branch.services.chat.turns(SUPPORT, chat[0])).as_json()["turns"]
    assert shown["usage"] == usage
    assert (shown["state"], shown["worker"], shown["model"]) == ("completed", "worker-1", "offline")


async def test_every_ending_is_counted_once_whoever_wrote_it(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    llm = ScriptedLLM.saying(["Hola"], [RuntimeError("a bug")], ["Uno ", gate])
    async with running(branch.worker(llm)):
        await branch.ask(chat, "hola")
        await branch.ask(chat, "¿y?")
        turn_id = await branch.send(chat, "¿qué hay?")
        await gate.reached.wait()
        await branch.stop(chat, turn_id)
    await branch.send(chat, "¿hay alguien?")
    await branch.services.stale_turns.end(0)
    metrics = Metrics()
    metrics.turns.counted = await branch.services.chat.tallies()
    said = metrics.render().decode()
    for line in (
        'comanda_turns_total{code="",ending="completed",provider="test"} 1.0',
        'comanda_turns_total{code="internal",ending="failed",provider=""} 1.0',
        'comanda_turns_total{code="",ending="stopped",provider=""} 1.0',
        'comanda_turns_total{code="no_agent",ending="failed",provider=""} 1.0',
        'comanda_turn_ttft_seconds_bucket{le="+Inf"} 2.0',
        "comanda_turn_ttft_seconds_count 2.0",
        "comanda_turn_duration_seconds_count 3.0",
        "comanda_turn_llm_calls_total 1.0",
    ):
        assert line in said, said


def test_what_was_counted_becomes_a_histogram_that_adds_up() -> None:
    metrics = Metrics()
    metrics.turns.counted = {"ttft|250": 3, "ttft|inf": 1, "ttft|sum": 41_000, "tool_ms": 1_500}
    said = metrics.render().decode()
    for line in (
        'comanda_turn_ttft_seconds_bucket{le="0.1"} 0.0',
        'comanda_turn_ttft_seconds_bucket{le="0.25"} 3.0',
        'comanda_turn_ttft_seconds_bucket{le="30.0"} 3.0',
        'comanda_turn_ttft_seconds_bucket{le="+Inf"} 4.0',
        "comanda_turn_ttft_seconds_sum 41.0",
        "comanda_turn_tool_seconds_total 1.5",
    ):
        assert line in said, said


async def test_an_answer_that_was_stopped_says_what_it_took_as_well(branch: Branch) -> None:
    """The stop is written by the hub; its figures follow from the worker that was at it."""
    chat, gate = await branch.open(), Gate()
    with capture_logs() as logs:
        async with running(branch.worker(ScriptedLLM.saying(["Uno ", gate, "dos"]))):
            turn_id = await branch.send(chat, "¿qué hay?")
            await gate.reached.wait()
            await branch.stop(chat, turn_id)
    (shown,) = (await branch.services.chat.turns(SUPPORT, chat[0])).as_json()["turns"]
    assert (shown["state"], shown["model"], shown["usage"]["provider"]) == ("stopped", "offline", "test")
    assert shown["usage"]["deltas"] == 1
    assert 0 <= shown["usage"]["ttft_ms"] <= shown["usage"]["duration_ms"]
    (logged,) = (entry for entry in logs if entry["event"] == "agent.turn")
    assert (logged["ending"], logged["duration_ms"]) == ("stopped", shown["usage"]["duration_ms"])


async def test_a_turn_that_another_ended_leaves_the_queue_with_its_worker(branch: Branch) -> None:
    """A stop is the hub's to write: the worker only hears that it is over, and lets go."""
    chat, gate = await branch.open(), Gate()
    branch.queue.lease_s = 3_600  # nobody comes to clear up
    async with running(branch.worker(ScriptedLLM.saying(["Uno ", gate, "dos"], ["Hola"]))):
        turn_id = await branch.send(chat, "¿qué hay?")
        await gate.reached.wait()
        await branch.stop(chat, turn_id)
        stopped = await branch.of_turn(chat, turn_id)
        await branch.ask(chat, "hola")
    assert await branch.redis.xlen(branch.log.keys.jobs) == 0
    assert await branch.of_turn(chat, turn_id) == stopped
    loaded = await read_turn(branch.log, turn_id)
    assert loaded is not None
    assert loaded.turn.state == "stopped"
