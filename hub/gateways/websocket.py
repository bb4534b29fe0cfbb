"""The plain WebSocket door: the same commands and events, for whatever speaks no Socket.IO."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from hub.config import Limits
from hub.domain.errors import BadRequest, Forbidden
from hub.domain.roles import Principal
from hub.fanout.frames import Frame
from hub.fanout.origins import Origins
from hub.fanout.relay import Relay
from hub.gateways.answers import refused
from hub.gateways.caller import Caller, Desk
from hub.gateways.masked_websocket import MaskedWebSocket
from hub.gateways.outbox import Outbox, Outboxes
from hub.gateways.peer import ADDRESS, PRINCIPAL

_HEARTBEAT_S = 25.0
_MAX_ID_CHARS = 256  # it goes back as it came


class WebSocketDoor:
    """`/ws`: `{"id", "command", "data"}` in; `{"ack", "ok", …}` and `{"cursor", "event"}` out."""

    def __init__(self, relay: Relay, desk: Desk, origins: Origins, outboxes: Outboxes, limits: Limits) -> None:
        self._relay = relay
        self._desk = desk
        self._origins = origins
        self._outboxes = outboxes
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ws", self.serve, allow_head=False)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if not self._origins.allow_request(request):
            raise Forbidden("this page may not connect here; see COMANDA_ORIGINS")
        with self._outboxes.of(request, "ws", _encode) as outbox:
            return await self._serve(request, outbox)

    async def _serve(self, request: web.Request, outbox: Outbox) -> web.WebSocketResponse:
        limit = self._limits.message_bytes
        too_large = limit and limit + 1  # aiohttp's limit is the first refused
        principal = await self._principal(request)
        request[PRINCIPAL] = principal  # for whoever asks later if they still may read
        ws = MaskedWebSocket(heartbeat=_HEARTBEAT_S, max_msg_size=too_large, compress=False)
        try:
            await ws.prepare(request)
        except web.HTTPBadRequest as exc:
            raise BadRequest("this is not the handshake of a WebSocket") from exc
        caller = outbox.state = Caller(self._desk, principal, request[ADDRESS])
        with self._desk.metrics.connections.labels("websocket").track_inprogress():
            writing = asyncio.create_task(self._write(outbox, ws))
            try:
                await self._read(caller, outbox, ws)
            finally:
                self._relay.leave_all(outbox.id)
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
        return ws

    async def _principal(self, request: web.Request) -> Principal:
        """Return the principal that connects.

        A page's WebSocket carries no headers, so `?token=` may be any token here, also one of staff.

        Raises:
            Unauthorized: The token is not valid.
        """
        token = request.query.get("token")
        shown = await self._desk.access.principal(token) if token else request[PRINCIPAL]
        return replace(shown, address=request[ADDRESS]) if shown.is_staff else request[PRINCIPAL]

    async def _read(self, caller: Caller, outbox: Outbox, ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                await ws.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text only")
                return
            await outbox.answers_away()
            with outbox.answering():
                ack, then = await self._answer(caller, outbox, message.data)
                # An id that is half a character goes back as it came: escaped.
                outbox.put(json.dumps(ack, ensure_ascii=False).encode(errors="backslashreplace"))
                if then is not None:
                    then()

    async def _answer(self, caller: Caller, outbox: Outbox, text: str) -> tuple[dict[str, Any], Any]:
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError):
            asked = None
        id, error = _check(asked)
        if error is not None:
            # Counted like a command: asking for none is refused, by the rate before anything else.
            ack, then = await caller.answer(outbox, None, None)
            return {"ack": id, **(ack if ack["error"]["retryable"] else refused(error))}, then
        ack, then = await caller.answer(outbox, asked.get("command"), asked.get("data", {}))
        return {"ack": id, **ack}, then

    async def _write(self, outbox: Outbox, ws: web.WebSocketResponse) -> None:
        while (waiting := await outbox.take(_HEARTBEAT_S)) is not None:
            for message in waiting:
                await ws.send_frame(message, WSMsgType.TEXT)
        await ws.close(code=WSCloseCode.SERVICE_RESTART, message=b"shutdown")


def _check(asked: Any) -> tuple[int | str | None, BadRequest | None]:
    """A message's id, as far as it has one, and what is wrong with the message."""
    if not isinstance(asked, dict):
        return None, BadRequest("a message is one JSON object")
    id = asked.get("id")
    if isinstance(id, bool) or not isinstance(id, int | str | None):
        return None, BadRequest("an id is a whole number or a text", field="id")
    if isinstance(id, str) and len(id) > _MAX_ID_CHARS:
        return None, BadRequest(f"an id has at most {_MAX_ID_CHARS} characters", field="id")
    unknown = asked.keys() - {"id", "command", "data"}
    return id, BadRequest(f"unknown field {sorted(unknown)[0]!r}") if unknown else None


def _encode(frame: Frame) -> bytes:
    return frame.websocket.encode()
