"""The hub's own sentences to people who write by WhatsApp, and the words by which they opt out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

from hub.domain.menu import plain
from hub.domain.texts import Lang, Text
from hub.domain.values import as_text

if TYPE_CHECKING:
    from hub.outbound.whatsapp_inbox.incoming import Place

MAX_NAME_CHARS = 40
_MAX_ADDRESS_CHARS = 140  # an address of an order has at most 200, with the place on the map behind it
_SPACE = re.compile(r"\s+")


class Note(Enum):
    """A sentence of the hub itself, in place of an answer of the agent."""

    REFUSED = Text(
        "Por aquí solo puedo leer texto y ubicaciones: no puedo abrir fotos, audios, videos, documentos ni contactos. "
        "¿Me lo escribes, por favor?",
        "I can only read text and locations here: I cannot open photos, voice messages, videos, documents or contacts. "
        "Could you write it, please?",
    )
    EMPTY = Text(
        "No encontré palabras en tu mensaje. ¿Qué se te antoja?",
        "I found no words in your message. What would you like?",
    )
    TOO_LONG = Text(
        "Tu mensaje es demasiado largo para mí: escríbelo en mensajes más cortos, por favor.",
        "Your message is too long for me: please write it in shorter ones.",
    )
    TOO_FAST = Text(
        "Todavía estoy contestando lo anterior. Espera un momento y vuelve a escribirme lo último, por favor.",
        "I am still answering what you wrote before. Please wait a moment, and write the last message again.",
    )
    LIMIT = Text(
        "Por hoy ya no puedo leer más mensajes de este número. Llámanos, por favor.",
        "I cannot read any more messages from this number today. Please call us.",
    )
    FULL = Text(
        "En este momento no podemos atender chats nuevos. Inténtalo en unos minutos, por favor.",
        "We cannot take new chats at the moment. Please try again in a few minutes.",
    )
    FAILED = Text(
        "Algo falló de nuestro lado con tu mensaje. ¿Lo escribes otra vez, por favor?",
        "Something went wrong with your message on our side. Could you write it again, please?",
    )
    OPTED_OUT = Text(
        "Listo: ya no te mandaremos avisos. Si escribes ALTA, vuelven. Si nos escribes, te contestamos igual.",
        "Done: we will send you no more notices. Write START to get them again. If you write to us, we still answer.",
    )
    OPTED_IN = Text(
        "Listo: te avisaremos otra vez de tus pedidos. Para dejar de recibir avisos escribe BAJA.",
        "Done: we will tell you about your orders again. Write STOP to get no more notices.",
    )


_HERE = Text("Mi dirección de entrega: {where}", "My delivery address: {where}")
_ON_THE_MAP = Text("ubicación en el mapa {at}", "location on the map {at}")
_OUT: Mapping[str, Lang] = {
    "baja": "es",
    "alto": "es",
    "darme de baja": "es",
    "dame de baja": "es",
    "cancelar suscripcion": "es",
    "stop": "en",
    "stop all": "en",
    "unsubscribe": "en",
}
_IN: Mapping[str, Lang] = {"alta": "es", "darme de alta": "es", "start": "en", "subscribe": "en"}


def opting(text: str) -> tuple[bool, Lang] | None:
    """Return True or False for a text that opts out or in, with its language; None for any other text."""
    words = " ".join(re.findall(r"\w+", plain(text)))
    if words in _OUT:
        return True, _OUT[words]
    return (False, _IN[words]) if words in _IN else None


def place_in_words(place: Place, lang: Lang) -> str:
    """Return a place on the map as the customer would write it: their delivery address."""
    named = ", ".join(part for part in map(_one_line, (place.name, place.address)) if part)[:_MAX_ADDRESS_CHARS]
    at = _ON_THE_MAP.in_(lang).format(at=f"{place.latitude:.6f},{place.longitude:.6f}")
    return _HERE.in_(lang).format(where=f"{named} ({at})" if named else at)


def shown_name(profile_name: str) -> str:
    """Return the name of a profile as one line of text. Their owners choose them: they may be anything."""
    name = _one_line(profile_name)[:MAX_NAME_CHARS].strip()
    return name if any(char.isalnum() for char in name) else ""


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", as_text(text)).strip()
