"""Is it alive, is it ready, and what has it done: for supervisors, load balancers and Prometheus."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from aiohttp import web

from hub.domain.errors import ComandaError
from hub.domain.roles import Permission
from hub.eventlog.log import EventLog, Write
from hub.gateways.answers import ok
from hub.gateways.peer import ADDRESS, LOCAL, PRINCIPAL
from hub.services.chat import ChatService
from hub.telemetry import Metrics

_TAKES_S, _REFUSES_S = 1.0, 0.25  # how long an answer of Redis's is good for
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


class Health:
    """`/healthz`: the process answers. `/readyz`: it can do its work now. `/metrics`: for staff and programs.

    Args:
        others: Returns the metrics of the port's other processes, if several share it: `/metrics` is the sum.
        metrics_on_loopback: True if programs on this machine read `/metrics` without a token. If a proxy on it hides
            its callers, everybody can read them.
    """

    def __init__(
        self,
        log: EventLog,
        chat: ChatService,
        metrics: Metrics,
        memory_level: Callable[[], str],
        relay_live: Callable[[], bool],
        draining: Callable[[], bool],
        *,
        others: Callable[[], Awaitable[Sequence[bytes]]] | None = None,
        metrics_on_loopback: bool = False,
    ) -> None:
        self._log = log
        self._chat = chat
        self._metrics = metrics
        self._memory_level = memory_level
        self._relay_live = relay_live
        self._draining = draining
        self._others = others
        self._metrics_on_loopback = metrics_on_loopback
        self._looking = asyncio.Lock()
        self._takes_writes = False
        self._good_until = 0.0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.json_response(ok({"status": "alive"}))

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 while commands can be committed and events arrive; otherwise 503, with the reason.

        The answer also reports the level of Redis's memory: a hub that refuses new orders still serves staff.
        """
        checks = {"redis": await self._redis(), "relay": self._relay_live(), "serving": not self._draining()}
        ready = all(checks.values())
        status = "ready" if ready else "not ready"
        data: dict[str, object] = {"status": status, "checks": checks, "memory": self._memory_level()}
        if not checks["redis"]:
            data["reason"] = self._log.condition.reason or "internal"
        body = {"ok": ready, "data": data}
        return web.json_response(body, status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        if not (self._metrics_on_loopback and _is_from_here(request)):
            request[PRINCIPAL].require(Permission.READ_METRICS)
        with suppress(ComandaError):  # Redis is away: the turns stay as they were last read
            self._metrics.turns.counted = await self._chat.tallies()
            self._metrics.turns.today = await self._chat.today()
        others = await self._others() if self._others is not None else ()
        return web.Response(
            body=self._metrics.render(others), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _redis(self) -> bool:
        """Return True if Redis accepts a commit and evicts nothing.

        A Redis that is full, a replica, or has lost its replicas still answers a PING. An empty commit takes the way
        of every command, and writes only the counter again. Anybody may ask, so the result is kept for a moment.
        """
        async with self._looking:
            if time.monotonic() >= self._good_until:
                self._takes_writes = await self._commits()
                self._good_until = time.monotonic() + (_TAKES_S if self._takes_writes else _REFUSES_S)
        return self._takes_writes and not self._log.condition.policy

    async def _commits(self) -> bool:
        try:
            await self._log.commit(Write())
        except ComandaError:
            return False
        return True


def _is_from_here(request: web.Request) -> bool:
    """Whether somebody on this machine asks, and not through a proxy on it that we were not told to trust."""
    return _is_loopback(request[ADDRESS]) and not any(name in request.headers for name in _FORWARDED)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == LOCAL
