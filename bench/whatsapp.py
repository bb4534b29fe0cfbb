"""How soon WhatsApp's payloads are acknowledged while the agent is busy with them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

import aiohttp
from aiohttp import web

from bench import hub
from bench.figure import Better, Effort, Figure, middle, percentile
from bench.machine import Others
from bench.posting import Connection, post

_RATE = 500
_NUMBERS = 1_000
_CONNECTIONS = 64
_STREAMS = 4
_TARGET_MS = 50.0
_SETTLE_S = 5.0
_PHONE_ID = "106540352242922"
_SECRET = b"an app's secret"
_SET = {
    "COMANDA_WHATSAPP_TOKEN": "a token",
    "COMANDA_WHATSAPP_PHONE_ID": _PHONE_ID,
    "COMANDA_WHATSAPP_APP_SECRET": _SECRET.decode(),
    "COMANDA_WHATSAPP_VERIFY_TOKEN": "a verify token",
    "COMANDA_OUTBOUND_ALLOW": "http://127.0.0.1",
    "COMANDA_AGENT_PACE": "100",
}
_UNLIMITED = ("CONNECTIONS", "REQUESTS_S", "TURNS_OPEN", "TURNS_MINUTE", "TURNS_DAY", "TOKENS_DAY", "MESSAGES_MINUTE")
_QUESTION = "¿Qué tacos tienen?"


@dataclass(frozen=True, slots=True)
class Run:
    """One run; latencies sorted.

    Attributes:
        read: Payloads that had been dealt with when the last one was acknowledged.
        words: Pieces of answers that the streaming turns gave meanwhile.
    """

    latencies_ms: list[float]
    faults: list[str]
    read: int
    words: int
    others: float
    settings: str

    @property
    def p99_ms(self) -> float:
        return percentile(self.latencies_ms, 99)


@dataclass
class Meta:
    """Meta's side: payloads at their moments, each over a connection that is free.

    Attributes:
        latencies_s: From the moment at which a payload was to be sent to its answer; waiting for a connection counts.
    """

    free: list[Connection] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    waiting: list[tuple[bytes, float]] = field(default_factory=list)

    def send(self, request: bytes, moment: float) -> None:
        """Send a payload that was due at that moment."""
        if self.free:
            self.free.pop().send(request, moment)
        else:
            self.waiting.append((request, moment))

    def answered(self, connection: Connection, status: int, _body: bytes) -> None:
        """Note an answer, and send what waits for a connection."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies_s.append(time.perf_counter() - connection.sent_at)
        if self.waiting:
            connection.send(*self.waiting.pop(0))
        else:
            self.free.append(connection)


async def measure(effort: Effort) -> Figure:
    """The runs' 99th percentiles."""
    seconds = effort.seconds(10.0, 4.0)
    runs = [await _run(seconds) for _ in range(effort.runs(3))]
    tails = [run.p99_ms for run in runs]
    run = runs[middle(tails)]
    took = run.latencies_ms
    return Figure(
        name="whatsapp",
        what=f"{_RATE} signed messages a second acknowledged, p99",
        unit="ms",
        better=Better.LOW,
        target=_TARGET_MS,
        runs=tails,
        how=[
            f"one message of text a payload, of {_NUMBERS} numbers in turn, {_RATE} a second for {seconds:g} s (open "
            f"loop, {_CONNECTIONS} connections), to one hub process with its notifier and agent beside it. {_STREAMS} "
            "clients read answers of the agent as streams meanwhile, one after another. Each payload is on the disk "
            "before its answer.",
            f"p50 {percentile(took, 50):.1f} ms, p95 {percentile(took, 95):.1f} ms, p99 {percentile(took, 99):.1f} ms, "
            f"max {took[-1]:.1f} ms; {run.read} of {len(took)} dealt with by then, {run.words} pieces streamed.",
            f"set for the hub under test: {run.settings}",
        ],
        others=max(run.others for run in runs),
        faults=[f"run {number}: {fault}" for number, run in enumerate(runs, start=1) for fault in run.faults],
    )


