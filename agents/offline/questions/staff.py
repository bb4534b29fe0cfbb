"""The orders that staff give: a dish is sold out, a promotion is to be published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.offline.intent_types import PROMO, SOLD_OUT, Intent
from agents.offline.text.words import amount, tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes

_PUBLISH = re.compile(r"\b(?:publi[cq]\w+|anunci\w+|lanz\w+|publish|announce|launch|post|send out)\b")
_PROMO = re.compile(r"\b(?:promo\w*|oferta\w*|descuento\w*|deals?|discounts?|offers?|aviso|anuncio)\b")
_TWO_FOR_ONE = re.compile(r"\b(?:[2-5] ?x ?[1-4]|dos por uno|two for one|happy hour|bogo)\b(?! ?\$)")
_SOLD_OUT = re.compile(
    r"\b(?:marc\w+ (?:como )?(?:\w+ )*?agotad\w+|pon\w* (?:como )?agotad\w+|agota (?:el|la|los|las)|"
    r"se (?:acabo|acabaron|termino|terminaron|agoto|agotaron)|ya no (?:hay|queda|quedan|tenemos)|"
    r"mark .*(?:sold out|out of stock|86)|86 the|(?:is|are|we'?re) (?:sold out|out of)|we ran out of|out of stock)\b"
)
_STOCK = re.compile(
    r"\b(?:solo )?(?:nos )?quedan (?:solo )?\d+|\b(?:only )?\d+ \w+ left\b|\bhay de nuevo\b|\bback in stock\b"
)


def asks_to_publish(compared: str) -> bool:
    return bool(_PUBLISH.search(compared) and _PROMO.search(compared))


def speaks_of_promotions(compared: str) -> bool:
    return bool(_PROMO.search(compared) or _TWO_FOR_ONE.search(compared))


def asks_two_for_one(compared: str) -> bool:
    return bool(_TWO_FOR_ONE.search(compared))


def staff_intent(text: str, compared: str, dishes: Dishes) -> Intent | None:
    """What one of the staff wants; None if it is nothing of theirs."""
    if asks_to_publish(compared):
        title, message = _headline(text)
        return Intent(PROMO, {"title": title, "message": message}) if message else Intent(say="what_promotion")
    if _SOLD_OUT.search(compared) or _STOCK.search(compared):
        skus = [hit.sku for hit in dishes.find(tokens(text)) if hit.sku]
        return Intent(SOLD_OUT, {"sku": skus[0]} | _left(text, compared)) if skus else None
    return None


def _left(text: str, compared: str) -> dict[str, int]:
    if _SOLD_OUT.search(compared):
        return {}
    numbers = [value for word in tokens(text) if (value := amount(word)) is not None]
    return {"left": numbers[0]} if numbers else {}


def _headline(text: str) -> tuple[str, str]:
    """The headline and the text of a promotion: what is quoted, what follows a colon, or what follows the verb."""
    quoted = re.findall(r"[\"“«']([^\"”»']{2,200})[\"”»']", text)
    if len(quoted) >= 2:
        return quoted[0][:80], quoted[1][:200]
    said = quoted[0] if quoted else _after_order(text)
    said = said.strip(" .:\n")
    parts = re.match(r"([^:.\-–—!]{3,80})[:.\-–—!]\s+(.+)", said, re.DOTALL)
    if parts:
        return parts[1].strip(), parts[2].strip()[:200]
    return said[:80].strip(), said[:200].strip()


def _after_order(text: str) -> str:
    if ":" in text:
        return text.split(":", 1)[1]
    match = re.search(
        r"(?:promo\w*|promoci[oó]n|oferta|descuento|deal|discount|offer|aviso|anuncio)\s*"
        r"(?:de|que diga|para|of|for|saying|that says)?\s+(.+)",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    return match[1] if match else ""
