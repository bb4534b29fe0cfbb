"""The Socket.IO door as a stock client finds it, over a WebSocket and by polling."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web

from hub.config import Limits
from hub.domain.errors import Unauthorized
from hub.domain.rooms import KITCHEN, Room
from hub.fanout.frames import Frame
from hub.fanout.origins import Connections, Origins
from hub.fanout.server import Accepted, Answer, Handshake, Server
from hub.fanout.session import Session
from hub.fanout.socket import Closed

from .conftest import House

ADDRESS = "203.0.113.7"


class Hub:
    """A server with a small gateway: `say`, `echo`, `wait`, `join`, `fail`."""

    def __init__(self, house: House | None = None, origins: tuple[str, ...] = (), **options: Any) -> None:
        limits = {key: options.pop(key) for key in tuple(options) if key in Limits.model_fields}
        self.house = house
        self.sessions: list[Session] = []
        self.left: list[str] = []
        self.done: list[Any] = []
        self.changed = asyncio.Condition()
        self.server = Server(
            limits=Limits(_env_file=None, **limits),  # type: ignore[call-arg]
            origins=Origins(origins),
            connections=Connections(limits.get("connections", 200)),
            address=lambda request: ADDRESS,
            on_connect=self.on_connect,
            on_command=self.on_command,
            on_disconnect=self.on_disconnect,
            **options,
        )
        self.url = ""

    async def on_connect(self, handshake: Handshake, auth: Mapping[str, Any]) -> Accepted:
        assert handshake.address == ADDRESS
        if auth.get("token") == "wrong":
            raise Unauthorized("that token is not valid")
        if auth.get("token") == "broken":
            raise ZeroDivisionError
        return Accepted(state=dict(auth), welcome={"branch": "centro"}, cursor="abcd1234-7")

    async def on_command(
        self, session: Session, name: str, payload: Any
    ) -> tuple[Answer, Callable[[], None] | None]:
        if session not in self.sessions:
            self.sessions.append(session)
        if name == "wait":
            await asyncio.sleep(0.02)
        if name == "fail":
            raise ZeroDivisionError("the secret recipe")
        if name == "join":
            assert self.house is not None
            joined = await self.house.join(session, Room.parse(payload["room"]))  # type: ignore[arg-type]
            return {"ok": True, "cursor": str(joined.view.cursor)}, joined.release
        self.done.append((name, payload))
        return json.dumps({"ok": True, "data": payload}), None

    def on_disconnect(self, session: Session) -> None:
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

    def __init__(self) -> None:
        self.sio = socketio.AsyncClient(reconnection=False, handle_sigint=False)
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
    client = Client()
    await client.sio.connect(hub.url, transports=transports, auth=auth or {"token": "t"}, wait_timeout=5)
    try:
        yield client
    finally:
        await client.sio.disconnect()


TRANSPORTS = pytest.mark.parametrize(
    "transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids=["websocket", "polling", "upgraded"]
)


@TRANSPORTS
async def test_a_client_is_welcomed_before_anything_else(transports: list[str]) -> None:
    async with serve(Hub()) as hub, connected(hub, transports) as client:
        assert await client.hears(1) == [("hub.welcome", {"branch": "centro"}, "abcd1234-7")]


@TRANSPORTS
async def test_commands_are_carried_out_and_answered_in_the_clients_order(transports: list[str]) -> None:
    async with serve(Hub()) as hub, connected(hub, transports) as client:
        answers: list[int] = []
        all_in = asyncio.Event()

        def answered(answer: Any) -> None:
            answers.append(answer["data"]["n"])
            if len(answers) == 20:
                all_in.set()

        for n in range(20):
            await client.sio.emit("wait" if n % 3 == 0 else "echo", {"n": n}, callback=answered)
        async with asyncio.timeout(10):
            await all_in.wait()
        assert answers == list(range(20))
        assert [payload["n"] for _, payload in hub.done] == list(range(20))


@TRANSPORTS
async def test_a_joins_answer_comes_before_the_rooms_events(house: House, transports: list[str]) -> None:
    async with serve(Hub(house)) as hub, connected(hub, transports) as client:
        stop = asyncio.Event()

        async def keep_talking() -> None:
            while not stop.is_set():
                await house.say(KITCHEN)

        talking = asyncio.create_task(keep_talking())
        heard_before: list[int] = []

        def answered(answer: Any) -> None:
            heard_before.append(len(client.heard))
            client.heard.append(("answer", answer["cursor"]))
            client.changed.set()

        await client.hears(1)
        await client.sio.emit("join", {"room": "kitchen"}, callback=answered)
        heard = await client.hears(20)
        stop.set()
        await talking
        assert heard_before == [1]
        cursor = int(heard[1][1].partition("-")[2])
        offsets = [event["offset"] for name, event, *_ in heard[2:]]
        assert offsets == list(range(cursor + 1, cursor + 1 + len(offsets)))
        assert heard[2][2] == f"{house.log.highest.epoch}-{cursor + 1}"
