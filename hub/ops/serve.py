"""Runs a hub: finds or starts Redis, serves, keeps the agent worker running, and ends cleanly."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from hub.app import HUB, Hub, create_app
from hub.bootstrap import CannotStart, open_redis, read_menu, read_previous_secret, read_secret
from hub.config import Settings
from hub.domain.menu import Menu
from hub.gateways.http_server import HubRunner
from hub.ops.agent_extra import is_agent_installed
from hub.ops.supervisor import keep_running, python_module, when_parent_ends
from hub.ops.whatsapp_extra import require_whatsapp_extra
from hub.socketio.siblings import Siblings

logger = structlog.get_logger(__name__)

_SHUTDOWN_S = 2.0  # for requests under way after all connections were closed
_OPEN_EVERY_S = 0.25  # how often it is looked whether the port is open
_BACKLOG = 1024  # connections that wait to be accepted
_YOUNG_OBJECTS = 10_000  # see `_settle_garbage_collector`


@dataclass(frozen=True, slots=True)
class Plan:
    """The arguments of `comanda serve`.

    Attributes:
        workers: Hub processes on the one port.
        agent: True to run an agent worker beside the hub.
        siblings: Set in a process that shares its port with others.
        notifier: True to run a notifier beside the hub.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    agent: bool = True
    siblings: Siblings | None = None
    notifier: bool = True

    @property
    def has_workers(self) -> bool:
        """True in the process that only starts the hub processes of the port."""
        return self.workers > 1 and self.siblings is None


@dataclass(frozen=True, slots=True)
class Running:
    """A hub that answers.

    Attributes:
        redis_source: The Redis in use, as shown to an operator.
        durable: False if this Redis keeps everything in memory.
        agent_missing: True if an agent worker was wanted, and cannot run because LlamaIndex is not installed.
    """

    settings: Settings
    url: str
    redis_url: str
    redis_source: str
    durable: bool
    menu: Menu
    agent_missing: bool = False


async def serve(settings: Settings, plan: Plan, on_ready: Callable[[Running], Awaitable[None]]) -> None:
    """Serve until SIGINT or SIGTERM; then finish requests under way, and stop what was started.

    After SIGTERM the hub reports that it is not ready, and serves for another `drain_s` seconds, so that load
    balancers notice. After SIGINT, or a second signal, it stops at once.

    Args:
        on_ready: Called once the port answers; cancelled at the end if it still runs, as the demo does.

    Raises:
        CannotStart: The hub cannot start; nothing was served.
    """
    if plan.notifier:
        require_whatsapp_extra(settings)
    menu = read_menu(settings.menu)
    if plan.siblings is None:
        _check_free(plan.host, plan.port)
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(open_redis(settings))
        redis_url = embedded.url if embedded else settings.redis_url
        environment = {"COMANDA_REDIS_URL": redis_url, "COMANDA_DATA_DIR": str(settings.data_dir.resolve())}
        folder = stack.enter_context(TemporaryDirectory(prefix="comanda-")) if plan.has_workers else ""
        stop = _StopSignals()
        when_parent_ends(stop.hurry)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        children: list[asyncio.Task[None]] = []
        hub: Hub | None = None
        if embedded is not None:
            children.append(tasks.create_task(embedded.supervise()))
        if plan.has_workers:
            url = f"http://{_host_in_url(plan.host)}:{plan.port}"
            processes = _hub_processes(plan, folder, environment, settings.drain_s)
            children += [tasks.create_task(process) for process in processes]
        else:
            secret, previous = read_secret(settings), read_previous_secret(settings)
            app = create_app(settings, redis_url, secret, menu, plan.siblings, previous=previous)
            url = await stack.enter_async_context(_site(app, plan))
            hub = app[HUB]
        agent_missing = plan.agent and not is_agent_installed()
        if plan.agent and not agent_missing:
            children.append(tasks.create_task(keep_running("agent", python_module("agents"), environment)))
        if plan.notifier:
            children.append(tasks.create_task(_keep_notifier(url, environment)))
        source, durable = (embedded.described, embedded.durable) if embedded else ("COMANDA_REDIS_URL", True)
        if not durable:
            logger.error("local_redis.in_memory", source=source)
        running = Running(settings, url, redis_url, source, durable, menu, agent_missing)
        children.append(tasks.create_task(_run(on_ready, running)))
        await stop.asked.wait()
        logger.info("hub.stopping")
        if hub is not None:
            hub.retire()
            await stop.hurried_within(settings.drain_s)
        for child in children:
            child.cancel()


