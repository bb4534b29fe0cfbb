"""Asks the agent over HTTP and streams its answer, in any of the formats."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from aiohttp import web

from hub.core.cursor import Cursor
from hub.core.errors import Unavailable
from hub.domain.answers.chat_answers import ChatSnapshot
from hub.domain.commands import JoinRoom, SendChat, StopChat
from hub.domain.roles import Principal
from hub.domain.rooms import Room
from hub.gateways.event_source import HEADERS
from hub.gateways.joins import Joins
from hub.gateways.responses.answer_stream import AnswerFormat, AnswerStream, chat_of
from hub.gateways.sse import HEARTBEAT_S
from hub.gateways.streams import QueuedStream, Streams, write_out
from hub.relay.join import Join
from hub.relay.relay import Relay
from hub.services.chats.chat_service import ChatService
from hub.services.room_views import RoomView, RoomViews
from hub.socketio.aiohttp_internals import watch_disconnect


class Responder:
    """Sends a question to a chat, or returns to an answer under way, and streams the answer to its end.

    A reader that disconnects does not stop the answer: it goes on in the room.
    """

    def __init__(self, relay: Relay, joins: Joins, views: RoomViews, chat: ChatService, streams: Streams) -> None:
        self._relay = relay
        self._joins = joins
        self._views = views
        self._chat = chat
        self._streams = streams

    async def ask(
        self,
        request: web.Request,
        principal: Principal,
        question: SendChat,
        format_: AnswerFormat,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        """Send a question to a chat and stream the agent's answer.

        A question that is repeated under its `command_id` gets the answer that it had, from the first word.

        Raises:
            NotFound: There is no such chat, or the caller may not read it.
            RateLimited: Too many questions are waiting in this chat.
        """
        stream = AnswerStream(format_)
        async with self._asked(request, principal, question, stream) as reader:
            return await _stream(request, reader, stream, headers)

    async def collect(
        self, request: web.Request, principal: Principal, question: SendChat, format_: AnswerFormat
    ) -> None:
        """Send a question to a chat, and wait until the format has been given the whole answer.

        Raises:
            NotFound, RateLimited: As in `ask`.
            Unavailable: The process stops, or the reader takes nothing; the answer goes on in the room.
        """
        stream = AnswerStream(format_)
        async with self._asked(request, principal, question, stream) as reader:
            while not stream.over:
                if await reader.take(HEARTBEAT_S) is None:
                    raise Unavailable("the hub stops; the answer goes on in its conversation")

    async def resume(
        self, request: web.Request, principal: Principal, chat_id: str, format_: AnswerFormat, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Stream the answer under way in a chat, from its first word; answer 204 if there is none.

        Raises:
            NotFound: There is no such chat, or the caller may not read it.
        """
        stream = AnswerStream(format_)
        async with self._in_room(request, principal, chat_id, stream) as (reader, joined):
            turn_id = _under_way(chat_of(joined.view))
            if turn_id is None:
                return web.Response(status=204)
            reader.send(stream.begin(turn_id, joined.view))
            joined.release()
            return await _stream(request, reader, stream, headers)

    async def go_on(
        self,
        request: web.Request,
        principal: Principal,
        chat_id: str,
        turn_id: str,
        format_: AnswerFormat,
        had_of: Callable[[str], str | None],
    ) -> web.StreamResponse:
        """Stream what a reader lacks of an answer; answer 204 if it has everything, or the answer is not kept.

        Args:
            had_of: As in `AnswerStream.resume`.

        Raises:
            NotFound: There is no such chat, or the caller may not read it.
        """
        stream = AnswerStream(format_)
        async with self._in_room(request, principal, chat_id, stream) as (reader, joined):
            snapshot = chat_of(joined.view)
            if not _is_unread(snapshot, turn_id, had_of):
                return web.Response(status=204)
            reader.send(stream.resume(turn_id, joined.view, had_of))
            joined.release()
            return await _stream(request, reader, stream, {})

    async def stop(self, principal: Principal, chat_id: str) -> str | None:
        """Stop the answer under way in a chat.

        Returns:
            The id of its turn; None if there is none.

        Raises:
            NotFound: There is no such chat, or the caller may not read it.
        """
        view = await self._views.read(Room.chat(chat_id))
        turn_id = _under_way(chat_of(view))
        if turn_id is not None:
            await self._chat.stop(principal, StopChat(chat_id=chat_id, turn_id=turn_id))
        return turn_id

    @asynccontextmanager
    async def _asked(
        self, request: web.Request, principal: Principal, question: SendChat, stream: AnswerStream
    ) -> AsyncIterator[QueuedStream]:
        """Send a question; the answer's messages come to the reader."""
        # The reader is in the room before the question: no token can be missed.
        async with self._in_room(request, principal, question.chat_id, stream) as (reader, joined):
            # Without an id, a question that is posted again asks for another answer: no repeat of the first.
            sent = await self._chat.send(replace(principal, caller=""), question)
            if sent.turn_id is None:
                reader.send(stream.refuse("conflict", "a person answers in this chat"))
            else:
                asked = Cursor.parse(sent.cursor).offset
                reader.send(stream.begin(sent.turn_id, joined.view, question_offset=asked))
            joined.release()
            yield reader

    @asynccontextmanager
    async def _in_room(
        self, request: web.Request, principal: Principal, chat_id: str, stream: AnswerStream
    ) -> AsyncIterator[tuple[QueuedStream, Join[RoomView]]]:
        """Join a chat's room. Its events are held back until `release()`."""
        with self._streams.queued(request, stream.encode) as reader:
            try:
                joined, _ = await self._joins.join(reader, principal, JoinRoom(room=str(Room.chat(chat_id))))
                yield reader, joined
            finally:
                self._relay.leave_all(reader.id)


def _is_unread(snapshot: ChatSnapshot, turn_id: str, had_of: Callable[[str], str | None]) -> bool:
    """Return True if a reader lacks something of an answer, which may be still to come."""
    if turn_id in snapshot.waiting or (snapshot.turn is not None and snapshot.turn.turn_id == turn_id):
        return True
    said = next((message for message in snapshot.messages if message.turn_id == turn_id), None)
    return said is not None and (said.state == "failed" or had_of(said.text) != said.text)


def _under_way(snapshot: ChatSnapshot) -> str | None:
    """Return the id of the turn that is being answered in a chat, or else of the next one."""
    if snapshot.turn is not None:
        return snapshot.turn.turn_id
    return next(iter(snapshot.waiting), None)


async def _stream(
    request: web.Request, reader: QueuedStream, stream: AnswerStream, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={**HEADERS, **headers})
    response.force_close()
    with suppress(ConnectionError):  # the reader is gone
        await response.prepare(request)
        watch_disconnect(request, reader.disconnected)
        while (waiting := await reader.take(HEARTBEAT_S)) is not None:
            over = stream.over  # now, and not after the wait: then the end may wait behind what is written here
            await write_out(response, b"".join(waiting) or b": still here\n\n")
            if over:
                break
    return response


def as_data(value: dict[str, Any]) -> bytes:
    """Return one server-sent event without a name."""
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
