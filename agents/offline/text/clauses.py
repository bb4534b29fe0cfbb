"""Cuts a message where a verb says that something else is to be done: "agrega un flan y quita la coca"."""

from __future__ import annotations

import re

from agents.offline.text.words import AMOUNTS, bare

NUMBER = rf"(?:\d{{1,3}}|{'|'.join(AMOUNTS)})"
_REMOVE = (
    r"(?<!se me )qu[ií]t\w+|elim[ií]n\w+|borra\w*|s[aá]ca(?:le|me|lo|la)?\b|ya no quiero|no quiero|mejor sin|"
    r"sin (?:el|la|los|las)\b"
)
_DROP = (
    r"remove|scratch(?! that)|skip|ditch|nix|take (?:\w+ )?(?:off|out|away)|drop|lose|no longer want|"
    r"(?:i )?don'?t want|forget the|no more|"
    r"without the|hold the"
)
_PUT = r"dame|deme|denme|quiero|quisiera|give me|i want|i'?ll (?:have|take)|i'?d like|let me have"
_ADD = (
    r"agr[eé]g\w*|a[nñ]ad\w*|s[uú]ma\w*|p[oó]n(?:me|le|gale|game)?\b|tambi[eé]n|adem[aá]s|"
    rf"\by (?:otr[oa]s?|un[oa]?)\b|\by con (?={NUMBER}\b)|add|also|plus|throw in|as well"
)
_SWAP = r"c[aá]mbi\w+|reempl[aá]z\w+|sustit[uú]y\w+|change|swap|replace|en (?:vez|lugar) de|instead of"
_INSTEAD = (
    r"mejor|hazlo|make (?:it|that)|actually|rather|instead|en realidad|scratch that|perd[oó]n|digo|corrijo|"
    r"quise decir|i mean|i meant|eran|"
    rf"s[uú]b[ea]\w* a|b[aá]ja\w* a|no[\s,.…]+(?:(?:espera|p[eé]rate|wait)\w*[\s,.…]+)?(?={NUMBER}\b)"
)
# "let": that is how many, or which; or one thing more ("y de tomar que sea una coca").
VERBS = re.compile(
    rf"\b(?:(?P<remove>{_REMOVE})|(?P<drop>{_DROP})|(?P<put>{_PUT})|(?P<swap>{_SWAP})|(?P<add>{_ADD})|"
    rf"(?P<let>que sean?)|"
    rf"(?P<instead>{_INSTEAD}))",
    re.IGNORECASE,
)
MORE = re.compile(r"\b(?:mas|more|extra|otr[oa]s?|another)\b")
ADDITION = re.compile(r"^\W*(?:y|and|plus|ademas|tambien|also|con)\b")
TWICE = re.compile(r"\b(?:el doble|al doble|double|twice as (?:many|much))\b")
_START_OVER = re.compile(r"\b(?:quita todo|borra todo|empe\w+ de nuevo|start over|cancel everything|nada de eso)\b")
WISH = re.compile(r"\b(?:sin|without|con|with|extra|bien|poc[oa]|well)\b|\bno (?!quiero)\w+")


def is_correction(text: str) -> bool:
    """Whether a message changes an order in the making, rather than asking something else."""
    compared = bare(text)
    changes = any(cut.lastgroup != "put" for cut in VERBS.finditer(text))
    return bool(
        changes or ADDITION.match(compared) or MORE.search(compared) or WISH.search(compared) or TWICE.search(compared)
    )


def says_instead(text: str) -> bool:
    """Whether a message puts something into another's place: "mejor que sean cuatro"."""
    return any(cut.lastgroup in ("instead", "let") for cut in VERBS.finditer(text))


def starts_over(text: str) -> bool:
    return bool(_START_OVER.search(bare(text)))


def turning_point(text: str) -> int | None:
    """Where a message takes back what it has just said: "4 de pastor, no, mejor 5"."""
    return next((cut.start() for cut in VERBS.finditer(text) if cut.lastgroup not in ("put", "add")), None)


def clauses(text: str) -> list[tuple[str, str]]:
    """A message cut where a verb says that something else is to be done; what comes before the first is plain."""
    cuts = list(VERBS.finditer(text))
    if not cuts:
        return [("", text)]
    ends = [*(cut.start() for cut in cuts[1:]), len(text)]
    parts = [("", text[: cuts[0].start()])]
    for cut, end in zip(cuts, ends, strict=True):
        kind, verb = cut.lastgroup or "", cut[0].lower()
        if kind == "swap" and verb.startswith(("en ", "instead")):
            # "una jamaica en vez de la horchata": what comes first is what comes in.
            comes = parts.pop()[1] if parts[-1][0] in ("", "add", "instead") else ""
            parts.append(("swap", f"{text[cut.end() : end]} por {comes}"))
        elif parts[-1][0] == "swap" and parts[-1][1].endswith(" por "):
            # "en vez de la horchata dame una jamaica"
            parts[-1] = ("swap", f"{parts[-1][1]}{text[cut.end() : end]}")
        else:
            # "y una horchata", "take one off": the amount is part of the clause.
            begin = cut.start() + 1 if verb.startswith("y ") else cut.start() if verb.startswith("take") else cut.end()
            parts.append((kind, text[begin:end]))
    return [(kind, part) for kind, part in parts if part.strip(" ,.;:!¡") or kind in ("remove", "drop")]
