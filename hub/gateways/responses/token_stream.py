"""One answer of the agent as a plain stream of tokens, for programs that want nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from hub.core.errors import BadRequest, LimitReached, NotFound
from hub.domain.command import Token
from hub.domain.commands import ChatTurn, Keyed, OpenChat, SendChat
from hub.domain.values import Id
from hub.gateways.peer import PRINCIPAL
from hub.gateways.responses.answer_stream import AnswerFormat
from hub.gateways.responses.conversation_body import MAX_BYTES, MAX_MESSAGES, read_conversation
from hub.gateways.responses.responder import Responder, as_data
from hub.gateways.route_table import EVENT_STREAM, Route, Tag
from hub.services.auth.access import Access
from hub.services.chats.chat_service import ChatService


class Conversation(Keyed):
    """The body of a request: the conversation so far, the question last.

    Attributes:
        chat_id: An existing chat to continue. It has a memory of its own, so only the last message counts.
        token: The capability that opens that chat.
    """

    messages: Annotated[tuple[ChatTurn, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    chat_id: Id | None = None
    token: Token | None = None


class TokenStream:
    """`POST /api/chat/stream`: `data: {"token": …}` for each piece, then `data: [DONE]`."""

    def __init__(self, responder: Responder, access: Access, chat: ChatService) -> None:
        self._responder = responder
        self._access = access
        self._chat = chat

    def routes(self) -> list[Route]:
        """Return the route of the token stream."""
        return [
            Route(
                method="POST",
                path="/api/chat/stream",
                handler=self.stream,
                tag=Tag.ANSWERS,
                summary="Ask, and read the answer as a stream of tokens",
                body=Conversation,
                media_type=EVENT_STREAM,
                errors=(LimitReached, NotFound),
                max_body_bytes=MAX_BYTES,
            )
        ]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Ask the last question of a conversation, in a new chat unless the body names one, and stream the answer."""
        asked = Conversation.model_validate(await read_conversation(request))
        *earlier, last = asked.messages
        if last.role != "user" or not last.content:
            raise BadRequest("the last message is the user's question", field="messages")
        principal = await self._access.with_capability(request[PRINCIPAL], asked.token)
        chat_id, headers = asked.chat_id, {}
        if chat_id is None:
            opened = await self._chat.open(principal, OpenChat(command_id=asked.command_id), earlier=earlier)
            chat_id, headers = opened.chat_id, {"X-Chat-Token": opened.token}
            principal = await self._access.holding(principal, (), (chat_id,))
        question = SendChat(chat_id=chat_id, text=last.content, command_id=asked.command_id)
        return await self._responder.ask(request, principal, question, TokenFormat(), {"X-Chat-Id": chat_id, **headers})


class TokenFormat(AnswerFormat):
    """Words an answer as `{"token": …}` messages."""

    def begin(self, _turn_id: str) -> bytes:
        """Return what opens the stream of a turn."""
        return b""

    def text(self, text: str) -> bytes:
        """Return a part of the answer's text."""
        return as_data({"token": text})

    def discard(self, _attempt: int) -> bytes:
        """Return the notice that the text so far is void because the turn starts again."""
        return as_data({"discard": True})

    def event(self, _type: str, _data: dict[str, Any]) -> bytes:
        """Return an event within the turn."""
        return b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """Return what closes the stream after the turn's last event."""
        return as_data({"error": data["error"]}) if type_ == "chat.failed" else b""

    def refuse(self, code: str, message: str) -> bytes:
        """Return the error that replaces an answer."""
        return as_data({"error": {"code": code, "message": message}})
