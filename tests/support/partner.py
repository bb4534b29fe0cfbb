"""A partner's program on loopback: verifies each webhook with the reference library, and answers as a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

Answer = Callable[["Received"], Awaitable[int] | int]


@dataclass(frozen=True)
class Received:
    """One request that was verified. `secrets`: the secrets by which it verifies."""

    id: str
    type: str
    data: dict[str, Any]
    secrets: tuple[str, ...]

    @property
    def order_id(self) -> str:
        return str(self.data.get("order_id") or self.data.get("order", {}).get("id", ""))


@dataclass
class Partner:
    """Attributes: `secrets` to verify with; `answer` returns a status; `received` has what was verified, in order."""

    secrets: list[str] = field(default_factory=list)
    answer: Answer = lambda _received: 200
    received: list[Received] = field(default_factory=list)
    arrived: list[Received] = field(default_factory=list)
    unverified: int = 0
    port: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/orders"

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something holds; it is looked at after each request."""
        async with self.changed:
            await self.changed.wait_for(done)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        verified = tuple(secret for secret in self.secrets if _verifies(secret, body, dict(request.headers)))
        if not verified:
            self.unverified += 1
            return web.Response(status=401)
        event = json.loads(body)
        received = Received(request.headers["webhook-id"], event["type"], event["data"], verified)
        self.received.append(received)
        status = self.answer(received)
        status = status if isinstance(status, int) else await status
        if status < 300:
            self.arrived.append(received)
        async with self.changed:
            self.changed.notify_all()
        return web.Response(status=status)


@asynccontextmanager
async def a_partner() -> AsyncIterator[Partner]:
    """Run a partner on a free port of 127.0.0.1."""
    partner = Partner()
    app = web.Application()
    app.router.add_post("/orders", partner.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        partner.port = runner.addresses[0][1]
        yield partner
    finally:
        await runner.cleanup()


def _verifies(secret: str, body: str, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True
