"""Spanish or English: which one the customer writes."""

from __future__ import annotations

import re
from typing import Literal

from hub.domain.menu import plain

Lang = Literal["es", "en"]


def word_set(text: str) -> frozenset[str]:
    """A set of words, written as one text."""
    return frozenset(text.split())


# Words that only one of the two has and that short questions are made of. Dishes are none: a taco is a taco.
_ES = word_set(
    """
    el la los las un una unos unas de del y o que es esta estan por para con sin mi tu su quiero quisiera dame
    deme ponme pon me das hola buenas buenos dias tardes noches donde cuando cuanto cuanta cuantos cuesta
    cuestan falta pedido orden va viene llega hay tienes tienen menu carta precio precios gracias si favor soy
    nombre llevar recoger domicilio casa calle ayuda puedes como estas necesito agrega tambien otro otra dos
    tres cuatro cinco seis siete ocho nueve diez docena media promocion publica anuncia oferta listo ya todavia
    aun pasa paso recojo a al sigue se lo le quien eres persona hablar algo mas demora tarda
    """
)
_EN = word_set(
    """
    the a an of and or what where when how much many is are my your me i im want would like can could please
    have get give order status ready long take hello hi hey thanks thank you menu price prices cost costs for
    with without pickup pick up delivery deliver to at name under address two three four five six seven eight
    nine ten dozen do does did it its on in yes there any who help need also another more publish announce
    promotion promo deal some still yet here home human person about which left
    """
)
_WORD = re.compile(r"[a-z']+")


def detect(text: str, otherwise: Lang) -> Lang:
    """The language of a text; `otherwise` if it gives no hint."""
    if any(mark in text for mark in "¿¡ñÑ"):
        return "es"
    words = [word.replace("'", "") for word in _WORD.findall(plain(text))]
    spanish = sum(word in _ES for word in words)
    english = sum(word in _EN for word in words)
    if spanish == english:
        return otherwise
    return "es" if spanish > english else "en"