async def _run(seconds: float) -> Run:
    async with _graph_api() as url:
        settings = _SET | {"COMANDA_WHATSAPP_API_URL": url} | {f"COMANDA_LIMIT_{name}": "0" for name in _UNLIMITED}
        async with hub.running(settings, agent=True) as under_test:
            return await _run_with(under_test, seconds)


async def _run_with(under_test: hub.Hub, seconds: float) -> Run:
    words = [0] * _STREAMS
    async with aiohttp.ClientSession(f"http://{hub.HOST}:{under_test.port}") as http:
        streams = [asyncio.create_task(_stream(http, words, number)) for number in range(_STREAMS)]
        try:
            async with asyncio.timeout(30):
                while not all(words):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            before = sum(words)
            others, cpu_s = Others(), under_test.family_cpu_s() + time.process_time()
            meta = await _post(under_test.port, seconds)
            ours_s = under_test.family_cpu_s() + time.process_time() - cpu_s
            share, streamed = others.share(ours_s), sum(words) - before
            async with under_test.redis_client() as redis:
                left = int(await redis.xlen("comanda:{centro}:inbox:whatsapp"))
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)
    sent = round(seconds * _RATE)
    refused = sum(number for status, number in meta.statuses.items() if status != 200)
    faults = [f"{refused} payloads were refused: {meta.statuses}"] if refused else []
    faults += [f"{sent - len(meta.latencies_s)} payloads were not answered"] if len(meta.latencies_s) < sent else []
    faults += [] if streamed else ["nothing was streamed meanwhile"]
    latencies = sorted(latency * 1_000 for latency in meta.latencies_s)
    return Run(latencies, faults, sent - left, streamed, share, under_test.settings)


async def _post(port: int, seconds: float) -> Meta:
    """Send payloads at their moments, and wait for the answers."""
    requests = [_request(number) for number in range(round(seconds * _RATE))]
    loop, meta = asyncio.get_running_loop(), Meta()
    with ExitStack() as stack:
        for _ in range(_CONNECTIONS):
            _, connection = await loop.create_connection(
                lambda: Connection(meta.answered, lambda: None), hub.HOST, port
            )
            stack.callback(connection.close)
            meta.free.append(connection)
        began = time.perf_counter()
        for number, request in enumerate(requests):
            moment = began + number / _RATE
            await asyncio.sleep(moment - time.perf_counter())
            meta.send(request, moment)
        deadline = time.perf_counter() + _SETTLE_S
        while len(meta.latencies_s) < len(requests) and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return meta


def _request(number: int) -> bytes:
    wa_id = f"52155{number % _NUMBERS:08d}"
    message = {
        "from": wa_id,
        "id": f"wamid.bench.{number}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": _QUESTION},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "525555555555", "phone_number_id": _PHONE_ID},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": wa_id}],
        "messages": [message],
    }
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    signature = hmac.digest(_SECRET, body, hashlib.sha256).hex()
    return b"".join(post("/webhooks/whatsapp", body, f"X-Hub-Signature-256: sha256={signature}"))


async def _stream(http: aiohttp.ClientSession, words: list[int], number: int) -> None:
    """Ask again and again, and count the pieces of the answers."""
    while True:
        body = {"messages": [{"role": "user", "content": _QUESTION}]}
        with suppress(aiohttp.ClientError):
            async with http.post("/api/chat/stream", json=body) as answer:
                async for line in answer.content:
                    words[number] += line.startswith(b"data:")


@asynccontextmanager
async def _graph_api() -> AsyncIterator[str]:
    """A stand-in of the Graph API on loopback that takes everything."""
    ids = count()

    async def take(request: web.Request) -> web.Response:
        with suppress(ConnectionError):  # the hub is ended in the middle of its work
            await request.read()
        return web.json_response({"messaging_product": "whatsapp", "messages": [{"id": f"wamid.out.{next(ids)}"}]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, hub.HOST, 0).start()
        yield f"http://{hub.HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
