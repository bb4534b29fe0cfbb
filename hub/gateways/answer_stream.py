"""One answer of the agent as a stream of its own, in whatever words the door speaks."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Protocol

from aiohttp import web

from hub.domain.commands import JoinRoom, SendChat
from hub.domain.roles import Principal
from hub.domain.rooms import Room
from hub.fanout.frames import ROOM_RESET, Frame
from hub.fanout.relay import Relay
from hub.gateways.joining import Joining
from hub.gateways.outbox import Outbox, Outboxes, write_out
from hub.gateways.sse import HEADERS, HEARTBEAT_S
from hub.services.chat import ChatService

DONE = b"data: [DONE]\n\n"
_ENDINGS = frozenset({"chat.completed", "chat.stopped", "chat.failed"})


class Words(Protocol):
    """How a door words an answer: each method gives whole server-sent events, or nothing."""

    def begin(self, turn_id: str, text: str) -> bytes:
        """The answer begins; `text` is what there is of it already."""

    def event(self, type_: str, data: dict[str, Any]) -> bytes:
        """Something happened in this turn."""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """The turn is over: completed, stopped or failed."""

    def refuse(self, code: str, message: str) -> bytes:
        """There will be no answer."""


class AnswerStreams:
    """Asks in a chat, or comes back to an answer under way, and streams it to its end.

    A reader that leaves does not stop the answer: it goes on in the room.
    """

    def __init__(self, relay: Relay, joining: Joining, chat: ChatService, outboxes: Outboxes) -> None:
        self._relay = relay
        self._joining = joining
        self._chat = chat
        self._outboxes = outboxes

    async def ask(
        self,
        request: web.Request,
        principal: Principal,
        chat_id: str,
        question: str,
        words: Words,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        """Say something in the chat and stream what the agent answers.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
            RateLimited: Enough questions are waiting already.
        """
        answer = _Answer(words)
        with self._outboxes.of(request, "answer", answer.encode) as outbox:
            try:
                # In the room before the question is: no token can be missed.
                joined, _ = await self._joining.join(outbox, principal, JoinRoom(room=str(Room.chat(chat_id))))
                sent = await self._chat.send(principal, SendChat(chat_id=chat_id, text=question))
                if sent["turn_id"] is None:
                    outbox.put(words.refuse("conflict", "a person answers in this chat") + DONE)
                else:
                    answer.turn_id = sent["turn_id"]
                    outbox.put(words.begin(answer.turn_id, ""))
                joined.release()
                return await _stream(request, outbox, headers)
            finally:
                self._relay.leave_all(outbox.id)

    async def resume(
        self, request: web.Request, principal: Principal, chat_id: str, words: Words, headers: dict[str, str]
    ) -> web.StreamResponse:
        """The answer under way in a chat, from its first word; 204 if there is none.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
        """
        answer = _Answer(words)
        with self._outboxes.of(request, "answer", answer.encode) as outbox:
            try:
                joined, _ = await self._joining.join(outbox, principal, JoinRoom(room=str(Room.chat(chat_id))))
                turn = joined.view.snapshot.get("turn")
                if turn is None:
                    return web.Response(status=204)
                answer.turn_id = turn["turn_id"]
                outbox.put(words.begin(turn["turn_id"], turn["text"]))
                joined.release()
                return await _stream(request, outbox, headers)
            finally:
                self._relay.leave_all(outbox.id)


async def _stream(request: web.Request, outbox: Outbox, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers={**HEADERS, **headers})
    await response.prepare(request)
    with suppress(ConnectionError):  # the reader is gone
        while (waiting := await outbox.take(HEARTBEAT_S)) is not None:
            await write_out(response, b"".join(waiting) or b": still here\n\n")
            if waiting and waiting[-1].endswith(DONE):
                break
    return response


class _Answer:
    """Picks one turn out of a chat room's events."""

    def __init__(self, words: Words) -> None:
        self.turn_id = ""
        self._words = words

    def encode(self, frame: Frame) -> bytes:
        if not frame.type.startswith(("chat.", ROOM_RESET)):
            return b""
        data = json.loads(frame.body)["data"]
        if frame.type == ROOM_RESET:  # the log lost its tail, and perhaps the answer with it
            turn = data["snapshot"].get("turn")
            return DONE if turn is None or turn["turn_id"] != self.turn_id else b""
        if data.get("turn_id") != self.turn_id:
            return b""
        if frame.type in _ENDINGS:
            return self._words.end(frame.type, data) + DONE
        return self._words.event(frame.type, data)


def as_data(value: dict[str, Any]) -> bytes:
    """One server-sent event without a name."""
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
