"""The phone numbers that write by WhatsApp: their documents, and the chats and orders that belong to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hub.domain.room_retention import CHAT_KEPT_S
from hub.domain.whatsapp_number import NUMBER_KEPT_S, WhatsAppNumber, WhatsAppPeer
from hub.services.document_names import whatsapp_chat_key, whatsapp_number_key, whatsapp_order_key
from hub.services.stored_documents import load, load_readable
from hub.store.conflicts import retry_on_conflict
from hub.store.log import Document, EventLog, Write

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.log import DocKey

PEER_KEPT_S = 2 * CHAT_KEPT_S  # longer than the chat itself


class WhatsAppNumbers:
    """Reads and writes the documents of numbers."""

    def __init__(self, log: EventLog, new_id: Callable[[], str]) -> None:
        self._log = log
        self._new_id = new_id

    async def get(self, wa_id: str) -> WhatsAppNumber | None:
        """Return a number; None if it has not written for long, or never."""
        return load_readable(self._log, WhatsAppNumber, await self._log.document(whatsapp_number_key(wa_id)))

    async def of_chat(self, chat_id: str) -> str | None:
        """Return the number that writes in a chat; None if the chat is not WhatsApp's."""
        return await self._peer(whatsapp_chat_key(chat_id))

    async def of_order(self, order_id: str) -> str | None:
        """Return the number by which an order was placed; None if it was placed otherwise."""
        return await self._peer(whatsapp_order_key(order_id))

    async def heard(
        self, wa_id: str, name: str, at: datetime, message_id: str = "", lang: str | None = None
    ) -> WhatsAppNumber:
        """Note a message of a number. The first one gives the number its chat.

        Args:
            name: That of the profile; empty: as it was.
            at: When it was sent, by WhatsApp's clock.
            message_id: WhatsApp's id of the message.
            lang: The language that it shows; None: as it was.
        """

        def update(known: WhatsAppNumber | None) -> WhatsAppNumber:
            changes: dict[str, object] = {"name": name} if name else {}
            changes |= {"lang": lang} if lang else {}
            if known is None or at >= known.last_inbound_at:
                changes |= {"last_inbound_at": at, "last_message_id": message_id}
            first = WhatsAppNumber(wa_id=wa_id, chat_id=f"wa-{self._new_id()}", last_inbound_at=at)
            return (known or first).model_copy(update=changes)

        return await self._change(wa_id, update)

    async def set_opted_out(self, number: WhatsAppNumber, opted_out: bool) -> None:
        """Note that a number wants to be told nothing any more of its own accord, or again."""

        def update(known: WhatsAppNumber | None) -> WhatsAppNumber:
            return (known or number).model_copy(update={"opted_out": opted_out})

        await self._change(number.wa_id, update)

    async def _change(self, wa_id: str, update: Callable[[WhatsAppNumber | None], WhatsAppNumber]) -> WhatsAppNumber:
        key = whatsapp_number_key(wa_id)

        async def attempt() -> WhatsAppNumber:
            document = await self._log.document(key)
            known = load(self._log, WhatsAppNumber, document) if document else None
            number = update(known)
            if number != known:
                await self._log.commit(_written(number, document.version if document else 0))
            return number

        return await retry_on_conflict(attempt)

    async def _peer(self, key: DocKey) -> str | None:
        found = load_readable(self._log, WhatsAppPeer, await self._log.document(key))
        return found.wa_id if found else None


def _written(number: WhatsAppNumber, version: int) -> Write:
    """Return the write of a number over a version, with the way back from its chat."""
    key, chat = whatsapp_number_key(number.wa_id), whatsapp_chat_key(number.chat_id)
    return Write(
        expects=((key, version),),
        documents=(
            Document(key, version + 1, number.model_dump_json()),
            Document(chat, 1, WhatsAppPeer(wa_id=number.wa_id).model_dump_json()),
        ),
        expire=((key, NUMBER_KEPT_S), (chat, PEER_KEPT_S)),
    )
