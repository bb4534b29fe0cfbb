"""Liveness, readiness and metrics, for supervisors, load balancers and Prometheus."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Literal

from aiohttp import web
from pydantic import Field

from hub.core.errors import ComandaError
from hub.domain.answers import Answer
from hub.domain.roles import Permission
from hub.domain.values import absent
from hub.gateways.envelope import ok
from hub.gateways.peer import ADDRESS, LOCAL, PRINCIPAL
from hub.gateways.route_table import Audience, RateClass, Route, Tag
from hub.services.chats.chat_service import ChatService
from hub.services.document_names import NOTICE_TALLIES, NOTIFIER, WHATSAPP, WHATSAPP_TALLIES
from hub.services.webhooks.webhook_documents import WEBHOOK_TALLIES
from hub.store.inbox_stream import InboxStream
from hub.store.log import EventLog, Write
from hub.store.outbound_stream import OutboundStream
from hub.telemetry import Metrics

_TAKES_S, _REFUSES_S = 1.0, 0.25  # how long the result of a commit is reused
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


class Liveness(Answer):
    """The answer of a process that runs."""

    status: Literal["alive"] = "alive"


class Checks(Answer):
    """The conditions for being ready: Redis takes commits, the relay hears events, the process is not stopping."""

    redis: bool
    relay: bool
    serving: bool


class Readiness(Answer):
    """The state of a process.

    Attributes:
        memory: The level of Redis's memory.
        notifier: A notifier works for this branch. Without one, the hub takes orders all the same.
        reason: The reason why Redis takes no commits.
    """

    status: Literal["ready", "not ready"]
    checks: Checks
    memory: str
    notifier: bool
    reason: str | None = Field(default=None, exclude_if=absent)


class ReadinessAnswer(Answer):
    """The answer of `/readyz`. With `ok` false it has data and no error."""

    ok: bool
    data: Readiness


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
        outbound: OutboundStream,
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
        self._outbound = outbound
        self._inbox = InboxStream(log.calls, log.keys, WHATSAPP)
        self._others = others
        self._metrics_on_loopback = metrics_on_loopback
        self._looking = asyncio.Lock()
        self._takes_writes = False
        self._notified = False
        self._good_until = 0.0

    def routes(self) -> list[Route]:
        """Return the three routes of this gateway."""
        return [
            Route(
                method="GET",
                path="/healthz",
                handler=self.healthz,
                tag=Tag.OPERATIONS,
                summary="Check that the process answers",
                answer=Liveness,
                rate=RateClass.UNCOUNTED,
            ),
            Route(
                method="GET",
                path="/readyz",
                handler=self.readyz,
                tag=Tag.OPERATIONS,
                summary="Check that commands can be committed and events are heard",
                answer=ReadinessAnswer,
                bare=True,
                other_statuses={503: "Not ready"},
                rate=RateClass.UNCOUNTED,
            ),
            Route(
                method="GET",
                path="/metrics",
                handler=self.metrics,
                tag=Tag.OPERATIONS,
                summary="Show the metrics in Prometheus's text format",
                media_type="text/plain",
                audience=Audience.STAFF,
            ),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer 200: the process runs."""
        return web.json_response(ok(Liveness()))

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 while commands can be committed and events arrive; otherwise 503, with the reason.

        The answer also reports the level of Redis's memory: a hub that refuses new orders still serves staff.
        """
        checks = Checks(redis=await self._redis(), relay=self._relay_live(), serving=not self._draining())
        ready = checks.redis and checks.relay and checks.serving
        readiness = Readiness(
            status="ready" if ready else "not ready",
            checks=checks,
            memory=self._memory_level(),
            notifier=self._notified,
            reason=None if checks.redis else self._log.condition.reason or "internal",
        )
        body = ReadinessAnswer(ok=ready, data=readiness)
        return web.json_response(body.model_dump(mode="json"), status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """Answer with the metrics of the process, or of all processes of the port."""
        if not (self._metrics_on_loopback and _is_from_here(request)):
            request[PRINCIPAL].require(Permission.READ_METRICS)
        with suppress(ComandaError):  # Redis does not answer: keep the turns that were read last
            self._metrics.turns.counted = await self._chat.tallies()
            self._metrics.turns.today = await self._chat.today()
            self._metrics.webhooks.counted = await self._log.counts(WEBHOOK_TALLIES)
            self._metrics.notices.counted = await self._log.counts(NOTICE_TALLIES)
            self._metrics.notices.waiting = await self._outbound.behind(NOTIFIER)
            self._metrics.whatsapp.waiting = await self._inbox.waiting()
            self._metrics.whatsapp.counted = await self._log.counts(WHATSAPP_TALLIES)
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
                with suppress(ComandaError):  # `redis` says so
                    self._notified = await self._outbound.has_reader(NOTIFIER)
                self._good_until = time.monotonic() + (_TAKES_S if self._takes_writes else _REFUSES_S)
        return self._takes_writes and not self._log.condition.policy

    async def _commits(self) -> bool:
        try:
            await self._log.commit(Write())
        except ComandaError:
            return False
        return True


def _is_from_here(request: web.Request) -> bool:
    """Return True if the request comes from this machine, and not through a proxy on it."""
    return _is_loopback(request[ADDRESS]) and not any(name in request.headers for name in _FORWARDED)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == LOCAL
