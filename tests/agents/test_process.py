"""`python -m agents` as a program of its own, on a real Redis: it says it is ready, is killed, stops in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from hub.services.chats.turn_jobs import turn_queue
from tests.agents.test_openai_like import chunk, provider, saying
from tests.support.chat import Branch, ending_of, running, text_of
from tests.support.scripted import ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from tests.support.redis import Backend

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
_START_S = 90.0


class Process:
    """A worker process, and what it logs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def logged(self, event: str) -> dict[str, Any]:
        """The next log line of this name."""
        assert self.process.stderr is not None
        async with asyncio.timeout(_START_S):
            async for line in self.process.stderr:
                said: dict[str, Any] = json.loads(line)
                if said["event"] == event:
                    return said
        raise AssertionError(f"the worker ended without {event}")


@asynccontextmanager
async def worker(environment: dict[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agents",
        env=os.environ | environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def environment(real_backend: Backend, tmp_path: Path) -> dict[str, str]:
    return {
        "COMANDA_REDIS_URL": real_backend.url,
        "COMANDA_DATA_DIR": str(tmp_path),
        "COMANDA_SECRET": "a secret for tests",
        "COMANDA_LLM": "offline",
    }


async def test_a_worker_killed_in_mid_answer_is_followed_by_another(
    real_backend: Backend, environment: dict[str, str]
) -> None:
    branch = Branch(real_backend.client())
    chat = await branch.open()
    async with worker(environment) as first:
        await first.logged("agent.ready")
        await branch.ask(chat, "quiero 2 gringas para llevar, soy Ana")
        turn_id = await branch.send(chat, "sí")
        await branch.until(chat, lambda e: e["type"] == "chat.delta" and e["data"]["turn_id"] == turn_id)
        first.process.send_signal(signal.SIGKILL)
        await first.process.wait()
    branch.queue = turn_queue(branch.log.calls, branch.log.keys, lease_s=0.5)
    async with running(branch.worker(name="successor")):
        await branch.until(chat, lambda e: e["type"] == "chat.completed" and e["data"]["turn_id"] == turn_id)
    events = await branch.of_turn(chat, turn_id)
    starts = [n for n, event in enumerate(events) if event["type"] == "chat.started"]
    assert [events[n]["data"]["attempt"] for n in starts] == [1, 2]
    assert ending_of(events)["data"]["text"] == text_of(events[starts[1] :])
    assert len(await branch.orders()) == 1
    await branch.log.aclose()


async def test_a_worker_that_is_told_to_end_hands_over_in_time_and_says_what_it_did_but_never_the_words(
    real_backend: Backend, environment: dict[str, str]
) -> None:
    """Its second answer has one word, and then nothing: it cannot end in its grace."""
    branch = Branch(real_backend.client())
    chat = await branch.open()

    async def stuck(response: web.StreamResponse) -> None:
        await response.write(chunk({"role": "assistant", "content": "Viejo"}))
        await served.hang(response)

    async with provider(saying("Hola, Guadalupe"), stuck) as served:
        openai = {"COMANDA_LLM": "openai_like", "COMANDA_LLM_MODEL": "m", "COMANDA_LLM_BASE_URL": served.url}
        async with worker(environment | openai) as leaving:
            await leaving.logged("agent.ready")
            await branch.ask(chat, "hola, soy Guadalupe")
            said = await leaving.logged("agent.turn")
            assert {"turn_id", "chat_id", "ttft_ms", "duration_ms"} <= set(said)
            assert said["ending"] == "completed"
            assert "Guadalupe" not in str(said)
            turn_id = await branch.send(chat, "hola")
            await branch.until(chat, lambda e: e["type"] == "chat.delta" and e["data"]["turn_id"] == turn_id)
            branch.queue = turn_queue(branch.log.calls, branch.log.keys)  # no lease of these runs out in time
            async with running(branch.worker(ScriptedLLM.saying(["Nuevo"]), name="successor")):
                leaving.process.terminate()
                given_back = await leaving.logged("agent.turn_requeued")
                began = await branch.until(chat, lambda e: e["data"].get("attempt") == 2)
                assert seconds(began["at"]) - seconds(given_back["timestamp"]) < 3
                await branch.until(chat, lambda e: e["type"] == "chat.completed" and e["data"]["turn_id"] == turn_id)
            await leaving.logged("agent.stopped")
            async with asyncio.timeout(10):
                assert await leaving.process.wait() == 0
    events = await branch.of_turn(chat, turn_id)
    assert ending_of(events)["data"]["text"] == "Nuevo"
    assert [event["data"]["attempt"] for event in events if event["type"] == "chat.started"] == [1, 2]
    await branch.log.aclose()


def seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ({"COMANDA_LLM": "openai"}, "COMANDA_LLM=openai needs COMANDA_LLM_MODEL"),
        ({"COMANDA_LLM": "gpt"}, "COMANDA_LLM: "),
        ({"COMANDA_AGENT_WAIT_S": "0"}, "COMANDA_AGENT_WAIT_S: "),
        ({"COMANDA_MENU": "/nowhere/menu.toml"}, "the menu /nowhere/menu.toml cannot be read"),
    ],
)
async def test_a_mistake_in_the_settings_is_one_clear_line(tmp_path: Path, setting: dict[str, str], line: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agents",
        env=os.environ | {"COMANDA_DATA_DIR": str(tmp_path), "COMANDA_REDIS_URL": "redis://127.0.0.1:1"} | setting,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_START_S):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().count("\n") == 1
    assert line in said.decode()
