"""The agent's figures: what Comanda adds to a model's first word, how evenly words come, and how many a worker bears.

`python -m bench.agent [--chats 1,60] [--workers 1] [--tokens 60]`. Everything runs on this machine: a private Redis,
a model that streams over loopback, workers as processes of their own, and readers on Redis's channels.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hub.bootstrap import services_of
from hub.config import Limits, Settings
from hub.domain.commands import OpenChat, SendChat
from hub.domain.roles import ANONYMOUS
from hub.eventlog.connect import connect
from hub.eventlog.embedded import EmbeddedRedis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.services.build import Services

FIRST_S, RATE = 0.3, 30.0
_PATIENCE_S = 120.0


@dataclass(slots=True)
class Answer:
    """One answer as its reader saw it."""

    asked: float
    came: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    how: str = ""


@asynccontextmanager
async def program(*argv: str, env: dict[str, str] | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *argv,
        env={**os.environ, **(env or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def line(stream: asyncio.StreamReader | None, pattern: bytes) -> bytes:
    assert stream is not None
    async with asyncio.timeout(60):
        while text := await stream.readline():
            if re.search(pattern, text):
                return text.strip()
    raise RuntimeError(f"ended without {pattern!r}")


async def read(services: Services, url: str, answers: dict[str, Answer]) -> None:
    """Note when each piece arrives, as a hub would hear it."""
    redis = connect(url, deadline_s=5)
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(*(services.log.keys.channel(f"chat:{chat_id}") for chat_id in answers))
        async for message in pubsub.listen():
            if message["type"] != "message":
                continue
            now = time.monotonic()
            header, _, body = message["data"].partition("\n")
            kind = header.split(" ", 4)[3]
            answer = answers[message["channel"].rpartition(":")[2]]
            if kind == "chat.delta":
                answer.came.append(now)
                answer.tokens.append(json.loads(body)["data"]["text"].count("palabra"))
            elif kind in ("chat.completed", "chat.failed", "chat.stopped"):
                answer.how = kind
                answer.ended.set()
    await redis.aclose()


async def ask(services: Services, url: str, chats: int, spread_s: float = 0.0) -> list[Answer]:
    """So many chats ask, each at its moment of `spread_s`; their answers."""
    opened = [await services.chat.open(ANONYMOUS, OpenChat()) for _ in range(chats)]
    answers = {chat["chat_id"]: Answer(0.0) for chat in opened}
    reading = asyncio.create_task(read(services, url, answers))
    await asyncio.sleep(0.3)  # subscribed

    async def one(number: int, chat_id: str, token: str) -> None:
        await asyncio.sleep(spread_s * number / chats)
        answers[chat_id].asked = time.monotonic()
        await services.chat.send(ANONYMOUS, SendChat(chat_id=chat_id, token=token, text="cuéntame"))
        async with asyncio.timeout(_PATIENCE_S):
            await answers[chat_id].ended.wait()

    try:
        await asyncio.gather(*(one(number, chat["chat_id"], chat["token"]) for number, chat in enumerate(opened)))
    finally:
        reading.cancel()
    return list(answers.values())


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def told(chats: int, answers: list[Answer], cpu_s: float) -> str:
    added = [(answer.came[0] - answer.asked - FIRST_S) * 1_000 for answer in answers if answer.came]
    gaps = [
        (after - before) * 1_000
        for answer in answers
        for before, after in zip(answer.came, answer.came[1:], strict=False)
    ]
    tokens = sum(sum(answer.tokens) for answer in answers)
    took_s = max(answer.came[-1] for answer in answers) - min(answer.came[0] for answer in answers)
    pieces = sum(len(answer.came) for answer in answers)
    ended = ", ".join(sorted({answer.how for answer in answers}))
    return "  ".join(
        (
            f"{chats:4} chats",
            f"added to the first word p50 {percentile(added, 0.5):6.1f} p95 {percentile(added, 0.95):6.1f} ms",
            f"gaps p50 {percentile(gaps, 0.5):5.1f} p95 {percentile(gaps, 0.95):5.1f} ms",
            f"{tokens / took_s:6.0f} tokens/s, {tokens / pieces:.2f} a piece",
            f"workers' CPU {cpu_s / took_s:4.0%}: {tokens / cpu_s:.0f} tokens a CPU-second",
            ended,
        )
    )


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chats", default="1,60,100,130")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=150)
    parser.add_argument("--spread", type=float, default=1.0, help="of an answer's time, over which the chats ask")
    asked = parser.parse_args()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = await stack.enter_async_context(EmbeddedRedis(folder))
        stream = ("--first", str(FIRST_S), "--rate", str(RATE), "--tokens", str(asked.tokens))
        model = await stack.enter_async_context(program("bench.agent_model", *stream))
        url = (await line(model.stdout, b"^http")).decode()
        env = {
            "COMANDA_REDIS_URL": redis.url,
            "COMANDA_DATA_DIR": str(folder),
            "COMANDA_SECRET": "a secret for the bench",
            "COMANDA_LLM": "openai_like",
            "COMANDA_LLM_MODEL": "bench",
            "COMANDA_LLM_BASE_URL": url,
            "COMANDA_AGENT_AT_ONCE": "200",
        }
        workers = [await stack.enter_async_context(program("agents", env=env)) for _ in range(asked.workers)]
        await asyncio.gather(*(line(worker.stderr, b"agent.ready") for worker in workers))
        drained = [asyncio.create_task(line(worker.stderr, b"never")) for worker in workers]
        settings = Settings(limits=Limits(requests_s=0), secret="a secret for the bench", data_dir=folder)  # type: ignore[arg-type]
        services = await stack.enter_async_context(services_of(settings, redis.url))
        processes = [psutil.Process(worker.pid) for worker in workers]
        print(f"idle: {max(process.memory_info().rss for process in processes) / 2**20:.0f} MB a worker", flush=True)
        print("the first question of all:", flush=True)
        print(told(1, await ask(services, redis.url, 1), 1.0), flush=True)
        for chats in map(int, asked.chats.split(",")):
            for _ in range(5 if chats == 1 else 1):
                before = sum(sum(process.cpu_times()[:2]) for process in processes)
                answers = await ask(services, redis.url, chats, asked.spread * asked.tokens / RATE)
                cpu_s = sum(sum(process.cpu_times()[:2]) for process in processes) - before
                print(told(chats, answers, cpu_s), flush=True)
        for task in drained:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
