"""Spells out what people shorten when they type: "3 d pastor xfa", "do u have", "treinta y dos", "w/o"."""

from __future__ import annotations

import re
from types import MappingProxyType

from agents.offline.text.words import AMOUNTS

_SHORT = MappingProxyType(
    {
        **dict.fromkeys(("xfa", "xfavor", "xfis", "porfis", "porfi", "plis", "pofavor", "pf"), "porfa"),
        **dict.fromkeys(("pls", "plz", "plss", "pleas"), "please"),
        **dict.fromkeys(("grax", "grx", "grasias", "graciass", "grac", "tks"), "gracias"),
        **dict.fromkeys(("ty", "thnx", "thanx", "thxs", "tnx"), "thanks"),
        **dict.fromkeys(("tmb", "tmbn", "tb", "tbn", "tambn"), "tambien"),
        **dict.fromkeys(("pq", "xq", "porq"), "porque"),
        **dict.fromkeys(("kiero", "qiero", "qro", "kero"), "quiero"),
        **dict.fromkeys(("kisiera", "qisiera"), "quisiera"),
        **dict.fromkeys(("ke", "qe"), "que"),
        **dict.fromkeys(("kuanto", "qanto", "cto"), "cuanto"),
        "bn": "bien",
        "dnd": "donde",
        "tqm": "te quiero mucho",
        "nvm": "never mind",
        "gimme": "give me",
        "lemme": "let me",
        "wanna": "want to",
        "ur": "your",
        **dict.fromkeys(("yall", "y'all"), "you"),
        "2nite": "tonight",
        "rn": "right now",
        "abt": "about",
        "hm": "how much",
    }
)
# One letter stands for a word only between words: "Calle 60 x 47", "depto 3 d" and "gringas x 2" are as they are.
_LETTERS = MappingProxyType(
    {"d": "de", "q": "que", "k": "que", "x": "por", "n": "and", "r": "are", "u": "you", "c": "se"}
)
_WORD = re.compile(rf"\b(?:{'|'.join(_SHORT)})\b", re.IGNORECASE)
# Before an o, "u" is Spanish for "or".
_LETTER = re.compile(r"(?<![\w.'’#-])(?<!\d )(?:[dqkxnrc](?= +[^\W\d_])|u(?!\w| +h?o)|[qk](?=\?))(?![.'’\w])")
_WITHOUT = re.compile(r"\bw/o\b", re.IGNORECASE)
_WITH = re.compile(r"\bw/(?=\s*\w)", re.IGNORECASE)
_GLUED = re.compile(r"(?<![\w#])(\d{1,3})(?=[^\W\d_]{4}|(?:de|al) )")  # "2tacos", "3de pastor"
_SOME_DOZENS = re.compile(
    r"(?:(\bmedia|\bhalf|\b1/2|½)(?:\s+an?)?(?:\s+([^\W\d_]+))??(?:\s+an?)?|"
    rf"\b(\d{{1,2}}|{'|'.join(AMOUNTS)}|a))\s*\b(?:docenas?|dozens?)\b",
    re.IGNORECASE,
)
_DOZEN_AND_HALF = re.compile(
    rf"\b(?:({'|'.join(AMOUNTS)}) )?(?:docenas? y media|(?:and a half dozen|dozen and a half))\b", re.IGNORECASE
)
_MONEY = re.compile(r"\$\s?(\d{1,4})(?:\.00)?(?![\d.,])")
_TENS = {word: value for word, value in AMOUNTS.items() if value % 10 == 0 and 20 <= value <= 90}
_NO_UNIT = frozenset({"otro", "otra", "another", "other", "an", "par", "couple", "pair"})
_UNITS = {word: value for word, value in AMOUNTS.items() if value < 10 and word not in _NO_UNIT}
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})(?: y |-| )({'|'.join(_UNITS)})\b", re.IGNORECASE)


def spelled_out(text: str) -> str:
    """The text with each shortening written out; a text without any stays as it is."""
    text = _WITH.sub("with ", _WITHOUT.sub("without", text))
    text = _GLUED.sub(r"\1 ", text)
    text = _MONEY.sub(r"\1 pesos", text)
    text = _DOZEN_AND_HALF.sub(lambda match: str(12 * AMOUNTS.get((match[1] or "un").lower(), 1) + 6), text)
    text = _SOME_DOZENS.sub(_dozens, text)
    text = _WORD.sub(lambda match: _SHORT[match[0].lower()], text)
    text = _LETTER.sub(lambda match: _LETTERS[match[0]], text)
    return _COMPOUND.sub(lambda match: str(_TENS[match[1].lower()] + _UNITS[match[2].lower()]), text)


def _dozens(match: re.Match[str]) -> str:
    """ "media docena" is six, "dos docenas" 24."""
    half, between, many = match.groups()
    if half:
        return f"6 {between or ''}"
    return str(12 * (int(many) if many.isdecimal() else AMOUNTS.get(many.lower(), 1)))
