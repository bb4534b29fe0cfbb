"""A whole hub as an operator runs it: Redis found or started, the server up, the agent beside it, and a clean end."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import structlog
from aiohttp import web

from hub.app import HUB, Hub, create_app
from hub.bootstrap import CannotStart, read_menu, redis_of, secret_of
from hub.config import Settings
from hub.domain.menu import Menu
from hub.fanout.siblings import Siblings
from hub.gateways.http_server import HubRunner
from hub.supervisor import keep_running, python_module, when_parent_ends

logger = structlog.get_logger(__name__)

# For requests under way once all connections that stand have ended, and once more for those that had to be told.
_DRAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The arguments of `comanda serve`.

    Attributes:
        siblings: Set in a process that shares its port with others.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    agent: bool = True
    siblings: Siblings | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A hub that answers: where, and over which Redis."""

    settings: Settings
    url: str
    redis_url: str
    redis_source: str
    durable: bool
    menu: Menu


async def serve(settings: Settings, plan: Plan, on_ready: Callable[[Running], Awaitable[None]]) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way and stop what was started.

    After SIGTERM the hub reports that it is not ready, and serves for another `drain_s`, so that load balancers can
    notice. After SIGINT, or a second signal, it stops at once.

    Args:
        on_ready: Called once the port answers; it may go on as long as it likes (the demo does), and is
            cancelled at the end.

    Raises:
        CannotStart: Before anything was served.
    """
    menu = read_menu(settings.menu)
    if plan.siblings is None:
        _check_free(plan.host, plan.port)
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(redis_of(settings))
        redis_url = embedded.url if embedded else settings.redis_url
        source = embedded.source if embedded else "COMANDA_REDIS_URL"
        durable = embedded is None or embedded.durable
        environment = {"COMANDA_REDIS_URL": redis_url, "COMANDA_DATA_DIR": str(settings.data_dir.resolve())}
        several = plan.workers > 1 and plan.siblings is None
        folder = stack.enter_context(TemporaryDirectory(prefix="comanda-")) if several else ""
        stop = _Stop()
        when_parent_ends(stop.hurry)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        children: list[asyncio.Task[None]] = []
        app: web.Application | None = None
        if embedded is not None:
            children.append(tasks.create_task(embedded.supervise()))
        if several:
            for number in range(1, plan.workers + 1):
                program = _sibling(plan, number, folder)
                run = keep_running(f"hub {number}", program, environment, takes_s=settings.drain_s)
                children.append(tasks.create_task(run))
            url = f"http://{_shown(plan.host)}:{plan.port}"
        else:
            app = create_app(settings, redis_url, secret_of(settings), menu, plan.siblings)
            url = await stack.enter_async_context(_site(app, plan))
        running = Running(settings, url, redis_url, source, durable, menu)
        children.append(tasks.create_task(_run(on_ready, running)))
        if plan.agent:
            children.append(tasks.create_task(keep_running("agent", python_module("agents"), environment)))
        await stop.asked.wait()
        logger.info("hub.stopping")
        if app is not None:
            app[HUB].retire()
            await stop.hurried_within(settings.drain_s)
        for child in children:
            child.cancel()


def _sibling(plan: Plan, number: int, folder: str) -> list[str]:
    """Return the command line of one of several processes on one port."""
    listen = ["--host", plan.host, "--port", str(plan.port), "--no-agent", "--workers", str(plan.workers)]
    return python_module("hub", "serve", *listen, "--shared-port", folder, "--worker", str(number))


async def _run(on_ready: Callable[[Running], Awaitable[None]], running: Running) -> None:
    await on_ready(running)


@asynccontextmanager
async def _site(app: web.Application, plan: Plan) -> AsyncIterator[str]:
    runner = HubRunner(app, access_log=None, shutdown_timeout=_DRAIN_S, handle_signals=False)
    try:
        await runner.setup()
        site = web.TCPSite(runner, plan.host, plan.port, reuse_port=plan.siblings is not None or None, backlog=1024)
        await site.start()
    except OSError as exc:
        await runner.cleanup()
        raise _cannot_listen(plan.host, plan.port, exc) from exc
    except BaseException:
        await runner.cleanup()
        raise
    # What was made so far stays to the end: a full collection would look through all of it, and hold the loop for
    # 35 to 55 ms each time.
    gc.collect()
    gc.freeze()
    # Young objects are looked through every 10,000, not every 700: what a connection leaves stays, and looking through
    # it each time was 4 % of what a thousand cost that came back at once.
    gc.set_threshold(10_000, 10, 10)
    port = runner.addresses[0][1] if runner.addresses else plan.port
    try:
        async with _known_to_siblings(plan.siblings, app[HUB], runner):
            try:
                yield f"http://{_shown(plan.host)}:{port}"
            finally:
                # A proxy sends a refused connection's request to another hub, whatever the request.
                await site.stop()
                await app[HUB].drain()
    finally:
        await runner.cleanup()


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
    """Find out before anything is started; children that share a port could not tell."""
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


class _Stop:
    """The signals that end a hub.

    Attributes:
        asked: Set when it is to end.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._hurried = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        loop.add_signal_handler(signal.SIGINT, self.hurry)  # somebody waits at the terminal

    def hurry(self) -> None:
        """Stop without waiting for load balancers."""
        self.asked.set()
        self._hurried.set()

    async def hurried_within(self, seconds: float) -> None:
        """Wait so many seconds, or until the hub must stop at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    def _ask(self) -> None:
        if self.asked.is_set():
            self._hurried.set()
        self.asked.set()


def _shown(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
