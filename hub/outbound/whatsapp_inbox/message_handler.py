"""Carries the messages of customers into their chats, and answers those that no chat takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from hub.core.errors import (
    ComandaError,
    IdempotencyMismatch,
    LimitReached,
    NotFound,
    RateLimited,
    TooLarge,
    Unavailable,
)
from hub.domain import commands as cmd
from hub.domain.chat import Chat
from hub.domain.roles import Kind as PrincipalKind
from hub.domain.roles import Principal
from hub.domain.values import as_text
from hub.domain.whatsapp_number import address_of
from hub.domain.whatsapp_port import TextMessage
from hub.outbound.whatsapp_inbox.incoming import Kind
from hub.outbound.whatsapp_inbox.words import Note, opting, place_in_words, shown_name
from hub.services.document_names import WHATSAPP, chat_key
from hub.services.stored_documents import load_readable

if TYPE_CHECKING:
    from hub.domain.texts import Lang
    from hub.domain.whatsapp_number import WhatsAppNumber
    from hub.domain.whatsapp_port import WhatsAppOutbox
    from hub.outbound.whatsapp_inbox.incoming import Incoming
    from hub.services.chats.chat_service import ChatService
    from hub.services.whatsapp_numbers import WhatsAppNumbers
    from hub.store.log import EventLog

logger = structlog.get_logger(__name__)

_NOTE_EVERY_S = 30  # an album of ten photos is answered once


class MessageHandler:
    """Deals with one message at a time of each number.

    Dealing with a message again, after a crash, has no second effect within a day: the message's id is the command's.

    Args:
        lang: The language of the hub's own sentences where the chat has none yet.
    """

    def __init__(
        self, log: EventLog, chat: ChatService, numbers: WhatsAppNumbers, outbox: WhatsAppOutbox, lang: Lang
    ) -> None:
        self._log = log
        self._chat = chat
        self._numbers = numbers
        self._outbox = outbox
        self._lang = lang

    async def handle(self, message: Incoming) -> None:
        """Deal with a message.

        Raises:
            Unavailable: Redis did not answer; deal with it again.
        """
        if message.kind is Kind.IGNORED:
            return
        opts = opting(message.text) if message.kind is Kind.SAID else None
        number = await self._numbers.heard(
            message.wa_id, shown_name(message.name), message.at, message.id, opts[1] if opts else None
        )
        try:
            if opts is not None:
                await self._opt(number, message, *opts)
            else:
                await self._deal_with(number, message)
        except Unavailable:
            raise
        except ComandaError as exc:
            logger.warning("whatsapp.message_refused", chat_id=number.chat_id, code=exc.code)
            await self._note(number, message, Note.FAILED)
        except Exception:  # the message's root: one that breaks something must not hold up all others
            logger.exception("whatsapp.message_failed", chat_id=number.chat_id)
            await self._note(number, message, Note.FAILED)

    async def _deal_with(self, number: WhatsAppNumber, message: Incoming) -> None:
        text = message.text
        if message.place is not None:
            text = place_in_words(message.place, await self._lang_of(number))
        if message.kind is Kind.REFUSED:
            await self._note(number, message, Note.REFUSED)
            if not text.strip():
                return
        if (refused := await self._say(number, message, text)) is not None:
            await self._note(number, message, refused)

    async def _say(self, number: WhatsAppNumber, message: Incoming, text: str) -> Note | None:
        """Say something in the number's chat; return the sentence for a customer whose words were not taken."""
        try:
            command = cmd.SendChat(chat_id=number.chat_id, text=as_text(text), command_id=message.id)
        except ValidationError:
            return Note.EMPTY
        try:
            await self._send(_principal(number), command)
        except TooLarge:
            return Note.TOO_LONG
        except RateLimited:
            return Note.TOO_FAST
        except LimitReached:
            return Note.LIMIT
        except IdempotencyMismatch:  # the same message, with other words: the first ones hold
            logger.warning("whatsapp.message_changed", chat_id=number.chat_id)
        except Unavailable as exc:
            if exc.retry_after_s is None:
                raise
            return Note.FULL
        return None

    async def _send(self, principal: Principal, command: cmd.SendChat) -> None:
        try:
            await self._chat.send(principal, command)
        except NotFound:  # its first message, or the first one after its chat was forgotten
            await self._chat.open(principal, cmd.OpenChat(), chat_id=command.chat_id)
            await self._chat.send(principal, command)

    async def _opt(self, number: WhatsAppNumber, message: Incoming, out: bool, lang: Lang) -> None:
        await self._numbers.set_opted_out(number, out)
        note = Note.OPTED_OUT if out else Note.OPTED_IN
        await self._outbox.add(number.wa_id, f"opt-{message.id}", TextMessage(text=note.value.in_(lang)))

    async def _note(self, number: WhatsAppNumber, message: Incoming, note: Note) -> None:
        """Tell a customer why their message has no answer, the same at most once in a while."""
        name = f"note-{note.name.lower()}-{number.wa_id}-{int(message.at.timestamp()) // _NOTE_EVERY_S}"
        text = note.value.in_(await self._lang_of(number))
        await self._outbox.add(number.wa_id, name, TextMessage(text=text))

    async def _lang_of(self, number: WhatsAppNumber) -> Lang:
        chat = load_readable(self._log, Chat, await self._log.document(chat_key(number.chat_id)))
        return (chat and chat.known_lang) or number.known_lang or self._lang


def _principal(number: WhatsAppNumber) -> Principal:
    """Return the customer that a number is: its limits count by the number, whatever network it is in."""
    return Principal(
        kind=PrincipalKind.CUSTOMER,
        name=number.name,
        chats=frozenset({number.chat_id}),
        address=address_of(number.wa_id),
        caller=WHATSAPP,
    )
