"""One answer of the agent as a stream of its own, in whatever words the door speaks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from hub.domain.commands import JoinRoom, SendChat, StopChat
from hub.domain.roles import Principal
from hub.domain.rooms import Cursor, Room
from hub.fanout.entries import Joined
from hub.fanout.relay import Relay
from hub.gateways.departure import close_after, watch
from hub.gateways.event_source import HEADERS
from hub.gateways.joining import Joining
from hub.gateways.outbox import Outbox, Outboxes, write_out
from hub.gateways.sse import HEARTBEAT_S
from hub.gateways.telling import DONE, Telling, Words
from hub.services.chat import ChatService
from hub.services.views import RoomViews


class AnswerStreams:
    """Asks in a chat, or comes back to an answer under way, and streams it to its end.

    A reader that leaves does not stop the answer: it goes on in the room.
    """

    def __init__(self, relay: Relay, joining: Joining, views: RoomViews, chat: ChatService, outboxes: Outboxes) -> None:
        self._relay = relay
        self._joining = joining
        self._views = views
        self._chat = chat
        self._outboxes = outboxes

    async def ask(
        self, request: web.Request, principal: Principal, question: SendChat, words: Words, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Say something in the chat and stream what the agent answers.

        A question that is asked again under its `command_id` has the answer that it had, from its first word.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
            RateLimited: Enough questions are waiting already.
        """
        telling = Telling(words)
        # In the room before the question is: no token can be missed.
        async with self._in_room(request, principal, question.chat_id, telling) as (outbox, joined):
            sent = await self._chat.send(principal, question)
            if sent["turn_id"] is None:
                outbox.put(words.refuse("conflict", "a person answers in this chat") + DONE)
            else:
                asked = Cursor.parse(sent["cursor"]).offset
                outbox.put(telling.begin(sent["turn_id"], joined.view, asked=asked))
            joined.release()
            return await _stream(request, outbox, headers)

    async def resume(
        self, request: web.Request, principal: Principal, chat_id: str, words: Words, headers: dict[str, str]
    ) -> web.StreamResponse:
        """The answer under way in a chat, from its first word; 204 if there is none.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
        """
        telling = Telling(words)
        async with self._in_room(request, principal, chat_id, telling) as (outbox, joined):
            turn_id = _under_way(joined.view.snapshot)
            if turn_id is None:
                return web.Response(status=204)
            outbox.put(telling.begin(turn_id, joined.view))
            joined.release()
            return await _stream(request, outbox, headers)

    async def stop(self, principal: Principal, chat_id: str) -> str | None:
        """End the answer under way in a chat, where it stands.

        Returns:
            Its turn; None if there is none.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
        """
        view = await self._views.read(Room.chat(chat_id))
        turn_id = _under_way(view.snapshot)
        if turn_id is not None:
            await self._chat.stop(principal, StopChat(chat_id=chat_id, turn_id=turn_id))
        return turn_id

    @asynccontextmanager
    async def _in_room(
        self, request: web.Request, principal: Principal, chat_id: str, telling: Telling
    ) -> AsyncIterator[tuple[Outbox, Joined]]:
        """In a chat's room, with all its events held back until `release()`."""
        with self._outboxes.of(request, "answer", telling.encode) as outbox:
            try:
                joined, _ = await self._joining.join(outbox, principal, JoinRoom(room=str(Room.chat(chat_id))))
                yield outbox, joined
            finally:
                self._relay.leave_all(outbox.id)


def _under_way(snapshot: dict[str, Any]) -> str | None:
    """The turn that is being answered in a chat, else the one that is next."""
    turn, waiting = snapshot.get("turn"), snapshot.get("waiting") or (None,)
    turn_id: str | None = turn["turn_id"] if turn is not None else waiting[0]
    return turn_id


async def _stream(request: web.Request, outbox: Outbox, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers={**HEADERS, **headers})
    close_after(response)
    with suppress(ConnectionError):  # the reader is gone
        await response.prepare(request)
        watch(request, outbox.close)
        while (waiting := await outbox.take(HEARTBEAT_S)) is not None:
            await write_out(response, b"".join(waiting) or b": still here\n\n")
            if waiting and waiting[-1].endswith(DONE):
                break
    return response


def as_data(value: dict[str, Any]) -> bytes:
    """One server-sent event without a name."""
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
