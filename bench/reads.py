"""A flood of joins from one address, and customers beside it: `python -m bench.reads --seconds 20`.

A hub of its own, with its default limits, behind this program as its trusted proxy. The attacker's 20 WebSockets join a
chat of long messages, 100 times a second together; neighbours order from other addresses, five times a second, and for
ten seconds before the attack as well, for comparison.
Exits with 1 if the attacker got more bytes than the limits allow, or the neighbours' p99 is 100 ms or more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import aiohttp

from bench import hub
from bench.figure import percentile
from bench.flood import ATTACKER, SMALL, Caller
from hub.config import Limits
from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now

MAX_P99_MS = 100.0
_SOCKETS, _JOINS_S = 20, 100
_NEIGHBOURS_S, _CALM_S = 5, 10.0
_MESSAGES, _TEXT = 60, "🌮" * 2_000
_ANSWERS_S = 2.0  # after the last join
_HEADERS = {"X-Forwarded-For": ATTACKER}


class Attacker:
    """Joins one room over many sockets without waiting, and counts what comes back."""

    def __init__(self, sockets: list[aiohttp.ClientWebSocketResponse], join: dict[str, Any]) -> None:
        self._sockets = sockets
        self._join = join
        self.bytes = 0
        self.answers: Counter[str] = Counter()

    async def keep_going(self, seconds: float) -> None:
        readers = [asyncio.create_task(self._read(socket)) for socket in self._sockets]
        began = time.perf_counter()
        for number in range(int(seconds * _JOINS_S)):
            await asyncio.sleep(max(0.0, began + number / _JOINS_S - time.perf_counter()))
            await self._sockets[number % len(self._sockets)].send_json({"id": number, **self._join})
        await asyncio.sleep(_ANSWERS_S)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self.bytes += len(message.data.encode())
            answer = json.loads(message.data)
            if "ack" in answer:
                self.answers["joined" if answer["ok"] else answer["error"]["code"]] += 1


async def flood(seconds: float) -> bool:
    """Run the flood, print the results, and return True if all are within their bounds."""
    secret = secrets.token_urlsafe(32)
    settings = {"COMANDA_TRUSTED_PROXIES": "127.0.0.1", "COMANDA_SECRET": secret}
    async with AsyncExitStack() as stack:
        under_test = await stack.enter_async_context(hub.running(settings))
        url = f"http://{hub.HOST}:{under_test.port}"
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        before, neighbour = Caller(http, url), Caller(http, url)
        join = {"command": "room.join", "data": await _long_chat(http, url, secret)}
        await before.keep_going(SMALL, _NEIGHBOURS_S, _CALM_S, _neighbour)
        sockets = [await http.ws_connect(f"{url}/ws", headers=_HEADERS, max_msg_size=0) for _ in range(_SOCKETS)]
        attacker = Attacker(sockets, join)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(attacker.keep_going(seconds))
            tasks.create_task(neighbour.keep_going(SMALL, _NEIGHBOURS_S, seconds, _neighbour))
        rss_mb = under_test.rss_mb()
    calm, p99 = (percentile(sorted(caller.took_ms), 99) for caller in (before, neighbour))
    most = _most_bytes(seconds)
    print(f"attacker: {dict(attacker.answers)}, {attacker.bytes / 1e6:.1f} MB of {most / 1e6:.1f} MB at the most")
    print(
        f"neighbours: {dict(neighbour.answers)}, p99 {p99:.1f} ms (before: {calm:.1f} ms); the hub has {rss_mb:.0f} MB"
    )
    return attacker.bytes < most and p99 < MAX_P99_MS and neighbour.answers["taken"] == neighbour.answers.total()


async def _long_chat(http: aiohttp.ClientSession, url: str, secret: str) -> dict[str, str]:
    """Open a chat of the attacker's, have a person fill it, and return what joins it."""
    async with http.post(f"{url}/api/chats", json={}, headers=_HEADERS) as response:
        chat = (await response.json())["data"]
    support = Principal(Kind.SERVICE, "token:bench", "bench", frozenset({Role.SUPPORT}))
    token = Tokens(secret.encode(), "centro").issue(support, utc_now(), timedelta(hours=1))
    async with http.ws_connect(f"{url}/ws", headers={"Authorization": f"Bearer {token}"}) as desk:
        for command, data in [("chat.take_over", {}), *[("chat.reply", {"text": _TEXT})] * _MESSAGES]:
            await desk.send_json({"command": command, "data": {"chat_id": chat["chat_id"], **data}})
            answer = await desk.receive_json()
            if not answer["ok"]:
                raise RuntimeError(f"{command}: {answer['error']}")
            await asyncio.sleep(1 / 15)  # below the rate of commands
    return {"room": f"chat:{chat['chat_id']}", "token": chat["token"]}


def _most_bytes(seconds: float) -> float:
    """Return what one address may read, with a quarter for the wire, and one answer on each socket."""
    limits = Limits(_env_file=None)
    allowed = limits.read_bytes_burst + limits.read_bytes_s * (seconds + _ANSWERS_S)
    return 1.25 * (allowed + 2 * _SOCKETS * limits.snapshot_bytes)


def _neighbour(number: int) -> str:
    return f"198.51.100.{number % 250}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    sys.exit(0 if asyncio.run(flood(parser.parse_args().seconds)) else 1)


if __name__ == "__main__":
    main()
