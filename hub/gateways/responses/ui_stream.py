"""The AI SDK's UI message stream for `useChat`, version 1, resumable.

Source: the AI SDK's page on stream protocols, "data stream protocol".
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from hub.core.errors import BadRequest, LimitReached, NotFound
from hub.domain.answers import Answer
from hub.domain.commands import ChatTurn, OpenChat, SendChat
from hub.domain.values import CommandId, as_text
from hub.gateways.envelope import answer
from hub.gateways.peer import PRINCIPAL
from hub.gateways.responses.answer_stream import AnswerFormat
from hub.gateways.responses.conversation_body import MAX_BYTES, MAX_MESSAGES, read_conversation
from hub.gateways.responses.responder import Responder, as_data
from hub.gateways.route_table import EVENT_STREAM, Route, Tag
from hub.services.auth.access import Access
from hub.services.chats.chat_service import ChatService

_HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
_NONE_UNDER_WAY = {204: "No answer is under way"}
_RESTARTED = "data-restarted"
_WHY = {"chat.stopped": "stopped", "chat.failed": "failed"}  # a call has no outcome
_MAX_CHARS = 65_536  # of any message

Chunk = dict[str, Any]
# The client chooses the chat's id, and everybody who knows it can enter the chat: it must not be guessable.
ChatName = Annotated[str, Field(min_length=12, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class _Foreign(BaseModel):
    """A part of the AI SDK's contract, which may grow: unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(_Foreign):
    """A part of a message; only those of type `text` are read."""

    type: str
    text: str = ""


class UiMessage(_Foreign):
    """One message of the conversation, as `useChat` keeps it."""

    role: Literal["user", "assistant", "system"]
    parts: tuple[Part, ...] = ()

    @property
    def text(self) -> str:
        """The message's text, without the text that a later attempt of the answer voided."""
        texts: list[str] = []
        for part in self.parts:
            if part.type == _RESTARTED:
                texts.clear()
            elif part.type == "text":
                texts.append(part.text)
        return "\n".join(texts)

    def remembered(self) -> ChatTurn:
        """Return the message as a part of the earlier conversation, without characters that no message may have."""
        return ChatTurn(role=self.role, content=as_text(self.text)[:_MAX_CHARS])


