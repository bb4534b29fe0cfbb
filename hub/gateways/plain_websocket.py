"""The plain WebSocket gateway: the same commands and events, for clients that speak no Socket.IO."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from hub.config.limit_settings import ConnectionLimits
from hub.core.errors import BadRequest, Forbidden, Unauthorized
from hub.domain.roles import Principal
from hub.gateways.command_session import CommandContext, CommandSession
from hub.gateways.peer import ADDRESS, PRINCIPAL
from hub.gateways.plain_connection import PlainConnection
from hub.gateways.route_table import Route, Tag
from hub.gateways.streams import Streams
from hub.gateways.text_conversation import ConversationContext, TextConversation
from hub.relay.relay import Relay
from hub.services.auth.api_keys import KEY_PREFIX
from hub.services.chats.chat_service import ChatService
from hub.socketio import tcp
from hub.socketio.aiohttp_internals import Arrivals, TakenOver
from hub.socketio.heartbeats import Heartbeats
from hub.socketio.origins import Origins
from hub.socketio.websocket import WebSocket
from hub.socketio.websocket_handshake import accept, is_websocket

PING_INTERVAL_S = 25.0
PING_TIMEOUT_S = 12.5


class WebSocketGateway:
    """Serves `/ws`."""

    def __init__(
        self,
        relay: Relay,
        context: CommandContext,
        chat: ChatService,
        origins: Origins,
        streams: Streams,
        limits: ConnectionLimits,
    ) -> None:
        self._relay = relay
        self._context = context
        self._conversations = ConversationContext(relay, context.joins, context.access, chat)
        self._origins = origins
        self._streams = streams
        self._message_bytes = limits.message_bytes
        self._heartbeats = Heartbeats(PING_INTERVAL_S, PING_TIMEOUT_S)
        self._arrivals = Arrivals()
        self._connected = context.metrics.connections.labels("websocket")

    def routes(self) -> list[Route]:
        """Return the route of the plain WebSocket."""
        return [
            Route(
                method="GET",
                path="/ws",
                handler=self.serve,
                tag=Tag.ROOMS,
                summary="Open a plain WebSocket",
                status=101,
                head=False,
                described=False,
            )
        ]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a WebSocket's handshake; its connection lives on without the request."""
        if not self._origins.allow_request(request):
            raise Forbidden("this page may not connect here; see COMANDA_ORIGINS")
        address = request[ADDRESS]
        self._streams.open.admit(address)
        try:
            commands = CommandSession(self._context, await self._principal(request), address)
            accepted = _accept(request)
            transport = request.transport
            if transport is None:  # gone meanwhile
                raise BadRequest("the connection is gone")
        except BaseException:
            self._streams.open.release(address)
            raise
        tcp.set_keepalive(transport)
        connection = PlainConnection(self._streams, self._heartbeats, commands, address, self._closed, self._converse)
        self._streams.opened(connection)
        self._connected.inc()
        opened = self._streams.open
        websocket = WebSocket(transport, connection, self._arrivals, self._message_bytes, opened)
        opened.transport_opened(websocket)
        early = websocket.begin(request, accepted)
        connection.begin(websocket)
        if early:
            websocket.data_received(early)
        return TakenOver()

    def _converse(self, connection: PlainConnection) -> TextConversation:
        def unsent_bytes() -> int:
            return connection.unsent_bytes

        return TextConversation(self._conversations, connection.commands, connection.buffer.send, unsent_bytes)

    def _closed(self, connection: PlainConnection) -> None:
        self._connected.dec()
        self._relay.leave_all(connection.id)

    async def _principal(self, request: web.Request) -> Principal:
        """Return the principal that connects.

        A page's WebSocket carries no headers, so `?token=` may be any token here, also one of staff.

        Raises:
            Unauthorized: The token is not valid.
        """
        token = request.query.get("token")
        if token and token.startswith(KEY_PREFIX):
            raise Unauthorized("send an API key in the header Authorization, not in the address")
        shown = await self._context.access.principal(token) if token else request[PRINCIPAL]
        known = request[PRINCIPAL]
        return replace(shown, address=known.address, caller=known.caller) if shown.is_staff else known


def _accept(request: web.Request) -> bytes:
    try:
        if is_websocket(request):
            return accept(request)
    except web.HTTPBadRequest:
        pass
    raise BadRequest("this is not the handshake of a WebSocket")
