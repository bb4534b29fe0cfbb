"""A push service on loopback: it checks who sends, as RFC 8292 asks, and keeps what came for each browser."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.browser_keys import Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True)
class Pushed:
    """One message: its decrypted JSON, and the headers that a push service reads."""

    message: dict[str, Any]
    ttl: int
    urgency: str
    topic: str
    contact: str


@dataclass
class PushStandIn:
    """The service.

    Attributes:
        answers: The status and headers of the next answers; 201 when none is left.
        pushed: What came for each browser, by its endpoint.
    """

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    pushed: dict[str, list[Pushed]] = field(default_factory=dict)
    tries: int = 0
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    _browsers: dict[str, Browser] = field(default_factory=dict)

    def browser(self, name: str, lang: str = "es") -> Browser:
        """Return a browser that has subscribed here."""
        browser = Browser(f"{self.url}/push/{name}", lang)
        self._browsers[browser.endpoint] = browser
        return browser

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds, which is looked at whenever a request has come."""
        async with asyncio.timeout(30), self.came:
            await self.came.wait_for(condition)

    async def handle(self, request: web.Request) -> web.Response:
        """Take one message."""
        self.tries += 1
        status, headers = self.answers.pop(0) if self.answers else (201, {})
        if status == 201:
            endpoint = f"{self.url}{request.path}"
            browser = self._browsers[endpoint]
            self.pushed.setdefault(endpoint, []).append(await self._read(request, browser))
        async with self.came:
            self.came.notify_all()
        return web.Response(status=status, headers=headers)

    async def _read(self, request: web.Request, browser: Browser) -> Pushed:
        claims = _verified(request.headers["Authorization"], self.url)
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert len(request.headers["Topic"]) <= 32
        body = await request.read()
        assert len(body) <= 4_096
        return Pushed(
            json.loads(browser.read(body)),
            int(request.headers["TTL"]),
            request.headers["Urgency"],
            request.headers["Topic"],
            claims["sub"],
        )


def _verified(header: str, audience: str) -> dict[str, Any]:
    scheme, _, rest = header.partition(" ")
    assert scheme == "vapid"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    point = urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims: dict[str, Any] = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=audience)
    return claims


@asynccontextmanager
async def push_standin() -> AsyncIterator[PushStandIn]:
    """Serve a push service while the context lasts."""
    standin = PushStandIn()
    app = web.Application()
    app.router.add_post("/push/{name}", standin.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    standin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield standin
    finally:
        await runner.cleanup()