async def _keep_notifier(url: str, environment: Mapping[str, str]) -> None:
    """Keep a notifier running from when the port is open: a machine that starts has enough to do."""
    address = urlsplit(url)
    while True:
        try:
            _, writer = await asyncio.open_connection(address.hostname, address.port)
        except OSError:
            await asyncio.sleep(_OPEN_EVERY_S)
            continue
        writer.close()
        break
    await keep_running("notifier", python_module("hub", "notifier"), environment)


def _hub_processes(
    plan: Plan, folder: str, environment: Mapping[str, str], drain_s: float
) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield the supervision of each hub process of the port."""
    for number in range(1, plan.workers + 1):
        program = _sibling(plan, number, folder)
        yield keep_running(f"hub {number}", program, environment, takes_s=drain_s)


def _sibling(plan: Plan, number: int, folder: str) -> list[str]:
    """Return the command line of one of several processes on one port."""
    listen = ["--host", plan.host, "--port", str(plan.port), "--no-agent", "--no-notifier"]
    listen += ["--workers", str(plan.workers)]
    return python_module("hub", "serve", *listen, "--shared-port", folder, "--worker", str(number))


async def _run(on_ready: Callable[[Running], Awaitable[None]], running: Running) -> None:
    await on_ready(running)


@asynccontextmanager
async def _site(app: web.Application, plan: Plan) -> AsyncIterator[str]:
    """Serve the app while the context lasts; yield the URL.

    Raises:
        CannotStart: The port is taken, or the address is not this machine's.
    """
    runner = HubRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S, handle_signals=False)
    try:
        await runner.setup()
        site = web.TCPSite(runner, plan.host, plan.port, reuse_port=plan.siblings is not None or None, backlog=_BACKLOG)
        await site.start()
    except OSError as exc:
        await runner.cleanup()
        raise _cannot_listen(plan.host, plan.port, exc) from exc
    except BaseException:
        await runner.cleanup()
        raise
    _settle_garbage_collector()
    port = runner.addresses[0][1] if runner.addresses else plan.port
    try:
        async with _known_to_siblings(plan.siblings, app[HUB], runner):
            try:
                yield f"http://{_host_in_url(plan.host)}:{port}"
            finally:
                # A proxy sends a refused connection's request to another hub, whatever the request.
                await site.stop()
                await app[HUB].drain()
    finally:
        await runner.cleanup()


def _settle_garbage_collector() -> None:
    """Keep what was made so far out of collections, and collect young objects less often.

    What was made at the start stays to the end; a full collection of it would hold the loop for 35 to 55 ms. What a
    connection leaves stays too: looking through it every 700 objects was 4 % of what a thousand returning
    connections cost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 10, 10)


@asynccontextmanager
async def _known_to_siblings(siblings: Siblings | None, hub: Hub, runner: HubRunner) -> AsyncIterator[None]:
    """Accept messages of the port's other processes while the context lasts."""
    if siblings is None:
        yield
        return
    assert runner.server is not None
    async with siblings.listening(runner.server, hub.metrics.render_process):
        yield


def _check_free(host: str, port: int) -> None:
    """Fail if the port is taken. Children that share a port could not report it."""
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise _cannot_listen(host, port, exc) from exc


def _cannot_listen(host: str, port: int, exc: OSError) -> CannotStart:
    if exc.errno == errno.EADDRINUSE:
        return CannotStart(f"port {port} on {host} is in use; choose another with --port")
    return CannotStart(f"cannot listen on {host}:{port}: {exc.strerror or exc}")


class _StopSignals:
    """The signals that end a hub.

    Attributes:
        asked: Set once the hub must end.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._hurried = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        loop.add_signal_handler(signal.SIGINT, self.hurry)  # a person waits at the terminal

    def hurry(self) -> None:
        """Stop without waiting for load balancers."""
        self.asked.set()
        self._hurried.set()

    async def hurried_within(self, seconds: float) -> None:
        """Wait for this many seconds, or until the hub must stop at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    def _ask(self) -> None:
        if self.asked.is_set():
            self._hurried.set()
        self.asked.set()


def _host_in_url(host: str) -> str:
    """Return the host of the URL that reaches an address."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
