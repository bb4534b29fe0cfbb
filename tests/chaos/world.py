"""Redis, hub processes, a bad line between each hub and Redis, nginx: all of it real, all of it to be broken."""

from __future__ import annotations

import asyncio
import re
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from redis.exceptions import RedisError

from hub.config import MENU_FILE
from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now
from hub.store import connect
from tests.chaos.fault_proxy import Proxy
from tests.support.front import front
from tests.support.processes import COMANDA, Process, free_port, listening, program
from tests.support.uncounted import UNCOUNTED

if TYPE_CHECKING:
    from redis.asyncio import Redis

DEADLINE_S = 1.0  # the hubs' patience with Redis
READY_S = 30.0
_LOOK_S = 0.02
_BRANCH = "centro"
_PLENTY = 100_000  # of each dish: what runs out is not the matter here


@dataclass(frozen=True, slots=True)
class Hub:
    """One hub process, and the line it has to Redis."""

    name: str
    url: str
    process: Process
    proxy: Proxy


class World:
    """The running processes. Each fault is a method here.

    Attributes:
        redis: A client of its own, past every proxy.
        urls: The addresses of clients' connections: the hubs, or nginx in front of them.
    """

    def __init__(
        self,
        folder: Path,
        server: Process,
        redis_port: int,
        hubs: tuple[Hub, ...],
        token: str,
        redis: Redis,
        urls: tuple[str, ...],
    ) -> None:
        self.folder = folder
        self.server = server
        self.hubs = hubs
        self.token = token
        self.redis = redis
        self.redis_port = redis_port
        self.urls = urls

    # Hubs

    async def kill_hub(self, index: int) -> None:
        await asyncio.to_thread(self.hubs[index].process.kill)

    async def stop_hub(self, index: int) -> int | None:
        """End it politely; gives its exit status."""
        return await asyncio.to_thread(self.hubs[index].process.stop)

    async def start_hub(self, index: int) -> None:
        self.hubs[index].process.start()
        await self.ready(index)

    async def ready(self, index: int, within_s: float = READY_S) -> None:
        """Wait until a hub says it is ready.

        Raises:
            TimeoutError: It does not.
        """
        await self.until_ready(index, True, within_s)

    async def until_ready(self, index: int, ready: bool, within_s: float) -> float:
        """Wait until a hub says that it is ready, or that it is not; how many seconds that took."""
        hub, loop = self.hubs[index], asyncio.get_running_loop()
        started = loop.time()
        async with asyncio.timeout(within_s):
            while await is_ready(hub.url) is not ready:
                assert hub.process.running, f"{hub.name} has ended:\n{hub.process.output()[-4000:]}"
                await asyncio.sleep(_LOOK_S)
        return loop.time() - started

    async def whole(self, within_s: float = READY_S) -> None:
        """Wait until every hub is ready."""
        await asyncio.gather(*(self.ready(index, within_s) for index in range(len(self.hubs))))

    # Redis

    async def kill_redis(self) -> None:
        await asyncio.to_thread(self.server.kill)

    async def start_redis(self) -> None:
        """Start it anew; it answers when this returns."""
        self.server.start()
        await asyncio.to_thread(self.server.wait_for, lambda: listening(self.redis_port), READY_S, "it listens")
        async with asyncio.timeout(READY_S):
            while True:
                with suppress(RedisError):  # it listens before it has read its file
                    await self.redis.ping()
                    return
                await asyncio.sleep(_LOOK_S)

    def freeze_redis(self) -> None:
        self.server.signal(signal.SIGSTOP)

    def thaw_redis(self) -> None:
        self.server.signal(signal.SIGCONT)

    async def kill_pubsub(self) -> int:
        """Break every hub's subscription on the server's side; how many there were."""
        killed: Any = await self.redis.client_kill_filter(_type="pubsub")
        return int(killed)

    async def forget_scripts(self) -> None:
        await self.redis.script_flush()

    def heal(self) -> None:
        """Every line is good again, and Redis awake."""
        self.thaw_redis()
        for hub in self.hubs:
            hub.proxy.heal()


async def is_ready(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(f"{url}/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


@asynccontextmanager
async def open_world(
    folder: Path, *, hubs: int = 2, behind_nginx: bool = False, settings: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """Start everything; it answers when this is entered. `settings` are the hubs' (`COMANDA_…`), over those here."""
    secret, redis_port = uuid.uuid4().hex, free_port()
    common = {
        "COMANDA_SECRET": secret,
        "COMANDA_MENU": str(_menu(folder)),
        "COMANDA_REDIS_DEADLINE_S": str(DEADLINE_S),
        "COMANDA_METRICS_ON_LOOPBACK": "true",
        "COMANDA_LIMIT_REQUESTS_S": "0",
        "COMANDA_LIMIT_STAFF_REQUESTS_S": "0",
        "COMANDA_LIMIT_COMMANDS_S": "0",
        "COMANDA_LIMIT_CONNECTIONS": "0",
        "COMANDA_LIMIT_ROOM_EVENTS": "0",
        "COMANDA_TRUSTED_PROXIES": "127.0.0.1" if behind_nginx else "",
        **UNCOUNTED,
        **(settings or {}),
    }
    manager = Principal(Kind.SERVICE, "token:Ana", "Ana", frozenset({Role.MANAGER}))
    token = Tokens(secret.encode(), _BRANCH).issue(manager, utc_now(), timedelta(days=1))
    async with AsyncExitStack() as stack:
        options = ["--port", str(redis_port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        server = stack.enter_context(Process(program("redis-server"), *options, *durable, name="redis"))
        # A server that was stopped in its sleep would not hear that it is to end.
        stack.callback(server.signal, signal.SIGCONT)
        running = []
        for number in range(hubs):
            proxy = await stack.enter_async_context(Proxy(free_port(), redis_port))
            running.append(_start_hub(stack, folder, f"hub-{number}", proxy, common))
        redis = connect(f"redis://127.0.0.1:{redis_port}")
        stack.push_async_callback(redis.aclose)
        urls = tuple(hub.url for hub in running)
        if behind_nginx:
            ports = [int(url.rpartition(":")[2]) for url in urls]
            urls = (stack.enter_context(front(folder / "nginx", ports)).url,)
        world = World(folder, server, redis_port, tuple(running), token, redis, urls)
        await world.whole()
        yield world


def _menu(folder: Path) -> Path:
    menu = folder / "menu.toml"
    text = MENU_FILE.read_text(encoding="utf-8")
    menu.write_text(re.sub(r"(?m)^stock = \d+", f"stock = {_PLENTY}", text), encoding="utf-8")
    return menu


def _start_hub(stack: AsyncExitStack, folder: Path, name: str, proxy: Proxy, settings: Mapping[str, str]) -> Hub:
    port = free_port()
    own = {"COMANDA_REDIS_URL": f"redis://127.0.0.1:{proxy.port}", "COMANDA_DATA_DIR": str(folder / name)}
    process = Process(
        *(COMANDA, "serve", "--port", str(port), "--no-agent", "--no-notifier"),
        env={**settings, **own},
        cwd=folder,
        name=name,
    )
    return Hub(name, f"http://127.0.0.1:{port}", stack.enter_context(process), proxy)
