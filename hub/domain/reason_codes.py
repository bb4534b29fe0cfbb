"""The usual reasons for a delay, a step back or a cancellation: codes that each reader sees in their own language."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hub.domain.texts import Lang, Text


class ReasonCode(StrEnum):
    """A reason that staff choose instead of writing one."""

    BUSY = "busy"
    INGREDIENT = "ingredient"
    COURIER = "courier"
    MISTAKE = "mistake"
    MISSING = "missing"
    REMAKE = "remake"
    CUSTOMER = "customer"
    SOLD_OUT = "sold_out"
    CLOSING = "closing"
    SHOP = "shop"


# As events and documents keep it: of a code that only a newer hub knows, its name.
StoredReasonCode = Annotated[ReasonCode | str, Field(union_mode="left_to_right")]

# The pages have the same texts, `reason.<code>` in static/i18n/.
REASON_TEXTS: Mapping[ReasonCode, Text] = {
    ReasonCode.BUSY: Text("Mucha demanda", "Very busy"),
    ReasonCode.INGREDIENT: Text("Falta un ingrediente", "An ingredient is missing"),
    ReasonCode.COURIER: Text("Esperando repartidor", "Waiting for a courier"),
    ReasonCode.MISTAKE: Text("Fue un error", "It was a mistake"),
    ReasonCode.MISSING: Text("Faltó un platillo", "A dish was missing"),
    ReasonCode.REMAKE: Text("Hay que rehacerlo", "It has to be made again"),
    ReasonCode.CUSTOMER: Text("Lo pidió el cliente", "The customer asked for it"),
    ReasonCode.SOLD_OUT: Text("Se agotó", "Sold out"),
    ReasonCode.CLOSING: Text("Ya vamos a cerrar", "We are closing"),
    ReasonCode.SHOP: Text("Cancelado por la taquería", "Cancelled by the taquería"),
}


def reason_words(reason: str, code: str | None, lang: Lang) -> str:
    """Return the text of a code in a language; without a code that this hub knows, the reason as it was written."""
    return next((text.in_(lang) for known, text in REASON_TEXTS.items() if known == code), reason)
