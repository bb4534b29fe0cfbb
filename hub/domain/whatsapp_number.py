"""A phone number that has written by WhatsApp, and what belongs to it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from hub.domain.values import Stored, Time

if TYPE_CHECKING:
    from datetime import datetime

ADDRESS_PREFIX = "wa:"  # of the address for which a number's requests count
FREE_FORM_WINDOW = timedelta(hours=24)  # after a customer's last message; from then on, templates only
NUMBER_KEPT_S = 180 * 86_400  # after its last message; the orders and chats that it could be told of ended long before


class WhatsAppNumber(Stored):
    """The document of one number.

    Attributes:
        wa_id: The number in digits, as WhatsApp writes it.
        name: The name in the customer's profile; they choose it.
        chat_id: The chat in which this number writes.
        lang: The language of the hub's own sentences, if the number has shown one.
        last_inbound_at: Its last message, by WhatsApp's clock.
        last_message_id: WhatsApp's id of that message: marking it as read shows the typing indicator.
        opted_out: It wants to be told nothing of its own accord. Answers to what it writes go on.
    """

    wa_id: str
    name: str = ""
    chat_id: str
    lang: str | None = None
    last_inbound_at: Time
    last_message_id: str = ""
    opted_out: bool = False

    def takes_free_form(self, now: datetime) -> bool:
        """Return True within the time after its last message in which WhatsApp takes more than templates."""
        return now < self.last_inbound_at + FREE_FORM_WINDOW

    @property
    def known_lang(self) -> Literal["es", "en"] | None:
        """The language, if it is known and this version speaks it."""
        return "es" if self.lang == "es" else "en" if self.lang == "en" else None


class WhatsAppPeer(Stored):
    """The number that belongs to a chat or to an order."""

    wa_id: str


def address_of(wa_id: str) -> str:
    """Return the address for which what a number does counts, in place of a network's."""
    return f"{ADDRESS_PREFIX}{wa_id}"


def number_of(address: str) -> str:
    """Return the number whose address this is; an empty text for a network's address."""
    return address.removeprefix(ADDRESS_PREFIX) if address.startswith(ADDRESS_PREFIX) else ""
