"""One answer of the agent for a browser's EventSource: `GET /stream?prompt=`, resumable."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from hub.core.errors import BadRequest, LimitReached, NotFound, TooLarge
from hub.domain.commands import OpenChat, SendChat
from hub.domain.roles import ANONYMOUS
from hub.domain.values import as_text
from hub.gateways.peer import PRINCIPAL
from hub.gateways.query import Text
from hub.gateways.responses.answer_stream import DONE
from hub.gateways.responses.responder import Responder, as_data
from hub.gateways.responses.token_stream import TokenFormat
from hub.gateways.route_table import EVENT_STREAM, Route, Tag
from hub.services.auth.access import Access
from hub.services.auth.tokens import Tokens
from hub.services.chats.chat_service import ChatService

_PROMPT = Text("prompt")
_TOKEN = Text("token")
_LAST_EVENT_ID = "Last-Event-ID"
_OVER = {204: "The answer is over, and the reader has all of it"}
_DIGEST_CHARS = 8
_POSITION = re.compile(r"([\w.-]+):([\w-]*):(?:(\d{1,7})-([0-9a-f]{8})|end)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """A reader's place in an answer, as the `id` of an event.

    Attributes:
        token: The capability of the chat. An EventSource sends nothing else when it comes back.
        turn_id: Empty if there was no answer.
        chars: The characters of the answer that the reader has; None: it has everything.
        digest: Tells if they are still those of the answer, which may have begun anew.
    """

    token: str
    turn_id: str
    chars: int | None = None
    digest: str = ""

    @classmethod
    def at(cls, token: str, turn_id: str, text: str) -> Self:
        """Return the place behind this much of an answer."""
        return cls(token, turn_id, len(text), _digest(text))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a place.

        Raises:
            BadRequest: The text is none.
        """
        found = _POSITION.fullmatch(text)
        if found is None:
            raise BadRequest(f"{_LAST_EVENT_ID} is none that this hub has sent", field=_LAST_EVENT_ID)
        token, turn_id, chars, digest = found.groups()
        return cls(token, turn_id, int(chars) if chars else None, digest or "")

    def __str__(self) -> str:
        place = "end" if self.chars is None else f"{self.chars}-{self.digest}"
        return f"{self.token}:{self.turn_id}:{place}"

    def had_of(self, text: str) -> str | None:
        """Return the beginning of the answer that the reader has; None if it has another one's."""
        had = text[: self.chars]
        return had if len(had) == self.chars and _digest(had) == self.digest else None


class PositionedTokenFormat(TokenFormat):
    """Words an answer as `{"token": …}` messages, each with the place behind it.

    Args:
        token: The capability of the chat.
    """

    def __init__(self, chat_id: str, token: str) -> None:
        self._chat_id = chat_id
        self._token = token
        self._turn_id = ""
        self._text = ""

    @property
    def done(self) -> bytes:
        """The end, from which nothing is resumed."""
        return self._placed(DONE, Position(self._token, self._turn_id))

    def begin(self, turn_id: str) -> bytes:
        """Return the event that names the chat, and from which on a reader resumes."""
        self._turn_id = turn_id
        return b"event: chat\n" + self._here(as_data({"chat_id": self._chat_id, "token": self._token}))

    def resume(self, position: Position, text: str) -> str | None:
        """Go on from a place in an answer; return what the reader has of its text, None if that is void."""
        self._turn_id = position.turn_id
        had = position.had_of(text)
        self._text = had or ""
        return had

    def text(self, text: str) -> bytes:
        """Return a part of the answer's text."""
        self._text += text
        return self._here(super().text(text))

    def discard(self, attempt: int) -> bytes:
        """Return the notice that the text so far is void because the turn starts again."""
        self._text = ""
        return self._here(super().discard(attempt))

    def _here(self, message: bytes) -> bytes:
        return self._placed(message, Position.at(self._token, self._turn_id, self._text))

    def _placed(self, message: bytes, position: Position) -> bytes:
        return f"id: {position}\n".encode() + message


class PromptStream:
    """`GET /stream?prompt=`."""

    def __init__(self, responder: Responder, access: Access, chat: ChatService, tokens: Tokens) -> None:
        self._responder = responder
        self._access = access
        self._chat = chat
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """Return the route of the stream."""
        return [
            Route(
                method="GET",
                path="/stream",
                handler=self.stream,
                tag=Tag.ANSWERS,
                summary="Ask, and read the answer as a stream of tokens that an EventSource resumes",
                media_type=EVENT_STREAM,
                other_statuses=_OVER,
                query=(_PROMPT, _TOKEN),
                errors=(LimitReached, NotFound, TooLarge),
                head=False,
                event_source=True,
                writes=True,
            )
        ]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Ask, or go on with the answer that the reader has begun to read."""
        if last := request.headers.get(_LAST_EVENT_ID):
            return await self._resume(request, Position.parse(last))
        text = as_text(_PROMPT.read(request) or "").strip()
        if not text:
            raise BadRequest("ask with ?prompt=", field="prompt")
        principal = request[PRINCIPAL]
        # An EventSource gives none, but a front that asks another hub when the first one fails does.
        key = request.headers.get("Idempotency-Key") or None
        if len(principal.chats) == 1:
            chat_id = next(iter(principal.chats))
        else:
            chat_id = (await self._chat.open(principal, OpenChat(command_id=key))).chat_id
            principal = await self._access.holding(principal, (), (chat_id,))
        format_ = PositionedTokenFormat(chat_id, self._tokens.for_chat(chat_id))
        question = SendChat(chat_id=chat_id, text=text, command_id=key)
        return await self._responder.ask(request, principal, question, format_, {})

    async def _resume(self, request: web.Request, position: Position) -> web.StreamResponse:
        if position.chars is None:
            return web.Response(status=204)
        shown, _ = self._access.shown(ANONYMOUS, position.token)
        if not shown.chats:
            raise NotFound("there is no such answer")
        chat_id = next(iter(shown.chats))
        principal = await self._access.holding(request[PRINCIPAL], (), shown.chats)
        format_ = PositionedTokenFormat(chat_id, position.token)

        def had_of(text: str) -> str | None:
            return format_.resume(position, text)

        try:
            return await self._responder.go_on(request, principal, chat_id, position.turn_id, format_, had_of)
        except NotFound:  # the chat is not kept any more, nor is the answer
            return web.Response(status=204)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
