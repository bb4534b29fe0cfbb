"""Detection of the customer's language, Spanish or English, and of a plain yes."""

from __future__ import annotations

import re

from agents.texts import CONFIRM_TAP
from hub.domain.menu import plain
from hub.domain.texts import Lang


def word_set(text: str) -> frozenset[str]:
    """Return the set of the words of a text."""
    return frozenset(text.split())


# Words of short questions that only one of the two languages has. Names of dishes are the same in both.
_ES = word_set(
    """
    el la los las un una unos unas de del y o que es esta estan por para con sin mi tu su quiero quisiera dame
    deme ponme pon me das hola buenas buenos dias tardes noches donde cuando cuanto cuanta cuantos cuesta
    cuestan falta pedido orden va viene llega hay tienes tienen menu carta precio precios gracias si favor soy
    nombre llevar recoger domicilio casa calle ayuda puedes como estas necesito agrega tambien otro otra dos
    tres cuatro cinco seis siete ocho nueve diez docena media promocion publica anuncia oferta listo ya todavia
    aun pasa paso recojo a sigue se lo le quien eres persona hablar algo mas demora tarda
    """
)
_EN = word_set(
    """
    the a an of and or what where when how much many is are my your me i im want would like can could please
    have get give order status ready long take hello hi hey thanks thank you menu price prices cost costs for
    with without pickup pick up delivery deliver to at name under address two three four five six seven eight
    nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty
    sixty seventy eighty ninety hundred dozen half show send bring make everyone
    everyones everybody do does did it its on in yes there any who help need also another more publish announce
    promotion promo deal some still yet here home human person about which left
    """
)
COMMON = _ES | _EN
_WORD = re.compile(r"[a-z']+")
# The words of a yes: a message needs at least one of the first set, and no word outside both sets.
_YES = word_set(
    """
    si sip simon claro ok okay okey oki dale va vale sale orale adelante correcto perfecto confirmo confirmar confirma
    confirmado confirmalo acepto exacto hazlo pidelo ordenalo mandalo enviala envialo publicala publicalo cancelalo
    cambialo acuerdo bien
    yes yep yeah yup sure fine good do confirm confirmed correct perfect right absolutely definitely exactly
    """
)
_BESIDES_YES = word_set(
    """
    por favor porfa fa porfis porfavor gracias muchas muy esta asi es todo lo de que eso ya mero pues desde luego ahora
    please pls thanks thank you it's its it is that's thats that looks all go ahead place order sounds great the
    """
)
_MAX_YES = 8  # words
_SIGNS_OF_YES = frozenset("👍👌✅✔")
_BY_TAP = re.compile(r"\W*confirm(?:ar|o)?\s+#?([A-Z0-9]{4})\W*", re.IGNORECASE)


def detect(text: str, otherwise: Lang) -> Lang:
    """Return the language of a text; `otherwise` if it gives no hint."""
    if any(mark in text for mark in "¿¡ñÑ"):
        return "es"
    words = [word.replace("'", "") for word in _WORD.findall(plain(text))]
    spanish = sum(word in _ES for word in words)
    english = sum(word in _EN for word in words)
    if spanish == english:
        return otherwise
    return "es" if spanish > english else "en"


def says_yes(text: str) -> bool:
    """Return True for a plain yes and nothing else: "sí, por favor" is one, "sí, pero…" is not."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", plain(text))
    if not words:
        signs = [char for char in text if not char.isspace() and char not in "\ufe0f.!" and not "🏻" <= char <= "🏿"]
        return bool(signs) and all(sign in _SIGNS_OF_YES for sign in signs)
    words = [word.replace("’", "'") for word in words]
    return (
        "?" not in text
        and len(words) <= _MAX_YES
        and any(word in _YES for word in words)
        and all(word in _YES or word in _BESIDES_YES for word in words)
    )


def tapped(text: str) -> str | None:
    """Return the code in the message that a button sends (`Confirmar K3Q9`); None for any other message."""
    match = _BY_TAP.fullmatch(text)
    return match[1].upper() if match else None


def tap(code: str, lang: Lang) -> str:
    """Return the message that a button sends."""
    return CONFIRM_TAP.in_(lang).format(code=code)
