"""The door for the AI SDK's `useChat`: its UI message stream, version 1, resumable.

Source: the AI SDK's page on stream protocols, "data stream protocol".
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from hub.domain.commands import ChatTurn, OpenChat, SendChat
from hub.domain.errors import BadRequest, NotFound
from hub.domain.roles import Principal
from hub.domain.values import CommandId, as_text
from hub.gateways.answer_stream import AnswerStreams, as_data
from hub.gateways.conversation import MOST_MESSAGES, read_conversation
from hub.gateways.http import answer
from hub.gateways.peer import PRINCIPAL
from hub.services.access import Access
from hub.services.chat import ChatService

_HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
_RESTARTED = "data-restarted"
_WHY = {"chat.stopped": "stopped", "chat.failed": "failed"}  # a call has no outcome
_MOST_CHARS = 65_536  # of any message

Chunk = dict[str, Any]
# The client makes the chat's id up, and whoever knows it is in the chat: it has to be one that nobody guesses.
ChatName = Annotated[str, Field(min_length=12, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class _Foreign(BaseModel):
    """Somebody else's contract, which grows without asking us."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(_Foreign):
    type: str
    text: str = ""


class UiMessage(_Foreign):
    role: Literal["user", "assistant", "system"]
    parts: tuple[Part, ...] = ()

    @property
    def text(self) -> str:
        """What it says, without what was said before an answer began anew in other words."""
        texts: list[str] = []
        for part in self.parts:
            if part.type == _RESTARTED:
                texts.clear()
            elif part.type == "text":
                texts.append(part.text)
        return "\n".join(texts)

    def remembered(self) -> ChatTurn:
        """The message as something that was said before: what no message may have is left out of it."""
        return ChatTurn(role=self.role, content=as_text(self.text)[:_MOST_CHARS])


class Submitted(_Foreign):
    """What `useChat` posts: the conversation as it has it, the question last."""

    id: ChatName
    messages: Annotated[tuple[UiMessage, ...], Field(min_length=1, max_length=MOST_MESSAGES)]
    command_id: CommandId | None = None


class UiStream:
    """`POST /api/chat`, and `GET` and `DELETE /api/chat/{id}/stream`."""

    def __init__(self, answers: AnswerStreams, access: Access, chat: ChatService) -> None:
        self._answers = answers
        self._access = access
        self._chat = chat

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/chat", self.submit),
            web.get("/api/chat/{id}/stream", self.resume, allow_head=False),
            web.delete("/api/chat/{id}/stream", self.stop),
        ]

    async def submit(self, request: web.Request) -> web.StreamResponse:
        submitted = Submitted.model_validate(await read_conversation(request))
        *earlier, last = submitted.messages
        if last.role != "user":
            raise BadRequest("the last message is the user's question", field="messages")
        chat_id = _chat_id(submitted.id)
        question = SendChat(chat_id=chat_id, text=last.text, command_id=submitted.command_id)
        said = [message.remembered() for message in earlier]
        opened = await self._chat.open(request[PRINCIPAL], OpenChat(), chat_id=chat_id, said=said)
        principal = await self._with(request, opened["token"])
        return await self._answers.ask(request, principal, question, _Chunks(), _HEADERS)

    async def resume(self, request: web.Request) -> web.StreamResponse:
        chat_id = _chat_id(request.match_info["id"])
        principal = await self._with(request, self._chat.token(chat_id))
        try:
            return await self._answers.resume(request, principal, chat_id, _Chunks(), _HEADERS)
        except NotFound:  # a page that has just been opened asks before anything was said
            return web.Response(status=204)

    async def stop(self, request: web.Request) -> web.Response:
        chat_id = _chat_id(request.match_info["id"])
        principal = await self._with(request, self._chat.token(chat_id))
        try:
            turn_id = await self._answers.stop(principal, chat_id)
        except NotFound:
            turn_id = None
        return web.Response(status=204) if turn_id is None else answer({"turn_id": turn_id})

    async def _with(self, request: web.Request, token: str) -> Principal:
        return await self._access.with_capability(request[PRINCIPAL], token)


def _chat_id(name: str) -> str:
    """The chat that goes by a client's own name for it; apart from all that were opened otherwise."""
    return "ui-" + hashlib.sha256(name.encode()).hexdigest()[:40]


class _Chunks:
    """The words of this door."""

    def __init__(self) -> None:
        self._texts = 1
        self._calls: dict[str, bool] = {}  # the tool calls that were told, and whether each is still open

    @property
    def _text(self) -> str:
        """The text part that is being written."""
        return "answer" if self._texts == 1 else f"answer-{self._texts}"

    def begin(self, turn_id: str) -> bytes:
        return _chunks({"type": "start", "messageId": turn_id}, {"type": "start-step"}, self._begin_text())

    def text(self, text: str) -> bytes:
        return as_data({"type": "text-delta", "id": self._text, "delta": text})

    def discard(self, attempt: int) -> bytes:
        ended, gone = self._end_text(), self._text
        self._texts += 1
        restarted = {"type": _RESTARTED, "id": self._text, "data": {"attempt": attempt, "discard": gone}}
        return _chunks(ended, restarted, self._begin_text())

    def event(self, type_: str, data: dict[str, Any]) -> bytes:
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
        closed = [*self._close_calls(_WHY.get(type_, "interrupted")), self._end_text()]
        if type_ == "chat.failed":
            return _chunks(*closed, {"type": "error", "errorText": data["error"]["message"]})
        return _chunks(*closed, {"type": "finish-step"}, {"type": "finish"})

    def refuse(self, _code: str, message: str) -> bytes:
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
        """What was called and will not be told of any more: a page would wait for it for ever."""
        left = [call_id for call_id, still_open in self._calls.items() if still_open]
        self._calls |= dict.fromkeys(left, False)
        return [
            {"type": "tool-output-error", "toolCallId": call_id, "dynamic": True, "errorText": why} for call_id in left
        ]


def _chunks(*chunks: Chunk) -> bytes:
    return b"".join(map(as_data, chunks))
