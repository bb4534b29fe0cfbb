"""One answer of the agent as a plain stream of tokens, for programs that want nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from hub.domain.commands import ChatTurn, Keyed, OpenChat, SendChat, Token
from hub.domain.errors import BadRequest
from hub.domain.values import Id
from hub.gateways.answer_stream import AnswerStreams, as_data
from hub.gateways.conversation import MOST_MESSAGES, read_conversation
from hub.gateways.peer import PRINCIPAL
from hub.services.access import Access
from hub.services.chat import ChatService


class Conversation(Keyed):
    """What the caller sends: the conversation so far, the question last.

    Attributes:
        chat_id: A chat that goes on: it has its own memory, and of the messages the last one alone counts.
        token: What opens that chat.
    """

    messages: Annotated[tuple[ChatTurn, ...], Field(min_length=1, max_length=MOST_MESSAGES)]
    chat_id: Id | None = None
    token: Token | None = None


class TokenStream:
    """`POST /api/chat/stream`: `data: {"token": …}` for each piece, then `data: [DONE]`."""

    def __init__(self, answers: AnswerStreams, access: Access, chat: ChatService) -> None:
        self._answers = answers
        self._access = access
        self._chat = chat

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/chat/stream", self.stream)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        asked = Conversation.model_validate(await read_conversation(request))
        *earlier, last = asked.messages
        if last.role != "user" or not last.content:
            raise BadRequest("the last message is the user's question", field="messages")
        principal = await self._access.with_capability(request[PRINCIPAL], asked.token)
        chat_id, headers = asked.chat_id, {}
        if chat_id is None:
            opened = await self._chat.open(principal, OpenChat(command_id=asked.command_id), said=earlier)
            chat_id, headers = opened["chat_id"], {"X-Chat-Token": opened["token"]}
            principal = await self._access.with_capability(principal, opened["token"])
        question = SendChat(chat_id=chat_id, text=last.content, command_id=asked.command_id)
        return await self._answers.ask(request, principal, question, _Tokens(), {"X-Chat-Id": chat_id, **headers})


class _Tokens:
    """The words of this door."""

    def begin(self, _turn_id: str) -> bytes:
        return b""

    def text(self, text: str) -> bytes:
        return as_data({"token": text})

    def discard(self, _attempt: int) -> bytes:
        return as_data({"discard": True})

    def event(self, _type: str, _data: dict[str, Any]) -> bytes:
        return b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        return as_data({"error": data["error"]}) if type_ == "chat.failed" else b""

    def refuse(self, code: str, message: str) -> bytes:
        return as_data({"error": {"code": code, "message": message}})
