"""Notices by WhatsApp: to the number by which an order was placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.chat import Chat
from hub.domain.notification_preferences import Channel
from hub.domain.whatsapp_port import TextMessage
from hub.outbound.senders import Outcome, Sending
from hub.outbound.whatsapp_templates import template_message
from hub.outbound.wording import words_of
from hub.services.document_names import chat_key
from hub.services.stored_documents import load_readable

if TYPE_CHECKING:
    from hub.domain.texts import Lang
    from hub.domain.whatsapp_number import WhatsAppNumber
    from hub.outbound.senders import Telling
    from hub.services.whatsapp_numbers import WhatsAppNumbers
    from hub.services.whatsapp_outboxes import WhatsAppOutboxes
    from hub.store.log import EventLog

_ORDER = "order-"


class WhatsAppNoticeSender:
    """Puts a notice into the outbox of its number, under the notice's id. From there it is sent once."""

    channel = Channel.WHATSAPP

    def __init__(self, log: EventLog, numbers: WhatsAppNumbers, outboxes: WhatsAppOutboxes, lang: Lang) -> None:
        self._log = log
        self._numbers = numbers
        self._outboxes = outboxes
        self._lang = lang

    async def send(self, telling: Telling) -> Sending:
        """Put a notice into the outbox of its subject's number, unless that has opted out."""
        order_id = next((each.removeprefix(_ORDER) for each in telling.subjects if each.startswith(_ORDER)), "")
        wa_id = await self._numbers.of_order(order_id) if order_id else None
        number = await self._numbers.get(wa_id) if wa_id else None
        if wa_id is None or number is None:
            return Sending(Outcome.NOBODY, "no_number")
        if number.opted_out:
            return Sending(Outcome.NOBODY, "opted_out")
        lang = await self._lang_of(number)
        words = words_of(telling, lang)
        values = {**telling.notice.fields, "code": telling.order.code if telling.order else ""}
        message = self._outboxes.new(
            telling.notice.id,
            TextMessage(text=words.body or words.title),
            template=template_message(telling.notice.type, lang, values),
            is_unasked=True,
        )
        await self._outboxes.take(wa_id, [message])
        return Sending(Outcome.SENT)

    async def _lang_of(self, number: WhatsAppNumber) -> Lang:
        chat = load_readable(self._log, Chat, await self._log.document(chat_key(number.chat_id)))
        return (chat and chat.known_lang) or number.known_lang or self._lang
