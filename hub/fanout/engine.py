"""The Engine.IO side: handshakes, polls and upgrades over aiohttp, each within its limits."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import engineio
import structlog
from aiohttp import web

from hub.config import Limits
from hub.domain.errors import RateLimited, Unavailable
from hub.fanout import link
from hub.fanout.closed import Closed
from hub.fanout.farewell import one_by_one
from hub.fanout.frames import text_frame
from hub.fanout.origins import Connections, Origins
from hub.fanout.pings import Pings
from hub.fanout.polling import Polling, ProtocolError, read_body
from hub.fanout.siblings import Siblings
from hub.fanout.socket import OPEN, Socket
from hub.fanout.takeover import HandedOver
from hub.fanout.websocket import NOBODY, Arrivals, WebSocket, accept

logger = structlog.get_logger(__name__)

_PROTOCOL = "4"
_ANSWERS_S = 1.0  # for commands under way when the end comes
_GONE_S = 1.5  # for connections that were closed to be let go of


class Refusal:
    """Why a request is refused, by the codes of the Engine.IO protocol."""

    TRANSPORT_UNKNOWN = (0, "Transport unknown")
    SESSION_UNKNOWN = (1, "Session ID unknown")
    BAD_METHOD = (2, "Bad handshake method")
    BAD_REQUEST = (3, "Bad request")
    FORBIDDEN = (4, "Forbidden")
    BAD_VERSION = (5, "Unsupported protocol version")


class Engine(engineio.AsyncServer):  # type: ignore[misc]  # engineio ships no types
    """python-engineio's server with sockets that are bounded, and nothing that runs once a connection.

    Its own request handling takes any number of connections from an address, reads `X-Forwarded-Host` to tell
    origins, answers 200 to a payload that it throws away, keeps each first request's headers for ever, and hands
    every connection three tasks. What is replaced here is just that; sids, options and routes are its own.

    Attributes:
        on_received, on_ended: Told what a connection says, and when it is over; set by the Socket.IO server.
        closed: How many connections ended, by reason.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        origins: Origins,
        connections: Connections,
        address: Callable[[web.BaseRequest], str],
        siblings: Siblings | None = None,
        **options: Any,
    ) -> None:
        # The logger: a name in the logging tree, and no handler of its own, as it would add with logger=False.
        options |= {"async_mode": "aiohttp", "monitor_clients": False, "logger": logging.getLogger(__name__)}
        super().__init__(max_http_buffer_size=limits.message_bytes or 2**31, **options)
        self.message_bytes = limits.message_bytes
        self.unsent_bytes = limits.unsent_bytes
        self.pings = Pings(self.ping_interval, self.ping_timeout)
        self.closed: Counter[Closed] = Counter()
        self.on_received: Callable[[Socket, str | bytes], Awaitable[None]] | None = None
        self.on_ended: Callable[[Socket], None] | None = None
        self._limits = limits
        self._origins = origins
        self._connections = connections
        self._address = address
        self._siblings = siblings
        self._leaving = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._websockets: set[WebSocket] = set()
        self._arrivals = Arrivals()
        self._let_go = asyncio.Event()  # one of those
        self._receiving: set[Socket] = set()  # something that these have said is being dealt with
        self._parting: set[Socket] = set()  # those of them that are to go when it has been
        self._parted = asyncio.Event()
        self._parted.set()

    def attach(self, app: web.Application, engineio_path: str = "engine.io") -> None:
        # Every method: a wrong one gets the protocol's own answer.
        app.router.add_route("*", f"/{engineio_path.strip('/')}/", self.handle_request)
        app.on_shutdown.append(self._cut_off)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Answer one HTTP request: a handshake, a poll, a post, or a WebSocket for as long as it lives."""
        link.bound(request.transport)
        if not self._origins.allow_request(request):
            return _refuse(Refusal.FORBIDDEN, 403)
        if request.method == "OPTIONS":
            return _respond(request, "")
        if request.query.get("transport") not in self.transports:
            return _refuse(Refusal.TRANSPORT_UNKNOWN)
        if request.query.get("EIO") != _PROTOCOL:
            return _refuse(Refusal.BAD_VERSION)
        sid = request.query.get("sid")
        if sid is None:
            return await self._open(request)
        socket = self.sockets.get(sid)
        if socket is not None:
            return await self._continue(request, socket)
        owner = self._siblings.owner(sid) if self._siblings is not None else None
        return await self._hand_over(request, owner) if owner is not None else _refuse(Refusal.SESSION_UNKNOWN)

    def generate_id(self) -> str:
        own: str = super().generate_id()
        return own if self._siblings is None else self._siblings.prefix + own

    async def shut_all(self, over_s: float = 0) -> None:
        """Close every connection and take no new ones; returns when none is being served, or only what is stuck.

        A command under way is answered first, if its answer does not take too long.

        Args:
            over_s: The closings may be spread over so long.
        """
        self._leaving = True
        async for socket in one_by_one(tuple(self.sockets.values()), over_s):
            if socket in self._receiving:
                self._parting.add(socket)
                self._parted.clear()
            else:
                socket.shut(Closed.SHUTDOWN)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERS_S):
                await self._parted.wait()
        for socket in tuple(self._parting):
            socket.shut(Closed.SHUTDOWN)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GONE_S):
                while self._websockets or self._tasks:
                    self._let_go.clear()
                    await self._let_go.wait()
        for websocket in tuple(self._websockets):
            websocket.abort()

    async def _cut_off(self, _app: web.Application) -> None:
        """The application ends, and with it what its commands need; aiohttp knows nothing of our WebSockets."""
        await self.shut_all()
        stuck = tuple(self._tasks)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

    # What a socket asks of its server

    async def received(self, socket: Socket, data: str | bytes) -> None:
        if self.on_received is None:
            return
        self._receiving.add(socket)
        try:
            await self.on_received(socket, data)
        finally:
            self._receiving.discard(socket)
            if socket in self._parting:
                self._part(socket)

    def _part(self, socket: Socket) -> None:
        """It has its answer, and goes."""
        socket.shut(Closed.SHUTDOWN)
        self._parting.discard(socket)
        if not self._parting:
            self._parted.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task for what a connection says; it has no more than one at a time."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._let_go.set()

    def websocket_lost(self, websocket: WebSocket) -> None:
        self._websockets.discard(websocket)
        self._let_go.set()

    def ended(self, socket: Socket, reason: Closed) -> None:
        self.sockets.pop(socket.sid, None)
        self._connections.give_back(socket.address)
        self.closed[reason] += 1
        if reason is not Closed.CLIENT:
            logger.info("connection.closed", sid=socket.sid, reason=str(reason))
        if self.on_ended is not None:
            self.on_ended(socket)

    # Requests

    async def _open(self, request: web.Request) -> web.StreamResponse:
        """A handshake: a new connection."""
        wants_websocket = request.query["transport"] == "websocket"
        if request.method != "GET":
            return _refuse(Refusal.BAD_METHOD)
        if wants_websocket != _is_websocket(request):
            return _refuse(Refusal.BAD_REQUEST)
        if self._leaving:
            return _error(Unavailable("this process is going away", retry_after_s=1))
        accepted = accept(request) if wants_websocket else b""
        address = self._address(request)
        if not self._connections.take(address):
            return _error(RateLimited("too many connections from this address", retry_after_s=5))
        socket = Socket(self, self.generate_id(), address)
        self.sockets[socket.sid] = socket
        opening = OPEN + json.dumps(self._handshake(socket.sid, request.query["transport"]))
        socket.await_connect(self._limits.connect_s)
        self.pings.rest(socket)
        socket.connected = True
        if wants_websocket:
            return self._begin(socket, request, accepted + text_frame(opening))
        socket.polling = Polling(socket, self.message_bytes)
        socket.send_text(opening)
        return _respond(request, await socket.polling.poll())

    def _handshake(self, sid: str, transport: str) -> dict[str, Any]:
        return {
            "sid": sid,
            "upgrades": self._upgrades(sid, transport),
            "pingInterval": int(self.ping_interval * 1000),
            "pingTimeout": int(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }

    def _upgrades(self, sid: str, transport: str) -> list[str]:
        possible = self.allow_upgrades and transport == "polling" and "websocket" in self.transports
        return ["websocket"] if possible else []

    async def _continue(self, request: web.Request, socket: Socket) -> web.StreamResponse:
        """A request of a connection that there is already."""
        if _is_websocket(request):
            if not self._upgrades(socket.sid, "polling"):
                return _refuse(Refusal.BAD_REQUEST)
            return self._begin(socket, request, accept(request))
        polling = socket.polling
        if polling is None or socket.upgraded or request.query["transport"] != "polling":
            return _refuse(Refusal.BAD_REQUEST)
        try:
            if request.method == "GET":
                return _respond(request, await polling.poll())
            if request.method != "POST":
                return _refuse(Refusal.BAD_REQUEST)
            await polling.post(request)
        except ProtocolError:
            return _refuse(Refusal.BAD_REQUEST)
        return _respond(request, "ok")

    async def _hand_over(self, request: web.Request, owner: int) -> web.StreamResponse:
        """Leave a request to the process that has its session."""
        assert self._siblings is not None
        try:
            body = await read_body(request, self.message_bytes)
        except ProtocolError:
            return _refuse(Refusal.BAD_REQUEST)
        handed = await self._siblings.hand_over(request, body, owner)
        return handed if handed is not None else _refuse(Refusal.SESSION_UNKNOWN)

    def _begin(self, socket: Socket, request: web.Request, first: bytes) -> web.StreamResponse:
        """The connection becomes a WebSocket of ours: the socket's own, or one that may take over from its polls."""
        transport = request.transport
        if transport is None:  # gone meanwhile
            if not socket.polling:
                socket.shut(Closed.CLIENT)
            return HandedOver()
        websocket = WebSocket(transport, socket, self._arrivals, self.message_bytes, self.websocket_lost)
        self._websockets.add(websocket)
        early = websocket.begin(request, first)
        if socket.upgraded or socket.probing:
            # A connection has one WebSocket; another is opened and closed, as the protocol has it, and changes nothing.
            websocket.owned_by(NOBODY)
            websocket.close(Closed.MALFORMED.code, b"")
        elif socket.polling is None:
            socket.move_to(websocket)
        else:
            socket.probe(websocket)
        if early:
            websocket.data_received(early)
        return HandedOver()


def _is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").strip().lower() == "websocket"


def _respond(request: web.Request, payload: str) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    origin = request.headers.get("Origin")
    if origin is not None:  # it has passed the check
        headers |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if request.method == "OPTIONS":
        headers |= {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "600",
        }
    return web.Response(text=payload, headers=headers)


def _refuse(why: tuple[int, str], status: int = 400) -> web.Response:
    return web.json_response({"code": why[0], "message": why[1]}, status=status)


def _error(error: RateLimited | Unavailable) -> web.Response:
    headers = {"Retry-After": str(math.ceil(error.retry_after_s or 1))}
    return web.json_response({"ok": False, "error": error.as_dict()}, status=error.status, headers=headers)
