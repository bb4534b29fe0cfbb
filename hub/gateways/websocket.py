"""The plain WebSocket door: the same commands and events, for whatever speaks no Socket.IO."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from hub.config import Limits
from hub.domain.errors import BadRequest, RateLimited
from hub.fanout.frames import Frame
from hub.fanout.origins import Connections, Origins
from hub.fanout.relay import Relay
from hub.gateways.answers import refused
from hub.gateways.caller import Caller, Desk
from hub.gateways.outbox import Outbox
from hub.gateways.peer import ADDRESS, PRINCIPAL

logger = structlog.get_logger(__name__)

_HEARTBEAT_S = 25.0


class WebSocketDoor:
    """`/ws`: `{"id", "command", "data"}` in; `{"ack", "ok", …}` and `{"cursor", "event"}` out."""

    def __init__(self, relay: Relay, desk: Desk, origins: Origins, connections: Connections, limits: Limits) -> None:
        self._relay = relay
        self._desk = desk
        self._origins = origins
        self._connections = connections
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ws", self.serve)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if not self._origins.allow_request(request):
            raise BadRequest("this page may not connect here; see COMANDA_ORIGINS")
        if not self._connections.take(request[ADDRESS]):
            raise RateLimited("too many connections from this address", retry_after_s=5)
        try:
            return await self._serve(request)
        finally:
            self._connections.give_back(request[ADDRESS])

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=self._limits.message_bytes, compress=False)
        await ws.prepare(request)
        outbox = Outbox(f"ws:{uuid.uuid4().hex}", _encode, self._limits.unsent_bytes)
        caller = Caller(self._desk, request[PRINCIPAL])
        with self._desk.metrics.connections.labels("websocket").track_inprogress():
            writing = asyncio.create_task(self._write(outbox, ws))
            try:
                await self._read(caller, outbox, ws)
            finally:
                self._relay.leave_all(outbox.id)
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
        return ws

    async def _read(self, caller: Caller, outbox: Outbox, ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                await ws.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text only")
                return
            ack, then = await self._answer(caller, outbox, message.data)
            outbox.put(json.dumps(ack, ensure_ascii=False).encode())
            if then is not None:
                then()

    async def _answer(self, caller: Caller, outbox: Outbox, text: str) -> tuple[dict[str, Any], Any]:
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            return {"ack": None, **refused(BadRequest("a message is one JSON object"))}, None
        unknown = asked.keys() - {"id", "command", "data"}
        if unknown:
            return {"ack": asked.get("id"), **refused(BadRequest(f"unknown field {sorted(unknown)[0]!r}"))}, None
        ack, then = await caller.answer(outbox, asked.get("command"), asked.get("data", {}))
        return {"ack": asked.get("id"), **ack}, then

    async def _write(self, outbox: Outbox, ws: web.WebSocketResponse) -> None:
        while (waiting := await outbox.take(_HEARTBEAT_S)) is not None:
            for message in waiting:
                await ws.send_frame(message, WSMsgType.TEXT)
        logger.info("member.closed_slow", member=outbox.id)
        await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"unsent")


def _encode(frame: Frame) -> bytes:
    return frame.websocket.encode()
