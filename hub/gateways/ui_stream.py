"""The door for the AI SDK's `useChat`: its UI message stream, version 1, resumable.

Source: the AI SDK's page on stream protocols, "data stream protocol".
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from hub.domain.commands import OpenChat
from hub.domain.errors import BadRequest, NotFound
from hub.domain.roles import Principal
from hub.domain.values import Prose
from hub.gateways.answer_stream import AnswerStreams, as_data
from hub.gateways.http import read_json
from hub.gateways.peer import PRINCIPAL
from hub.services.access import Access
from hub.services.chat import ChatService

_HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
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


class Submitted(_Foreign):
    """What `useChat` posts: the conversation as it has it, the question last."""

    id: ChatName
    messages: Annotated[tuple[UiMessage, ...], Field(min_length=1, max_length=200)]


class Question(_Foreign):
    text: Prose


class UiStream:
    """`POST /api/chat` and `GET /api/chat/{id}/stream`."""

    def __init__(self, answers: AnswerStreams, access: Access, chat: ChatService) -> None:
        self._answers = answers
        self._access = access
        self._chat = chat

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/chat", self.submit), web.get("/api/chat/{id}/stream", self.resume, allow_head=False)]

    async def submit(self, request: web.Request) -> web.StreamResponse:
        submitted = Submitted.model_validate(await read_json(request))
        last = submitted.messages[-1]
        if last.role != "user":
            raise BadRequest("the last message is the user's question", field="messages")
        text = "\n".join(part.text for part in last.parts if part.type == "text")
        question = Question(text=text)
        opened = await self._chat.open(request[PRINCIPAL], OpenChat(), chat_id=_chat_id(submitted.id))
        principal = await self._with(request, opened["token"])
        return await self._answers.ask(request, principal, opened["chat_id"], question.text, _Chunks(), _HEADERS)

    async def resume(self, request: web.Request) -> web.StreamResponse:
        chat_id = _chat_id(request.match_info["id"])
        principal = await self._with(request, self._chat.token(chat_id))
        try:
            return await self._answers.resume(request, principal, chat_id, _Chunks(), _HEADERS)
        except NotFound:  # a page that has just been opened asks before anything was said
            return web.Response(status=204)

    async def _with(self, request: web.Request, token: str) -> Principal:
        return await self._access.with_capability(request[PRINCIPAL], token)


def _chat_id(name: str) -> str:
    """The chat that goes by a client's own name for it; apart from all that were opened otherwise."""
    return "ui-" + hashlib.sha256(name.encode()).hexdigest()[:40]


class _Chunks:
    """The words of this door."""

    _TEXT = "answer"

    def begin(self, turn_id: str, text: str) -> bytes:
        chunks = [
            {"type": "start", "messageId": turn_id},
            {"type": "start-step"},
            {"type": "text-start", "id": self._TEXT},
        ]
        if text:
            chunks.append({"type": "text-delta", "id": self._TEXT, "delta": text})
        return b"".join(map(as_data, chunks))

    def event(self, type_: str, data: dict[str, Any]) -> bytes:
        match type_:
            case "chat.delta":
                return as_data({"type": "text-delta", "id": self._TEXT, "delta": data["text"]})
            case "chat.tool_called":
                said = {"toolName": data["tool"], "input": {"summary": data["summary"]}, "dynamic": True}
                return as_data({"type": "tool-input-available", "toolCallId": data["call_id"], **said})
            case "chat.tool_finished":
                output = {"ok": data["ok"], "summary": data["summary"]}
                called = {"toolCallId": data["call_id"], "dynamic": True}
                return as_data({"type": "tool-output-available", **called, "output": output})
            case "chat.step":
                step = {"state": data["state"], "text": data["text"]}
                return as_data({"type": "data-step", "id": data["step"], "data": step})
            case "chat.tracking_started":
                link = {"code": data["code"], "url": data["tracking"]["url"]}
                return as_data({"type": "data-tracking", "id": data["order_id"], "data": link})
            case _:
                return b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        if type_ == "chat.failed":
            return as_data({"type": "error", "errorText": data["error"]["message"]})
        chunks = [{"type": "text-end", "id": self._TEXT}, {"type": "finish-step"}, {"type": "finish"}]
        return b"".join(map(as_data, chunks))

    def refuse(self, _code: str, message: str) -> bytes:
        return as_data({"type": "error", "errorText": message})
