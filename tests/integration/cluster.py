"""Two hub processes on one Redis, and clients of their HTTP API."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import aiohttp

from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now
from tests.support.processes import COMANDA, Process, free_port, listening, program, wait_until
from tests.support.uncounted import UNCOUNTED

READY_S = 30.0
SKU = "agua"
BRANCH = "centro"

_TITLES = itertools.count()


@dataclass(frozen=True, slots=True)
class Cluster:
    """What runs, and where."""

    redis: Process
    redis_port: int
    hubs: tuple[Process, Process]
    urls: tuple[str, str]
    token: str
    courier: str
    secret: str

    def token_of(self, name: str, role: Role = Role.MANAGER) -> str:
        """The token of another program."""
        who = Principal(Kind.SERVICE, id=f"token:{name}", name=name, roles=frozenset({role}))
        return Tokens(self.secret.encode(), BRANCH).issue(who, utc_now(), timedelta(hours=1))

    def start_redis(self) -> None:
        self.redis.start()
        self.redis.wait_for(lambda: listening(self.redis_port), READY_S, "it listens")

    def start_hub(self, index: int) -> None:
        hub, url = self.hubs[index], self.urls[index]
        hub.start()
        hub.wait_for(lambda: ready(url), READY_S, "it is ready")

    def settle(self) -> None:
        """Wait until both hubs are ready."""
        for hub, url in zip(self.hubs, self.urls, strict=True):
            hub.wait_for(lambda url=url: ready(url), READY_S, "it is ready")  # type: ignore[misc]


def ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except HTTPError as refused:
        refused.close()
        return False


@contextmanager
def open_cluster(folder: Path) -> Iterator[Cluster]:
    redis_port, ports = free_port(), (free_port(), free_port())
    settings = {
        "COMANDA_REDIS_URL": f"redis://127.0.0.1:{redis_port}",
        "COMANDA_SECRET": (secret := uuid.uuid4().hex),
        "COMANDA_REDIS_DEADLINE_S": "1",
        "COMANDA_LIMIT_REQUESTS_S": "0",
        "COMANDA_LIMIT_COMMANDS_S": "0",
        **UNCOUNTED,
    }

    def said(*arguments: str) -> str:
        with Process(COMANDA, *arguments, env=settings, cwd=folder) as process:
            wait_until(lambda: not process.running, READY_S, f"comanda {arguments[0]}")
            assert process.stop() == 0, process.output()
            return process.output().strip()

    with ExitStack() as stack:
        options = ["--port", str(redis_port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        redis = stack.enter_context(Process(program("redis-server"), *options, *durable, name="redis"))
        redis.wait_for(lambda: listening(redis_port), READY_S, "it listens")
        hubs = tuple(
            stack.enter_context(
                Process(
                    *(COMANDA, "serve", "--port", str(port), "--no-agent", "--no-notifier"),
                    env={**settings, "COMANDA_DATA_DIR": str(folder / name)},
                    cwd=folder,
                    name=name,
                )
            )
            for name, port in zip(("hub-a", "hub-b"), ports, strict=True)
        )
        token = said("token", "--role", "manager", "--name", "Ana")
        said("staff", "add", "Beto", "--role", "courier")
        courier = said("staff", "list").splitlines()
        beto = next(row.split("\t")[2] for row in courier if row.startswith("Beto\t"))
        urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
        cluster = Cluster(redis, redis_port, hubs, urls, token, beto, secret)  # type: ignore[arg-type]
        cluster.settle()
        yield cluster


class HubClient:
    """Calls of a manager's program at one hub, over HTTP."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    def of_a_customer(self) -> HubClient:
        """Return a client of the same hub without a token."""
        return HubClient(self._http, self._url, "")

    async def get(self, path: str) -> Any:
        async with self._http.get(self._url + path, headers=self._headers) as response:
            body = await response.json()
            assert body["ok"], body
            return body["data"]

    async def post(self, path: str, body: Any) -> Any:
        """Until it is committed, once: whatever happens to the hub and its Redis meanwhile."""
        headers = {**self._headers, "Idempotency-Key": uuid.uuid4().hex}
        while True:
            async with self._http.post(self._url + path, json=body, headers=headers) as response:
                answer = json.loads(await response.read())
            if answer["ok"]:
                return answer["data"]
            assert answer["error"]["retryable"], answer
            await asyncio.sleep(0.05)

    async def position(self) -> str:
        """Where the log stands."""
        cursor: str = (await self.get("/api/rooms/stock/events"))["cursor"]
        return cursor

    async def place(self, **changes: Any) -> dict[str, Any]:
        data: dict[str, Any] = await self.post("/api/orders", an_order(**changes))
        return data

    async def advance(self, id: str, to: str) -> None:
        await self.post(f"/api/orders/{id}/advance", {"to": to})

    async def promo(self) -> str:
        """Publish the next promotion; gives its title, which no other test has used."""
        title = str(next(_TITLES))
        await self.post("/api/promos", {"title": title, "message": "¡2×1! 🌮"})
        return title


def an_order(**changes: Any) -> dict[str, Any]:
    return {
        "customer": {"name": "Ángela Núñez"},
        "items": [{"sku": SKU, "qty": 1}],
        "delivery": {"kind": "delivery", "address": "Av. Insurgentes 1"},
        **changes,
    }
