"""One plain WebSocket: commands in, acks and events out, on a transport taken over from the HTTP server."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from hub.core.errors import BadRequest
from hub.domain.roles import Principal
from hub.gateways.command_session import CommandSession, Then
from hub.gateways.envelope import refused
from hub.gateways.streams import Streams, new_member_id
from hub.gateways.text_conversation import TextConversation
from hub.relay.frames import Frame, utf8_frame
from hub.socketio.buffered_member import BufferedMember
from hub.socketio.close_reason import CloseReason
from hub.socketio.heartbeats import Heartbeats
from hub.socketio.inbox import Inbox, Item
from hub.socketio.send_buffer import SendBuffer
from hub.socketio.websocket import WebSocket

_MAX_ID_CHARS = 256  # it is returned unchanged
_WEBSOCKET_FRAME: Callable[[Frame], bytes] = attrgetter("websocket_frame")
# Close codes that differ from Socket.IO's: staff whose rights have ended may reconnect with other rights.
_CODES = {CloseReason.ATTACHMENT: 1003, CloseReason.SERVER: 1012}


class PlainConnection(BufferedMember):
    """A member of rooms that gives commands: `{"id", "command", "data"}` in, `{"ack", …}` and `{"event", …}` out.

    If its first message does not begin with a brace, it is a conversation in text instead, to its end.

    Args:
        converse: Begins the conversation of a connection.
        on_closed: Called once, when it is closed and no command of it is under way any more.

    Attributes:
        id: Its id as a member of rooms.
        address: The client's address, as it is counted.
        commands: Carries out its commands.
        closed: It is over.
    """

    __slots__ = (
        "_busy",
        "_conversation",
        "_converse",
        "_has_commands",
        "_heartbeats",
        "_inbox",
        "_on_closed",
        "_streams",
        "_websocket",
        "address",
        "buffer",
        "closed",
        "commands",
        "id",
    )

    def __init__(
        self,
        streams: Streams,
        heartbeats: Heartbeats,
        commands: CommandSession,
        address: str,
        on_closed: Callable[[PlainConnection], None],
        converse: Callable[[PlainConnection], TextConversation],
    ) -> None:
        self.id = new_member_id("ws")
        self.address = address
        self.commands = commands
        self.closed = False
        self.buffer = SendBuffer(streams.unsent_bytes, _WEBSOCKET_FRAME, self)
        self._streams = streams
        self._heartbeats = heartbeats
        self._on_closed = on_closed
        self._websocket: WebSocket | None = None
        self._inbox: Inbox | None = None
        self._busy = False  # a command is under way
        self._converse = converse
        self._conversation: TextConversation | None = None
        self._has_commands = False  # its first message has come, and began with a brace

    @property
    def principal(self) -> Principal:
        """The principal as it was when the connection was accepted."""
        return self.commands.principal

    def begin(self, websocket: WebSocket) -> None:
        """Use this WebSocket."""
        self._websocket = websocket
        self.buffer.attach(websocket.transport, direct=True)
        self._heartbeats.schedule(self)

    # Lifetime

    def ping(self) -> None:
        """Send a ping."""
        if self._websocket is not None:
            self._websocket.ping()

    def pong_missing(self) -> None:
        """Close the connection: its client has answered no ping in time."""
        self.close(CloseReason.NO_PONG)

    def overflowed(self) -> None:
        """Close the connection: its client does not read what it is sent."""
        self.close(CloseReason.UNSENT)

    def write_failed(self) -> None:
        """Close the connection: its transport is gone."""
        self.close(CloseReason.CLIENT)

    def close(self, reason: CloseReason, code: int | None = None) -> None:
        """End the connection.

        Args:
            code: The close code, if it is not the reason's own.
        """
        if self.closed:
            return
        self.closed = True
        self._heartbeats.forget(self)
        self._hang_up()
        self.buffer.close()
        if self._websocket is not None:
            if reason is CloseReason.UNSENT:
                self._websocket.abort()  # a close frame would wait behind bytes that the client does not read
            else:
                self._websocket.close(code or _CODES.get(reason, reason.code), reason.encode())
        self._streams.closed(self, reason)
        if not self._busy:
            self._on_closed(self)

    # The handler of the WebSocket

    def text_received(self, text: str) -> None:
        """Handle a text message."""
        self._enqueue(text)

    def binary_received(self, data: bytes) -> None:
        """Handle a binary message."""
        self._enqueue(data)

    def pong_received(self) -> None:
        """Handle the answer to a ping."""
        if not self.closed:
            self._heartbeats.schedule(self)

    def protocol_violated(self, code: int) -> None:
        """Handle a violation of the WebSocket protocol, which has this close code."""
        self._enqueue(code)

    def pause_writing(self) -> None:
        """Count every message from now on: the transport has much unsent."""
        self.buffer.pause()

    def resume_writing(self) -> None:
        """Note that the transport has sent most of what it had."""
        self.buffer.resume()

    def disconnected(self) -> None:
        """Note that the connection is lost."""
        self.buffer.resume()
        self._hang_up()
        self._enqueue(None)

    # Commands

    def _enqueue(self, item: Item) -> None:
        """Handle an item after those that came before it."""
        if self.closed:
            return
        if self._inbox is None:
            if item is None:
                return self.close(CloseReason.CLIENT)
            assert self._websocket is not None
            self._inbox = Inbox(self, self._websocket)
            self._streams.open.spawn(self._inbox.run())
        self._inbox.put(item)

    def inbox_emptied(self) -> None:
        """Use another inbox for what arrives from now on."""
        self._inbox = None

    async def handle(self, item: Item) -> None:
        """Handle one item that has arrived."""
        if isinstance(item, str):
            await self.buffer.drained()
            if not self.closed:
                await self._message(item)
        elif isinstance(item, bytes):
            self.close(CloseReason.ATTACHMENT)
        elif item is None:
            self.close(CloseReason.CLIENT)
        else:
            self.close(CloseReason.of_violation(item), item)

    def _hang_up(self) -> None:
        if self._conversation is not None:
            self._conversation.hang_up()

    async def _message(self, text: str) -> None:
        if not self._has_commands and self._conversation is None:
            if text.lstrip().startswith("{"):
                self._has_commands = True
            else:
                self._conversation = self._converse(self)
        if self._conversation is None:
            await self._command(text)
        else:
            await self._conversation.ask(text)

    async def _command(self, text: str) -> None:
        with self._streams.open.answering(self):
            self._busy = True
            try:
                ack, then = await self._answer(text)
            finally:
                self._busy = False
                if self.closed:  # now, and not before the wait: the command may have joined a room meanwhile
                    self._on_closed(self)
            # An id with a lone surrogate is returned as it came: escaped.
            self.buffer.send(utf8_frame(json.dumps(ack, ensure_ascii=False).encode(errors="backslashreplace")))
            if then is not None:
                then()

    async def _answer(self, text: str) -> tuple[dict[str, Any], Then | None]:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        id, error = _check(message)
        if error is not None:
            # Counted like a command: the rate limit applies first, then the frame is refused.
            ack, then = await self.commands.answer(self, None, None)
            return {"ack": id, **(ack if ack["error"]["retryable"] else refused(error))}, then
        ack, then = await self.commands.answer(self, message.get("command"), message.get("data", {}))
        return {"ack": id, **ack}, then


def _check(message: Any) -> tuple[int | str | None, BadRequest | None]:
    """Return a message's id, as far as it has one, and what is wrong with the message."""
    if not isinstance(message, dict):
        return None, BadRequest("a message is one JSON object")
    id = message.get("id")
    if isinstance(id, bool) or not isinstance(id, int | str | None):
        return None, BadRequest("an id is a whole number or a text", field="id")
    if isinstance(id, str) and len(id) > _MAX_ID_CHARS:
        return None, BadRequest(f"an id has at most {_MAX_ID_CHARS} characters", field="id")
    unknown = message.keys() - {"id", "command", "data"}
    return id, BadRequest(f"unknown field {sorted(unknown)[0]!r}") if unknown else None
