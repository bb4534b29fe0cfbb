"""A hub and its agent as programs of their own: answers outlive the hub, stops are quick, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from hub.domain.roles import Kind, Principal, Role
from tests.agents.test_openai_like import chunk, provider
from tests.agents.test_process import worker
from tests.integration.cluster import ready
from tests.support.chat import Branch, ending_of, text_of
from tests.support.processes import COMANDA, Process, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from tests.support.redis import Backend

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
_READY_S = 30.0
SECRET = "a secret for tests"
STOP_S = 0.2


class Hub:
    """A hub without an agent, over the tests' Redis."""

    def __init__(self, backend: Backend, folder: Path, **settings: str) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        env = {"COMANDA_REDIS_URL": backend.url, "COMANDA_SECRET": SECRET, "COMANDA_DATA_DIR": str(folder)}
        self.process = Process(COMANDA, "serve", "--port", str(port), "--no-agent", env=env | settings, cwd=folder)

    async def ready(self) -> None:
        await asyncio.to_thread(self.process.wait_for, lambda: ready(self.url), _READY_S, "it is ready")


async def said(http: aiohttp.ClientSession, method: str, url: str, **more: Any) -> Any:
    async with http.request(method, url, **more) as answer:
        body = await answer.json()
        assert body["ok"], body
        return body["data"]


def staff(branch: Branch) -> dict[str, str]:
    who = Principal(Kind.SERVICE, id="token:test", name="Sole", roles=frozenset({Role.SUPPORT}))
    token = branch.services.tokens.issue(who, branch.services.clock(), timedelta(hours=1))
    return {"Authorization": f"Bearer {token}"}


async def test_a_question_that_no_agent_takes_is_told_so_before_long(real_backend: Backend, tmp_path: Path) -> None:
    branch, hub = Branch(real_backend.client()), Hub(real_backend, tmp_path, COMANDA_AGENT_WAIT_S="1")
    with hub.process:
        await hub.ready()
        async with aiohttp.ClientSession() as http:
            opened = await said(http, "POST", f"{hub.url}/api/chats", json={})
            chat, token = (opened["chat_id"], opened["token"]), {"token": opened["token"]}
            path = f"{hub.url}/api/chats/{chat[0]}"
            sent = await said(http, "POST", f"{path}/messages", json={"text": "hola"}, params=token)
            ended = await branch.until(chat, lambda event: event["type"] == "chat.failed")
            assert ended["data"]["turn_id"] == sent["turn_id"]
            assert ended["data"]["error"]["code"] == "no_agent"
            shown = await said(http, "GET", f"{path}/turns", headers=staff(branch))
            assert [(turn["state"], turn["error"]) for turn in shown["turns"]] == [("failed", "no_agent")]
            async with http.get(f"{path}/turns", params=token) as refused:
                assert refused.status == 403
            async with http.get(f"{hub.url}/metrics") as metrics:
                assert 'comanda_turns_total{code="no_agent",ending="failed",provider=""} 1.0' in await metrics.text()
            await said(http, "POST", f"{path}/forget", json={}, params=token)
            read = await said(http, "GET", f"{hub.url}/api/rooms/chat:{chat[0]}/events", params=token)
            assert read["events"] == []
    await branch.log.aclose()


async def test_an_answer_outlives_its_hub_and_is_stopped_through_the_next_one(
    real_backend: Backend, tmp_path: Path
) -> None:
    """The model says a word each time it is told to; the hub is killed between two of them."""
    branch, hub = Branch(real_backend.client()), Hub(real_backend, tmp_path)
    words: asyncio.Queue[str] = asyncio.Queue()

    async def prompted(response: web.StreamResponse) -> None:
        with suppress(ConnectionError):  # the worker has dropped it
            while True:
                await response.write(chunk({"role": "assistant", "content": await words.get()}))

    environment = {"COMANDA_REDIS_URL": real_backend.url, "COMANDA_DATA_DIR": str(tmp_path), "COMANDA_SECRET": SECRET}
    async with provider(prompted) as served, aiohttp.ClientSession() as http:
        model = {"COMANDA_LLM": "openai_like", "COMANDA_LLM_MODEL": "m", "COMANDA_LLM_BASE_URL": served.url}
        with hub.process:
            async with worker(environment | model) as agent:
                await asyncio.gather(hub.ready(), agent.logged("agent.ready"))
                opened = await said(http, "POST", f"{hub.url}/api/chats", json={})
                chat, token = (opened["chat_id"], opened["token"]), {"token": opened["token"]}
                path = f"{hub.url}/api/chats/{chat[0]}"
                sent = await said(http, "POST", f"{path}/messages", json={"text": "hola"}, params=token)
                words.put_nowait("uno ")
                await branch.until(chat, lambda event: event["type"] == "chat.delta")
                hub.process.kill()
                words.put_nowait("dos ")
                await branch.until(chat, lambda event: "dos" in event["data"].get("text", ""))
                hub.process.start()
                await hub.ready()
                async with http.get(f"{hub.url}/api/rooms/chat:{chat[0]}/events", params=token, headers=_STREAM) as sse:
                    shown = await first_event(sse)
                assert (shown["type"], shown["data"]["snapshot"]["turn"]["text"]) == ("room.reset", "uno dos ")
                words.put_nowait("tres")
                await branch.until(chat, lambda event: "tres" in event["data"].get("text", ""))
                asked = time.monotonic()
                stop = {"turn_id": sent["turn_id"]}
                await said(http, "POST", f"{path}/stop", json=stop, params=token)
                ended = await branch.until(chat, lambda event: event["type"] == "chat.stopped")
                took_s = time.monotonic() - asked
                released = await agent.logged("agent.turn")  # the worker has heard of it, and dropped the model
                words.put_nowait("nunca")
                assert released["ending"] == "lost"
                assert took_s < STOP_S
    assert ended["data"]["text"] == "uno dos tres"
    events = await branch.of_turn(chat, sent["turn_id"])
    assert ending_of(events)["data"]["text"] == text_of(events)
    assert [event["data"]["attempt"] for event in events if event["type"] == "chat.started"] == [1]
    await branch.log.aclose()


_STREAM = {"Accept": "text/event-stream"}


async def first_event(sse: aiohttp.ClientResponse) -> Any:
    async with asyncio.timeout(5):
        async for line in sse.content:
            if line.startswith(b"data: "):
                return json.loads(line[6:])
    raise AssertionError("the stream ended without an event")
