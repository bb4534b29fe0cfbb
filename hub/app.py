"""Builds a hub process: its Redis client, its branch, its gateways and its periodic work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hub.all_gateways import Gateways
from hub.bootstrap import CannotStart
from hub.branch import build_branch
from hub.config import STATIC_DIR, Settings
from hub.config.secret_key import PreviousSecret
from hub.domain.menu import Menu
from hub.gateways import middleware
from hub.gateways.http_server import ERROR_PAGES, PATH_PREFIX
from hub.gateways.peer import Proxies
from hub.gateways.site.site_build import build_site
from hub.ops.dashboard_ticks import TICK_S, DashboardTicks
from hub.ops.former_staff import FormerStaff
from hub.ops.housekeeping import HOUSEKEEPING_S, Housekeeping
from hub.ops.process_metrics import connect_metrics
from hub.ops.redis_watch import RedisWatch
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.origins import Origins
from hub.socketio.siblings import Siblings
from hub.store.redis.connect import connect
from hub.store.redis.durability import read_durability
from hub.telemetry import Metrics

_NO_LIMIT_BYTES = 2**31  # larger than any body; aiohttp has no value for `no limit`


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between two rounds of a hub's periodic work."""

    housekeeping_s: float = HOUSEKEEPING_S
    tick_s: float = TICK_S


class Hub:
    """One hub process: its parts, and their lifetimes. `create_app` makes it and binds it to aiohttp.

    Attributes:
        redis: The client that all branches of the process share.
        branch: The branch that this process serves.
        gateways: All of them, with their routes and limits.
        draining: True once the hub reports that it is not ready.
    """

    def __init__(
        self,
        settings: Settings,
        redis_url: str,
        secret: bytes,
        menu: Menu,
        siblings: Siblings | None = None,
        intervals: Intervals = Intervals(),  # frozen
        previous: PreviousSecret | None = None,
    ) -> None:
        limits = settings.limits
        try:
            self.redis = connect(redis_url, branch=settings.branch, deadline_s=settings.redis_deadline_s)
            origins, proxies = Origins(settings.origins, settings.public_origin), Proxies(settings.trusted_proxies)
        except ValueError as exc:
            raise CannotStart(f"a setting is wrong: {exc}") from exc
        self.draining = False
        self.metrics = Metrics()
        connections = ConnectionCounter(limits.connections)
        branch = self.branch = build_branch(
            settings,
            self.redis,
            secret,
            menu,
            self.metrics,
            previous=previous,
            connections=lambda: connections.total,
        )
        self.gateways = Gateways(
            settings,
            branch,
            self.metrics,
            origins,
            proxies,
            connections,
            lambda: self.draining,
            build_site(STATIC_DIR),
            siblings,
        )
        services, server, streams = branch.services, self.gateways.socketio.server, self.gateways.streams
        self._message_bytes = limits.message_bytes or _NO_LIMIT_BYTES
        self.housekeeping = Housekeeping(
            branch,
            FormerStaff(services.access, server, streams),
            self.gateways.look,
            agent_wait_s=settings.agent.wait_s,
            outbound_kept_s=settings.outbound_kept_s,
            every_s=intervals.housekeeping_s,
        )
        self._ticks = DashboardTicks(branch, intervals.tick_s)
        self._redis_watch = RedisWatch(
            branch.log,
            services.memory.look,
            lambda: read_durability(branch.log.calls),
            private=not settings.redis_url,
        )
        connect_metrics(self.metrics, branch, server, streams)

    def app(self) -> web.Application:
        """Return the hub as an aiohttp application; it starts and stops with it."""
        app = web.Application(
            middlewares=self.gateways.middlewares,
            client_max_size=self._message_bytes,
            handler_args={"auto_decompress": False},  # compressed bodies are refused, so none is decompressed
        )
        self.gateways.routes.attach(app)
        app.on_response_prepare.append(middleware.add_safe_headers)
        app.on_response_prepare.append(middleware.close_while(lambda: self.draining))
        app.on_shutdown.append(self.gateways.streams.open.shut_down)
        app.cleanup_ctx.extend((self._resources, self._tasks))
        return app

    def retire(self) -> None:
        """Report the hub as not ready. It goes on serving, but closes each connection after its request."""
        self.draining = True

    async def drain(self) -> None:
        """Report the hub as not ready, and close every connection within two seconds, spread over that time."""
        self.retire()
        await self.gateways.close_all()

    async def _resources(self, _app: web.Application) -> AsyncIterator[None]:
        self.branch.open()
        yield
        await self.branch.aclose()
        await self.redis.aclose()

    async def _tasks(self, _app: web.Application) -> AsyncIterator[None]:
        """Run the branch and its periodic work while the app lives. Redis need not answer yet."""
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in self._work()]
            yield
            for task in running:
                task.cancel()

    def _work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        return (
            self.branch.run(self.gateways.socketio.server.sessions),
            self.gateways.auto_join.run(),
            self.housekeeping.run(),
            self._ticks.run(),
            self.branch.services.positions.run(),
            self._redis_watch.run(),
        )


HUB = web.AppKey("hub", Hub)


def create_app(
    settings: Settings,
    redis_url: str,
    secret: bytes,
    menu: Menu,
    siblings: Siblings | None = None,
    intervals: Intervals = Intervals(),  # frozen
    previous: PreviousSecret | None = None,
) -> web.Application:
    """Return a hub as an aiohttp application; the hub starts and stops with it.

    Args:
        siblings: The other processes of its port, if several share it.
        intervals: Of the periodic work.
        previous: The secret before the present one, if tokens of it may still be accepted.

    Raises:
        CannotStart: A setting is invalid.
    """
    hub = Hub(settings, redis_url, secret, menu, siblings, intervals, previous)
    app = hub.app()
    app[HUB] = hub
    app[PATH_PREFIX] = settings.path_prefix
    app[ERROR_PAGES] = hub.gateways.error_pages
    return app