class Submitted(_Foreign):
    """The body that `useChat` posts: the conversation as it keeps it, the question last."""

    id: ChatName
    messages: Annotated[tuple[UiMessage, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    command_id: CommandId | None = None


class StoppedTurn(Answer):
    """The turn whose answer was stopped."""

    turn_id: str


class UiStream:
    """`POST /api/chat`, and `GET` and `DELETE /api/chat/{id}/stream`."""

    def __init__(self, responder: Responder, access: Access, chat: ChatService) -> None:
        self._responder = responder
        self._access = access
        self._chat = chat

    def routes(self) -> list[Route]:
        """Return the three routes of the UI message stream."""
        return [
            Route(
                method="POST",
                path="/api/chat",
                handler=self.submit,
                tag=Tag.ANSWERS,
                summary="Ask, and read the answer as the AI SDK's UI message stream",
                body=Submitted,
                media_type=EVENT_STREAM,
                errors=(LimitReached,),
                max_body_bytes=MAX_BYTES,
            ),
            Route(
                method="GET",
                path="/api/chat/{id}/stream",
                handler=self.resume,
                tag=Tag.ANSWERS,
                summary="Read the answer under way, as the same stream",
                media_type=EVENT_STREAM,
                other_statuses=_NONE_UNDER_WAY,
                head=False,
            ),
            Route(
                method="DELETE",
                path="/api/chat/{id}/stream",
                handler=self.stop,
                tag=Tag.ANSWERS,
                summary="Stop the answer under way",
                answer=StoppedTurn,
                other_statuses=_NONE_UNDER_WAY,
            ),
        ]

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Ask the last question of a conversation, in a new chat if it has none, and stream the answer."""
        submitted = Submitted.model_validate(await read_conversation(request))
        *earlier, last = submitted.messages
        if last.role != "user":
            raise BadRequest("the last message is the user's question", field="messages")
        chat_id = _chat_id(submitted.id)
        question = SendChat(chat_id=chat_id, text=last.text, command_id=submitted.command_id)
        reported = [message.remembered() for message in earlier]
        opened = await self._chat.open(request[PRINCIPAL], OpenChat(), chat_id=chat_id, earlier=reported)
        principal = await self._access.holding(request[PRINCIPAL], (), (opened.chat_id,))
        return await self._responder.ask(request, principal, question, UiMessageFormat(), _HEADERS)

    async def resume(self, request: web.Request) -> web.StreamResponse:
        """Stream the answer under way; answer 204 if there is none."""
        chat_id = _chat_id(request.match_info["id"])
        principal = await self._access.holding(request[PRINCIPAL], (), (chat_id,))
        try:
            return await self._responder.resume(request, principal, chat_id, UiMessageFormat(), _HEADERS)
        except NotFound:  # a page that has just been opened asks before anything was said
            return web.Response(status=204)

    async def stop(self, request: web.Request) -> web.Response:
        """Stop the answer under way; answer 204 if there is none."""
        chat_id = _chat_id(request.match_info["id"])
        principal = await self._access.holding(request[PRINCIPAL], (), (chat_id,))
        try:
            turn_id = await self._responder.stop(principal, chat_id)
        except NotFound:
            turn_id = None
        return web.Response(status=204) if turn_id is None else answer(StoppedTurn(turn_id=turn_id))


def _chat_id(name: str) -> str:
    """Return the id of the chat that a client calls by this name; chats that were opened otherwise have other ids."""
    return "ui-" + hashlib.sha256(name.encode()).hexdigest()[:40]


class UiMessageFormat(AnswerFormat):
    """Words an answer as chunks of the UI message stream."""

    def __init__(self) -> None:
        self._texts = 1
        self._calls: dict[str, bool] = {}  # the tool calls that were sent; True while one is still open

    @property
    def _text(self) -> str:
        """The text part that is being written."""
        return "answer" if self._texts == 1 else f"answer-{self._texts}"

    def begin(self, turn_id: str) -> bytes:
        """Return what opens the stream of a turn."""
        return _chunks({"type": "start", "messageId": turn_id}, {"type": "start-step"}, self._begin_text())

    def text(self, text: str) -> bytes:
        """Return a part of the answer's text."""
        return as_data({"type": "text-delta", "id": self._text, "delta": text})

    def discard(self, attempt: int) -> bytes:
        """Return the notice that the text so far is void because the turn starts again."""
        ended, gone = self._end_text(), self._text
        self._texts += 1
        restarted = {"type": _RESTARTED, "id": self._text, "data": {"attempt": attempt, "discard": gone}}
        return _chunks(ended, restarted, self._begin_text())

    def event(self, type_: str, data: dict[str, Any]) -> bytes:
        """Return an event within the turn."""
        match type_:
            case "chat.started":
                return _chunks(*self._close_calls("interrupted"))
            case "chat.tool_called":
                return _chunks(self._called(data))
            case "chat.tool_finished":
                called = [] if data["call_id"] in self._calls else [self._called(data)]
                return _chunks(*called, self._finished(data))
            case "chat.step":
                step = {"state": data["state"], "text": data["text"]}
                return as_data({"type": "data-step", "id": data["step"], "data": step})
            case "chat.tracking_started":
                link = {"code": data["code"], "url": data["tracking"]["url"]}
                return as_data({"type": "data-tracking", "id": data["order_id"], "data": link})
            case _:
                return b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """Return what closes the stream after the turn's last event."""
        closed = [*self._close_calls(_WHY.get(type_, "interrupted")), self._end_text()]
        if type_ == "chat.failed":
            return _chunks(*closed, {"type": "error", "errorText": data["error"]["message"]})
        return _chunks(*closed, {"type": "finish-step"}, {"type": "finish"})

    def refuse(self, _code: str, message: str) -> bytes:
        """Return the error that replaces an answer."""
        return as_data({"type": "error", "errorText": message})

    def _begin_text(self) -> Chunk:
        return {"type": "text-start", "id": self._text}

    def _end_text(self) -> Chunk:
        return {"type": "text-end", "id": self._text}

    def _called(self, data: dict[str, Any]) -> Chunk:
        self._calls[data["call_id"]] = True
        called = {"toolCallId": data["call_id"], "toolName": data["tool"], "dynamic": True}
        return {"type": "tool-input-available", **called, "input": {"summary": data["summary"]}}

    def _finished(self, data: dict[str, Any]) -> Chunk:
        self._calls[data["call_id"]] = False
        output = {"ok": data["ok"], "summary": data["summary"]}
        return {"type": "tool-output-available", "toolCallId": data["call_id"], "dynamic": True, "output": output}

    def _close_calls(self, why: str) -> list[Chunk]:
        """Return an error for each open tool call: no result will follow, and a page would wait for it for ever."""
        left = [call_id for call_id, still_open in self._calls.items() if still_open]
        self._calls |= dict.fromkeys(left, False)
        return [
            {"type": "tool-output-error", "toolCallId": call_id, "dynamic": True, "errorText": why} for call_id in left
        ]


def _chunks(*chunks: Chunk) -> bytes:
    return b"".join(map(as_data, chunks))
