"""A conversation with the agent over a plain WebSocket, in text: prompts in, the words of their answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hub.core.cursor import Cursor
from hub.core.errors import BadRequest, Unavailable
from hub.domain.commands import JoinRoom, OpenChat, SendChat
from hub.domain.roles import Principal
from hub.domain.rooms import Room
from hub.domain.values import as_text
from hub.gateways.command_session import CommandSession
from hub.gateways.envelope import as_error
from hub.gateways.joins import Joins
from hub.gateways.responses.answer_stream import AnswerFormat, AnswerStream
from hub.gateways.responses.completion_format import RESTARTED
from hub.gateways.streams import new_member_id
from hub.relay.frames import Batch, Frame, utf8_frame
from hub.relay.relay import Relay
from hub.services.auth.access import Access
from hub.services.chats.chat_service import ChatService

_ANSWER_S = 900.0  # for an answer to end: three others may wait before it


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """The parts that all conversations share."""

    relay: Relay
    joins: Joins
    access: Access
    chat: ChatService


class TextFormat(AnswerFormat):
    """Words an answer as text frames of a WebSocket; an empty frame ends it."""

    @property
    def done(self) -> bytes:
        """The empty frame."""
        return utf8_frame(b"")

    def begin(self, _turn_id: str) -> bytes:
        """Return what opens an answer: nothing."""
        return b""

    def text(self, text: str) -> bytes:
        """Return a part of the answer's text."""
        return utf8_frame(text.encode())

    def discard(self, _attempt: int) -> bytes:
        """Return the line behind which the answer begins anew."""
        return self.text(RESTARTED)

    def event(self, _type: str, _data: dict[str, Any]) -> bytes:
        """Return an event within the turn: nothing."""
        return b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """Return the failure of an answer that has failed."""
        return self.refuse(data["error"]["code"], data["error"]["message"]) if type_ == "chat.failed" else b""

    def refuse(self, code: str, message: str) -> bytes:
        """Return the line that replaces an answer, or ends it early."""
        return self.text(f"error {code}: {message}")


class TextConversation:
    """Asks the prompts of one connection in one chat, one after another.

    It is a member of the chat's room while an answer is under way.

    Args:
        commands: Counts the prompts, and knows the principal.
        send: Sends the bytes of frames.
        unsent_bytes: Returns what the connection has not sent yet.

    Attributes:
        id: Its id as a member of rooms.
    """

    def __init__(
        self,
        context: ConversationContext,
        commands: CommandSession,
        send: Callable[[bytes], None],
        unsent_bytes: Callable[[], int],
    ) -> None:
        self.id = new_member_id("text")
        self._context = context
        self._commands = commands
        self._send = send
        self._unsent_bytes = unsent_bytes
        self._chat_id: str | None = None
        self._stream = AnswerStream(TextFormat())
        self._over = asyncio.Event()
        self._hung_up = False

    async def ask(self, text: str) -> None:
        """Ask a prompt, and return when its answer is over. Every prompt is answered, be it with an error."""
        self._stream, self._over = AnswerStream(TextFormat()), asyncio.Event()
        try:
            await self._ask(text)
        except Exception as exc:  # the prompt's root
            error = as_error(exc, sid=self.id)
            self._send(self._stream.refuse(error.code, error.message))
            await self._commands.slow_down(error.code)
        finally:
            self._context.relay.leave_all(self.id)

    def hang_up(self) -> None:
        """Wait for no answer any more: the connection is gone. The answer goes on in its chat."""
        self._hung_up = True
        self._over.set()

    async def _ask(self, text: str) -> None:
        who = await self._commands.admit()
        text = as_text(text).strip()
        if not text:
            raise BadRequest("a prompt is a text that is not empty")
        who, chat_id = await self._in_chat(who)
        # The member is in the room before the question: no token can be missed.
        joined, _ = await self._context.joins.join(self, who, JoinRoom(room=str(Room.chat(chat_id))))
        # The same prompt again asks for another answer: no repeat of the first.
        sent = await self._context.chat.send(replace(who, caller=""), SendChat(chat_id=chat_id, text=text))
        if sent.turn_id is None:
            self._send(self._stream.refuse("conflict", "a person answers in this chat"))
        else:
            asked = Cursor.parse(sent.cursor).offset
            self._send(self._stream.begin(sent.turn_id, joined.view, question_offset=asked))
        joined.release()
        if self._stream.over or self._hung_up:
            return
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._over.wait()
        except TimeoutError:
            raise Unavailable("the answer did not end in time; it goes on in its chat") from None

    async def _in_chat(self, who: Principal) -> tuple[Principal, str]:
        """Return the principal in the connection's chat: that of its token, or else a new one."""
        if self._chat_id is None and len(who.chats) == 1:
            self._chat_id = next(iter(who.chats))
        if self._chat_id is None:
            self._chat_id = (await self._context.chat.open(who, OpenChat())).chat_id
        return await self._context.access.holding(who, (), (self._chat_id,)), self._chat_id

    # The member of the chat's room

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the connection has not sent yet."""
        return self._unsent_bytes()

    def deliver(self, frame: Frame) -> None:
        """Send what a frame of the room says of the answer; never waits, never raises."""
        if said := self._stream.encode(frame):
            self._send(said)
        if self._stream.over:
            self._over.set()

    def deliver_all(self, batch: Batch) -> None:
        """Send several frames in their order."""
        for frame in batch.frames:
            self.deliver(frame)
