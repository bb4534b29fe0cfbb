"""OpenAI's chat completions, for every client that can talk to a model: the agent is the model `comanda`.

Source: OpenAI's API reference, "chat completions" and "models".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from hub.core.errors import BadRequest, Conflict, LimitReached, NotFound
from hub.domain.commands import OpenChat, SendChat
from hub.domain.roles import ANONYMOUS, Principal
from hub.domain.values import CommandId, Flag, as_text
from hub.gateways.openai_errors import UnknownModel, Unsupported
from hub.gateways.peer import PRINCIPAL
from hub.gateways.responses.completion_format import MODEL, ChunkFormat, Completion, OpenAiAnswer, WholeFormat
from hub.gateways.responses.conversation_body import MAX_BYTES, MAX_MESSAGES, read_conversation
from hub.gateways.responses.responder import Responder
from hub.gateways.route_table import ErrorShape, Route, Tag
from hub.services.auth.access import Access
from hub.services.chats.chat_service import ChatService

CONVERSATION = "Comanda-Conversation"
_MAX_NAME = 256  # characters of a conversation's name
_CREATED = 1_767_225_600  # Unix time that the model's description has; it means nothing
# Fields that would change what an answer is, with the values that mean "as usual".
_AS_USUAL: Mapping[str, tuple[object, ...]] = {
    "n": (None, 1),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "response_format": (None, {"type": "text"}),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "stop": (None, "", []),
    "web_search_options": (None,),
}


class _OpenAi(BaseModel):
    """A part of OpenAI's contract, which grows: unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ContentPart(_OpenAi):
    """A part of a message. Only texts are read."""

    type: str
    text: str = ""


class CompletionInput(_OpenAi):
    """A message of the conversation, as the client keeps it."""

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: str | tuple[ContentPart, ...] | None = None

    @property
    def text(self) -> str:
        """The text of the message.

        Raises:
            Unsupported: It holds something else as well.
        """
        if isinstance(self.content, str):
            return self.content
        for part in self.content or ():
            if part.type != "text":
                raise Unsupported(f"the agent reads text only, and no {part.type[:40]}", field="messages")
        return "\n".join(part.text for part in self.content or ())


class StreamOptions(_OpenAi):
    """How to stream."""

    include_usage: Flag | None = False


