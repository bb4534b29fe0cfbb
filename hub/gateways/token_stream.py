"""One answer of the agent as a plain stream of tokens, for programs that want nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from hub.domain.commands import ChatTurn, OpenChat
from hub.domain.errors import BadRequest
from hub.domain.values import Id, Value
from hub.gateways.answer_stream import AnswerStreams, as_data
from hub.gateways.http import read_json
from hub.gateways.peer import PRINCIPAL
from hub.services.access import Access
from hub.services.chat import ChatService


class Conversation(Value):
    """What the caller sends: the conversation so far, the question last."""

    messages: Annotated[tuple[ChatTurn, ...], Field(min_length=1, max_length=200)]
    chat_id: Id | None = None


class TokenStream:
    """`POST /api/chat/stream`: `data: {"token": …}` for each piece, then `data: [DONE]`."""

    def __init__(self, answers: AnswerStreams, access: Access, chat: ChatService) -> None:
        self._answers = answers
        self._access = access
        self._chat = chat

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/chat/stream", self.stream)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        asked = Conversation.model_validate(await read_json(request))
        question = asked.messages[-1]
        if question.role != "user":
            raise BadRequest("the last message is the user's question", field="messages")
        principal, chat_id = request[PRINCIPAL], asked.chat_id
        if chat_id is None:
            opened = await self._chat.open(principal, OpenChat())
            chat_id = opened["chat_id"]
            principal = await self._access.with_capability(principal, opened["token"])
        headers = {"X-Chat-Id": chat_id}
        return await self._answers.ask(request, principal, chat_id, question.content, _Tokens(), headers)


class _Tokens:
    """The words of this door."""

    def begin(self, _turn_id: str, text: str) -> bytes:
        return as_data({"token": text}) if text else b""

    def event(self, type_: str, data: dict[str, Any]) -> bytes:
        return as_data({"token": data["text"]}) if type_ == "chat.delta" else b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        return as_data({"error": data["error"]}) if type_ == "chat.failed" else b""

    def refuse(self, code: str, message: str) -> bytes:
        return as_data({"error": {"code": code, "message": message}})
