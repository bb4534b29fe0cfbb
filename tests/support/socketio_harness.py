"""The Socket.IO server with a small gateway behind it, and clients that connect to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import socketio
from aiohttp import web

from hub.core.errors import Unauthorized
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.handler import Accepted, Answer
from hub.socketio.limits import ServerLimits
from hub.socketio.origins import Origins
from hub.socketio.server import SocketIoServer
from hub.socketio.session import Session
from hub.socketio.siblings import Siblings
from tests.support.relay_harness import RelayHarness

ADDRESS = "203.0.113.7"


class Hub:
    """A server with a small gateway: `echo`, `wait`, `join`, `fail`, and `late_…`."""

    def __init__(
        self,
        house: RelayHarness | None = None,
        origins: tuple[str, ...] = (),
        connections: int = 200,
        siblings: Siblings | None = None,
        **limits: Any,
    ) -> None:
        self.house = house
        self.sessions: list[Session] = []
        self.left: list[str] = []
        self.done: list[Any] = []
        self.late, self.go_on = asyncio.Event(), asyncio.Event()
        self.server = SocketIoServer(
            self,
            ServerLimits(**limits),
            Origins(origins),
            ConnectionCounter(connections),
            address=lambda request: ADDRESS,
            siblings=siblings,
        )
        self.url = ""

    async def connect(self, session: Session, auth: Mapping[str, Any]) -> Accepted:
        assert session.address == ADDRESS
        if auth.get("token") == "wrong":
            raise Unauthorized("that token is not valid")
        if auth.get("token") == "broken":
            raise ZeroDivisionError
        session.attach_state(dict(auth))
        return Accepted(welcome={"branch": "centro"}, cursor="abcd1234-7", begin=lambda: None)

    async def command(self, session: Session, name: str, payload: Any) -> tuple[Answer, Callable[[], None] | None]:
        if session not in self.sessions:
            self.sessions.append(session)
        if name == "wait":
            await asyncio.sleep(0.02)
        if name == "fail":
            raise ZeroDivisionError("the secret recipe")
        if name.startswith("late_"):
            self.late.set()
            await self.go_on.wait()
        if name.endswith("join"):
            assert self.house is not None
            joined = await self.house.join(session, payload["room"])
            return {"ok": True, "cursor": str(joined.view.cursor)}, joined.release
        self.done.append((name, payload))
        return json.dumps({"ok": True, "data": payload}), None

    def disconnected(self, session: Session) -> None:
        self.left.append(session.id)
        if self.house is not None:
            self.house.relay.leave_all(session.id)


@asynccontextmanager
async def serve(hub: Hub) -> AsyncIterator[Hub]:
    app = web.Application()
    hub.server.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hub
    finally:
        await hub.server.close_all()
        await runner.cleanup()


class Client:
    """A stock client that keeps everything it gets, in order."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.sio = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=http)
        self.heard: list[tuple[Any, ...]] = []
        self.changed = asyncio.Event()
        self.sio.on("*", self._on)
        self.sio.on("disconnect", self._gone)
        self.gone = asyncio.Event()

    def _on(self, event: str, *args: Any) -> None:
        self.heard.append((event, *args))
        self.changed.set()

    def _gone(self, *_: Any) -> None:
        self.gone.set()

    async def hears(self, count: int) -> list[tuple[Any, ...]]:
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.heard


@asynccontextmanager
async def connected(
    hub: Hub, transports: list[str] | None = None, auth: dict[str, Any] | None = None
) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        client = Client(http)
        await client.sio.connect(hub.url, transports=transports, auth=auth or {"token": "t"}, wait_timeout=5)
        try:
            yield client
        finally:
            await client.sio.disconnect()


@asynccontextmanager
async def raw(hub: Hub, connect: str | None = "40", **options: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket that speaks the protocol by hand, let in unless `connect` is None."""
    url = f"{hub.url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, **options) as ws:
        assert (await ws.receive_str())[0] == "0"
        if connect is not None:
            await ws.send_str(connect)
            assert (await ws.receive_str())[:2] == "40"
            assert (await ws.receive_str()).startswith('42["hub.welcome",')
        yield ws


async def closing(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code the server closed with, once it has."""
    async with asyncio.timeout(10):
        while (await ws.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            pass
    return ws.close_code


async def poller(hub: Hub, http: aiohttp.ClientSession) -> str:
    """A connection that polls; the address to poll at."""
    url = f"{hub.url}/socket.io/?EIO=4&transport=polling"
    async with http.get(url) as response:
        return f"{url}&sid={json.loads((await response.text())[1:])['sid']}"
