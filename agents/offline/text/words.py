"""Words as the offline model reads them: tokens, amounts, and the phrases people order with."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from agents.language import word_set
from hub.domain.menu import plain

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[,.;:!?¿¡\n()]")
_QTY_X = re.compile(r"(?:x(\d{1,3})|(\d{1,3})x)\Z")

_UP_TO_NINE = ("un", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
AMOUNTS = {
    **dict.fromkeys(("un", "una", "uno", "one", "an", "otro", "otra", "another", "other"), 1),
    **dict.fromkeys(("dos", "two", "par", "couple", "pair"), 2),
    **dict.fromkeys(("tres", "three"), 3),
    **dict.fromkeys(("cuatro", "four"), 4),
    **dict.fromkeys(("cinco", "five"), 5),
    **dict.fromkeys(("seis", "six"), 6),
    **dict.fromkeys(("siete", "seven"), 7),
    **dict.fromkeys(("ocho", "eight"), 8),
    **dict.fromkeys(("nueve", "nine"), 9),
    **dict.fromkeys(("diez", "ten"), 10),
    **dict.fromkeys(("once", "eleven"), 11),
    **dict.fromkeys(("doce", "docena", "docenas", "twelve", "dozen", "dozens"), 12),
    **dict.fromkeys(("trece", "thirteen"), 13),
    **dict.fromkeys(("catorce", "fourteen"), 14),
    **dict.fromkeys(("quince", "fifteen"), 15),
    **dict.fromkeys(("dieciseis", "sixteen"), 16),
    **dict.fromkeys(("diecisiete", "seventeen"), 17),
    **dict.fromkeys(("dieciocho", "eighteen"), 18),
    **dict.fromkeys(("diecinueve", "nineteen"), 19),
    **dict.fromkeys(("veinte", "twenty"), 20),
    **{f"veinti{word}": 20 + n for n, word in enumerate(_UP_TO_NINE, 1)},
    "veintiuno": 21,
    **dict.fromkeys(("treinta", "thirty"), 30),
    **dict.fromkeys(("cuarenta", "forty"), 40),
    **dict.fromkeys(("cincuenta", "fifty"), 50),
    **dict.fromkeys(("sesenta", "sixty"), 60),
    **dict.fromkeys(("setenta", "seventy"), 70),
    **dict.fromkeys(("ochenta", "eighty"), 80),
    **dict.fromkeys(("noventa", "ninety"), 90),
    **dict.fromkeys(("cien", "ciento", "hundred"), 100),
    **dict.fromkeys(("mil", "thousand"), 1_000),
}

FILLERS = word_set(
    """
    de del al a el la los las lo the of with con en in e some unos unas por favor please pls mas otros otras
    more also tambien orden ordenes order orders porcion porciones plato platos vaso vasos botella botellas
    plate plates portion portions glass glasses bottle bottles piezas pieza
    """
)
BREAKS = frozenset(",.;:!?¿¡\n()")
ALSO = frozenset({"y", "and", "e", "mas", "plus", "&"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark: as written, and as compared."""

    raw: str
    word: str

    @property
    def stem(self) -> str:
        return singular(self.word)


@lru_cache(maxsize=256)  # one message is compared with many patterns
def bare(text: str) -> str:
    """Lower case without accents, letter for letter: what is found in it stands at the same place in the text."""
    return "".join((unicodedata.normalize("NFD", char)[:1].lower() or char)[:1] for char in text)


def tokens(text: str) -> list[Token]:
    return [Token(raw, plain(raw) or raw) for raw in _TOKEN.findall(text)]


def singular(word: str) -> str:
    """A word without its plural: enough to compare two, not to print one."""
    if len(word) > 4 and word.endswith("es") and word[-3] in "lnrzo":
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def amount(token: Token) -> int | None:
    """The number that a token says: `3`, `tres`, `x3`."""
    if token.word.isdecimal() and len(token.word) <= 4:
        return int(token.word)
    if match := _QTY_X.match(token.word):
        return int(match[1] or match[2])
    # "a taco" in English; in Spanish an "a" is never an amount, and then no dish follows it directly.
    return AMOUNTS.get(token.word)