class CompletionRequest(_OpenAi):
    """The body of a request. The last message is the question; the hub's own chat remembers those before it."""

    model: Annotated[str, Field(max_length=256)]
    messages: Annotated[tuple[CompletionInput, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: Flag | None = False
    stream_options: StreamOptions | None = None
    user: Annotated[str, Field(max_length=_MAX_NAME)] | None = None
    command_id: CommandId | None = None


class ModelCard(OpenAiAnswer):
    """A model, as it is listed."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int = _CREATED
    owned_by: str = MODEL


class ModelList(OpenAiAnswer):
    """All models: the agent."""

    object: Literal["list"] = "list"
    data: tuple[ModelCard, ...] = (ModelCard(),)


class ChatCompletions:
    """`POST /v1/chat/completions`, `GET /v1/models` and `GET /v1/models/{model}`."""

    def __init__(self, responder: Responder, access: Access, chat: ChatService, clock: Callable[[], datetime]) -> None:
        self._responder = responder
        self._access = access
        self._chat = chat
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the three routes."""
        return [
            Route(
                method="POST",
                path="/v1/chat/completions",
                handler=self.complete,
                tag=Tag.ANSWERS,
                summary="Ask, and read the answer as OpenAI's chat completion, whole or as a stream",
                body=CompletionRequest,
                answer=Completion,
                bare=True,
                errors=(NotFound, Conflict, LimitReached),
                max_body_bytes=MAX_BYTES,
                streams_on_request=True,
                error_shape=ErrorShape.OPENAI,
            ),
            Route(
                method="GET",
                path="/v1/models",
                handler=self.models,
                tag=Tag.ANSWERS,
                summary="List the models, as OpenAI does: there is one",
                answer=ModelList,
                bare=True,
                error_shape=ErrorShape.OPENAI,
            ),
            Route(
                method="GET",
                path="/v1/models/{model}",
                handler=self.model,
                tag=Tag.ANSWERS,
                summary="Show a model, as OpenAI does",
                answer=ModelCard,
                bare=True,
                errors=(NotFound,),
                error_shape=ErrorShape.OPENAI,
            ),
        ]

    async def models(self, _request: web.Request) -> web.Response:
        """Answer with all models."""
        return web.json_response(text=ModelList().model_dump_json())

    async def model(self, request: web.Request) -> web.Response:
        """Answer with one model."""
        _require_model(request.match_info["model"])
        return web.json_response(text=ModelCard().model_dump_json())

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Ask the last question of a conversation, in the hub's chat of that conversation."""
        body = await read_conversation(request)
        asked = CompletionRequest.model_validate(body)
        _require_model(asked.model)
        _require_usual(body)
        text = _question(asked)
        principal, chat_id, conversation = await self._conversation(request, asked)
        question = SendChat(chat_id=chat_id, text=text, command_id=asked.command_id)
        created, headers = int(self._clock().timestamp()), {CONVERSATION: conversation}
        if asked.stream:
            include_usage = bool(asked.stream_options and asked.stream_options.include_usage)
            format_ = ChunkFormat(created, include_usage)
            return await self._responder.ask(request, principal, question, format_, headers)
        whole = WholeFormat()
        await self._responder.collect(request, principal, question, whole)
        if whole.refused is not None:
            raise Conflict(whole.refused)
        return web.json_response(text=whole.completion(created).model_dump_json(), headers=headers)

    async def _conversation(self, request: web.Request, asked: CompletionRequest) -> tuple[Principal, str, str]:
        """Find the chat of the conversation that a request names, or open one.

        Returns:
            The principal, who may ask in it; the chat's id; and what the header names it by next time.

        Raises:
            NotFound: The header names no conversation, and the caller has no key to scope the name to.
        """
        principal, named = request[PRINCIPAL], request.headers.get(CONVERSATION, "")
        shown, _ = self._access.shown(ANONYMOUS, named)
        if shown.chats:
            return await self._access.holding(principal, (), shown.chats), next(iter(shown.chats)), named
        if named and not principal.id:
            raise NotFound(f"the header {CONVERSATION} is none that this hub has given")
        name = named or asked.user or ""
        known = _chat_id(principal, name) if principal.id and name else None
        command_id = asked.command_id if known is None else None
        opened = await self._chat.open(principal, OpenChat(command_id=command_id), chat_id=known)
        return await self._access.holding(principal, (), (opened.chat_id,)), opened.chat_id, opened.token


def _chat_id(principal: Principal, name: str) -> str:
    """Return the id of the chat that a credential calls by a name; the same name of another credential is another."""
    return "v1-" + hashlib.sha256(f"{principal.id}\0{name}".encode(errors="surrogateescape")).hexdigest()[:40]


def _require_model(name: str) -> None:
    if name != MODEL:
        raise UnknownModel(f"the model {name[:80]!r} does not exist; the agent is {MODEL!r}", field="model")


def _require_usual(body: Mapping[str, Any]) -> None:
    """Refuse what would change the answer and is not there. Settings of sampling are ignored."""
    for field, usual in _AS_USUAL.items():
        if body.get(field) not in usual:
            raise Unsupported(f"{field} is not supported: the agent gives one answer, in plain text", field=field)


def _question(asked: CompletionRequest) -> str:
    last = asked.messages[-1]
    if last.role != "user":
        raise BadRequest("the last message is the user's question", field="messages")
    if not (text := as_text(last.text).strip()):
        raise BadRequest("the last message has no text", field="messages")
    return text
