"""A whole hub in this process, on a port of its own, and clients of its gateways."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDictProxy

from hub.app import HUB, Hub, Intervals, create_app
from hub.config import MENU_FILE, Limits, Settings
from hub.domain.menu import parse_menu
from hub.domain.roles import Kind, Principal, Role
from hub.gateways.http_server import HubRunner
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now
from tests.support.uncounted import MESSAGE_COUNTS, ORDER_COUNTS, READ_COUNTS, TURN_COUNTS

SECRET = b"a secret of at least sixteen characters"
SOON_S = 5.0
BRANCH = "centro"
MENU = parse_menu(MENU_FILE.read_text(encoding="utf-8"))
# Tests of anything but the rates ask faster than a person does.
UNHURRIED = dict.fromkeys(("requests_s", "commands_s", *ORDER_COUNTS, *TURN_COUNTS, *MESSAGE_COUNTS, *READ_COUNTS), 0)
SKU = "agua"  # a hundred of it
STREAM = {"Accept": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class Heard:
    """An HTTP answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def data(self) -> Any:
        assert self.body["ok"] is True, self.body
        return self.body["data"]

    @property
    def code(self) -> str:
        """The code of a refusal, in the form that docs/protocol.md gives it."""
        assert self.body["ok"] is False, self.body
        error = self.body["error"]
        assert set(self.body) == {"ok", "error"}
        assert set(error) >= {"code", "message", "retryable"}
        assert isinstance(error["message"], str)
        assert "Traceback" not in error["message"]
        code: str = error["code"]
        return code


