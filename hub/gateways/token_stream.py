"""One answer of the agent as a plain stream of tokens, for programs that want nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from hub.domain.commands import ChatTurn, JoinRoom, OpenChat, SendChat
from hub.domain.errors import BadRequest
from hub.domain.rooms import Room
from hub.domain.values import Id, Value
from hub.fanout.frames import ROOM_RESET, Frame
from hub.fanout.relay import Relay
from hub.gateways.http import read_json
from hub.gateways.joining import Joining
from hub.gateways.outbox import Outbox, Outboxes
from hub.gateways.peer import PRINCIPAL
from hub.gateways.sse import HEADERS, HEARTBEAT_S
from hub.services.access import Access
from hub.services.chat import ChatService

_DONE = b"data: [DONE]\n\n"
_ENDINGS = {"chat.completed", "chat.stopped", "chat.failed"}


class Conversation(Value):
    """What the caller sends: the conversation so far, the question last."""

    messages: Annotated[tuple[ChatTurn, ...], Field(min_length=1, max_length=200)]
    chat_id: Id | None = None


class TokenStream:
    """`POST /api/chat/stream`: `data: {"token": …}` for each piece, then `data: [DONE]`."""

    def __init__(self, relay: Relay, joining: Joining, access: Access, chat: ChatService, outboxes: Outboxes) -> None:
        self._relay = relay
        self._joining = joining
        self._access = access
        self._chat = chat
        self._outboxes = outboxes

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/chat/stream", self.stream)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        asked = Conversation.model_validate(await read_json(request))
        if asked.messages[-1].role != "user":
            raise BadRequest("the last message is the user's question", field="messages")
        answer = _Answer()
        with self._outboxes.of(request, "tokens", answer.encode) as outbox:
            return await self._stream(request, asked, answer, outbox)

    async def _stream(
        self, request: web.Request, asked: Conversation, answer: _Answer, outbox: Outbox
    ) -> web.StreamResponse:
        principal, chat_id = request[PRINCIPAL], asked.chat_id
        if chat_id is None:
            opened = await self._chat.open(principal, OpenChat())
            chat_id = opened["chat_id"]
            principal = await self._access.with_capability(principal, opened["token"])
        try:
            # In the room before the question is: no token can be missed.
            joined = await self._joining.join(outbox, principal, JoinRoom(room=str(Room.chat(chat_id))))
            sent = await self._chat.send(principal, SendChat(chat_id=chat_id, text=asked.messages[-1].content))
            answer.turn_id = sent["turn_id"]
            joined.release()
            response = web.StreamResponse(headers={**HEADERS, "X-Chat-Id": chat_id})
            await response.prepare(request)
            with suppress(ConnectionError):  # the reader is gone; the answer goes on without it
                await self._write(outbox, answer, response)
            return response
        finally:
            self._relay.leave_all(outbox.id)

    async def _write(self, outbox: Outbox, answer: _Answer, response: web.StreamResponse) -> None:
        if answer.turn_id is None:
            outbox.put(_as_data({"error": {"code": "conflict", "message": "a person answers in this chat"}}) + _DONE)
        while (waiting := await outbox.take(HEARTBEAT_S)) is not None:
            await response.write(b"".join(waiting) or b": still here\n\n")
            if waiting and waiting[-1].endswith(_DONE):
                return


class _Answer:
    """Picks one turn's text out of the room's events."""

    def __init__(self) -> None:
        self.turn_id: str | None = None

    def encode(self, frame: Frame) -> bytes:
        if not frame.type.startswith(("chat.", ROOM_RESET)):
            return b""
        data = json.loads(frame.body)["data"]
        if frame.type == ROOM_RESET:  # the log lost its tail, and perhaps the answer with it
            turn = data["snapshot"].get("turn")
            return _DONE if turn is None or turn["turn_id"] != self.turn_id else b""
        if data.get("turn_id") != self.turn_id:
            return b""
        if frame.type == "chat.delta":
            return _as_data({"token": data["text"]})
        if frame.type in _ENDINGS:
            return (_as_data({"error": data["error"]}) if frame.type == "chat.failed" else b"") + _DONE
        return b""


def _as_data(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