@dataclass
class HubHarness:
    """A hub that answers at `url`, and an HTTP client of it."""

    hub: Hub
    url: str
    http: aiohttp.ClientSession
    tokens: Tokens = field(default_factory=lambda: Tokens(SECRET, BRANCH))

    def token(self, role: str = "manager", *, ttl: timedelta = timedelta(hours=1), name: str = "Ana") -> str:
        """A program's token: it needs no account."""
        who = Principal(Kind.SERVICE, id=f"token:{name}", name=name, roles=frozenset({Role(role)}))
        return self.tokens.issue(who, utc_now(), ttl)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Any = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        """One request; `token` goes into the `Authorization` header."""
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        data = json.dumps(body).encode() if raw is None and body is not None else raw
        async with self.http.request(method, self.url + path, data=data, headers=sent) as response:
            return Heard(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Heard:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Heard:
        return await self.ask("POST", path, body=body, **options)

    async def placed(self, **changes: Any) -> dict[str, Any]:
        """A new order, whatever was ordered before: `{order, tracking, cursor}`."""
        answer = await self.post("/api/orders", an_order(**{"command_id": uuid.uuid4().hex, **changes}))
        assert answer.status == 201, answer.raw
        data: dict[str, Any] = answer.data
        return data

    async def advance(self, order_id: str, *steps: str) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for step in steps:
            answer = await self.post(f"/api/orders/{order_id}/advance", {"to": step}, token=self.token())
            assert answer.status == 200, answer.raw
            data = answer.data
        return data

    async def promo(self, title: str = "2×1", message: str = "en pastor") -> dict[str, Any]:
        answer = await self.post("/api/promos", {"title": title, "message": message}, token=self.token())
        assert answer.status == 201, answer.raw
        data: dict[str, Any] = answer.data
        return data

    async def position(self) -> str:
        """Where the log stands: no bad input moves it."""
        return str(await self.hub.branch.log.position())

    async def healthy(self) -> bool:
        return (await self.get("/readyz")).status == 200 and (await self.get("/api/menu")).status == 200


def an_order(**changes: Any) -> dict[str, Any]:
    """An order of one dish."""
    order = {
        "customer": {"name": "Ángela Núñez"},
        "items": [{"sku": SKU, "qty": 1}],
        "delivery": {"kind": "delivery", "address": "Av. Insurgentes 1, Roma"},
    }
    return {**order, **changes}


@asynccontextmanager
async def running_hub(redis_url: str, folder: Path, *, ready: bool = True, **options: Any) -> AsyncIterator[HubHarness]:
    """A hub over this Redis, as long as the context lasts.

    Args:
        ready: Wait until it hears events and has written what a start writes; otherwise Redis may be away.
        options: Limits, settings and intervals by their names.
    """
    limits = {name: options.pop(name) for name in tuple(options) if name in Limits.model_fields}
    intervals = {name: options.pop(name) for name in ("housekeeping_s", "tick_s") if name in options}
    settings = Settings(
        _env_file=None,
        data_dir=folder,
        branch=BRANCH,
        limits=Limits(_env_file=None, **{**UNHURRIED, **limits}),
        **{"redis_deadline_s": 1.0, **options},
    )
    app = create_app(settings, redis_url, SECRET, MENU, intervals=Intervals(**intervals))
    runner = HubRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            house = HubHarness(app[HUB], url, http)
            if ready:
                async with asyncio.timeout(SOON_S):
                    await house.hub.branch.relay.wait_live()
                    await house.hub.housekeeping.settled.wait()
            yield house
    finally:
        await app[HUB].drain()
        await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Sent:
    """One server-sent event."""

    id: str | None
    type: str
    event: dict[str, Any]


class Stream:
    """A reader of server-sent events, by the letter of the format."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments: list[str] = []
        self.retry: str | None = None

    async def next(self) -> Sent:
        """The next event; comments and `retry` are kept on the way."""
        while True:
            block = await self.block()
            if "event" in block:
                return Sent(block.get("id"), block["event"], json.loads(block["data"]))

    async def block(self) -> dict[str, str]:
        """Everything up to the next empty line."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(SOON_S):
            while line := (await self.response.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                if not name:
                    self.comments.append(value)
                elif name == "retry":
                    self.retry = value
                else:
                    fields[name] = value
        return fields

    async def until(self, kind: str) -> Sent:
        while (sent := await self.next()).type != kind:
            pass
        return sent


@asynccontextmanager
async def streaming(house: HubHarness, path: str, *, token: str = "", **headers: str) -> AsyncIterator[Stream]:
    """A room's stream that was let in."""
    sent = {**STREAM, **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
    async with house.http.get(house.url + path, headers=sent) as response:
        assert response.status == 200, await response.read()
        yield Stream(response)


class Plain:
    """A client of the plain WebSocket: acks by id, events in the order they came."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.seen: list[dict[str, Any]] = []

    async def command(self, name: str, **data: Any) -> dict[str, Any]:
        id = uuid.uuid4().hex
        await self.ws.send_json({"id": id, "command": name, "data": data})
        return await self.ack(id)

    async def ack(self, id: Any) -> dict[str, Any]:
        while True:
            message = await self._message()
            if "event" in message:
                self.seen.append(message)
            else:
                assert message["ack"] == id, message
                return message

    async def event(self) -> dict[str, Any]:
        """The next message that is an event: `{cursor, event}`."""
        if self.seen:
            return self.seen.pop(0)
        message = await self._message()
        assert "event" in message, message
        return message

    async def closed(self) -> int | None:
        """The code it is closed with."""
        async with asyncio.timeout(SOON_S):
            while not (await self.ws.receive()).type & aiohttp.WSMsgType.CLOSED or not self.ws.closed:
                pass
        return self.ws.close_code

    async def _message(self) -> dict[str, Any]:
        async with asyncio.timeout(SOON_S):
            message: dict[str, Any] = await self.ws.receive_json()
            return message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.close()


async def plain(house: HubHarness, *, token: str = "", **options: Any) -> Plain:
    """A plain WebSocket that was let in."""
    path = f"/ws?token={token}" if token.count(".") == 1 else "/ws"
    headers = {"Authorization": f"Bearer {token}"} if token.count(".") == 2 else {}
    headers |= options.pop("headers", {})
    return Plain(await house.http.ws_connect(house.url + path, headers=headers, **options))
