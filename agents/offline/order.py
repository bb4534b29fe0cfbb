"""Reads an order out of what a customer wrote: dishes, amounts, wishes, a name, and how they get it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents.language import word_set
from agents.offline.words import ALSO, BREAKS, FILLERS, Token, amount, bare, combined, singular, tokens
from hub.domain.menu import plain

if TYPE_CHECKING:
    from agents.offline.dishes import Dishes, Found

_NAME = re.compile(
    r"(?:\bsoy|\bme llamo|\bmi nombre es|\ba nombre de|\bnombre\s*(?:es|:)|\bi'?m|\bi’m|\bi am|\bmy name is|"
    r"\bmy name's|\bname\s*(?:is|:)|\bunder the name(?: of)?|\bunder|\bthis is|\bcall me)\s+"
    r"((?:[^\W\d_][\w'’-]*)(?:\s+[^\W\d_][\w'’-]*){0,3})",
    re.IGNORECASE,
)
_NO_NAME = word_set(
    """
    vegetariano vegetariana vegano vegana alergico alergica intolerante de del el la un una yo cliente nuevo
    nueva hungry allergic vegetarian vegan looking here a an the not in at on waiting calling new gonna going
    ready done sorry still just trying interested celiaco diabetico urgente
    """
)
_NAME_ENDS = word_set(
    """
    y e and para por con quiero quisiera dame ponme me a en que lo el la gracias please thanks for to at from
    pick pickup delivery deliver recoger llevar paso voy i we it is es will estoy mi my
    """
)
_DELIVERY = re.compile(
    r"\ba domicilio\b|\bdomicilio\b|\benvi(?:o|ar|en|a|ame|amelo|enmelo)\b|\bmand(?:a|en|ar)(?:me|melo|lo|"
    r"los|nos|noslo)\b|"
    r"\bmandar\b|\btra(?:er|igan|iganme|iganmelo|emelo|eme)\b|\bllev(?:en|a|enme|enmelo|amelo|arlo a|arme)\b|"
    r"\bme l[oa]s? (?:llevan|traen|mandan)\b|\bentreg(?:a|ar|uen|uenlo)\b|\breparto\b|"
    r"\bdeliver(?:y|ed)?\b|\bbring (?:it|them|me)\b|\bsend (?:it|them)\b"
)
_PICKUP = re.compile(
    r"\bpara llevar\b|\brecog(?:er|erlo|erlos|emos)\b|\brecojo\b|\bpas(?:o|amos|are) (?:por|a)\b|"
    r"\bpasar(?:e)? (?:por|a)\b|"
    r"\bvoy por\b|\bpara aqui\b|\bpara comer (?:ahi|alli|aqui)\b|\bpick(?:ing)? ?(?:it |them )?up\b|"
    r"\bpickup\b|\bpick up\b|"
    r"\bto go\b|\btake ?(?:away|out)\b|\bcollect\b|\bfor here\b|\bi'?ll (?:come|pass) (?:by|for|get)\b|"
    r"\bpaso yo\b"
)
_STREET = (
    r"(?:calle|av\.|avenida|av|calz\.|calzada|col\.|colonia|privada|priv\.|blvd\.?|boulevard|cerrada|"
    r"andador|paseo|"
    r"edificio|carretera|callej[oó]n|prolongaci[oó]n|circuito|eje|plaza|street|avenue|road)"
)
_ADDRESS = re.compile(
    r"(?:\b(?:mi )?direcci[oó]n(?: es)?\s*:?|\bmy address is|\baddress(?: is)?\s*:?|\bdomicilio\s*(?:a|en|:)|"
    r"\bdeliver(?:y|ed)?(?: it| them)? (?:to|at)|\b(?:bring|send) (?:it|them|me this) to|\benv[ií]o (?:a|en)|"
    r"\b(?:env[ií]|m[aá]nd|ll[eé]v|tr[aá]i?g?)\w* (?:a|en)|\bentreg\w* (?:a|en)|\bllevan a|\btraen a|"
    r"\bmandan a)\s+(.+)"
    rf"|\b(?:(?:a|en|at|to)\s+)?(?:la\s+)?({_STREET}\s.+)",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS_ENDS = re.compile(
    r"[,.;]?\s*(?:\by\s+|\band\s+)?(?:\bsoy\b|\bme llamo\b|\bmi nombre\b|\ba nombre de\b|\bi'?m\b|"
    r"\bi am\b|\bmy name\b|\bunder\b|"
    r"\bname\s*(?:is|:)|\bpor favor\b|\bplease\b|\bgracias\b|\bthanks\b|\bquiero\b|\bquisiera\b|"
    r"\bi want\b|\bi'd like\b|"
    r"\bpara llevar\b)|"
    r"(?<!\bav)(?<!\bcol)(?<!\bcalz)(?<!\bno)(?<!\bnum)(?<!\bint)(?<!\bext)(?<!\bpriv)(?<!\bblvd)(?<!\besq)"
    r"[.;!?]\s+(?=[^\W\d_])|\n",
    re.IGNORECASE,
)
_NOT_AN_ADDRESS = frozenset({"mi casa", "casa", "mi domicilio", "domicilio", "my house", "my place", "my home", "home"})
_WISHES = frozenset({"sin", "without", "extra", "con", "with", "no", "bien", "poco", "poca", "well"})
_EVERYTHING = frozenset({"todo", "todos", "todas", "all", "everything", "ambos", "both"})
_NOISE = word_set(
    """
    quiero quisiera dame deme denme ponme pon me das da pedir pido pedirte ordenar order get have like want
    would i i'd id could can we us need necesito give for para y and que si yes hola hello hi hey buenas buenos
    dias tardes noches good morning evening let lets to favor please just solo nada only gracias thanks thank
    you porfa va ok okay bueno sale vale claro entonces mejor instead quita agrega add anade ahi regalas vendes
    anotame apuntame mi my it is es lo le se hoy today ahora now cosa vez thing time pregunta duda momento
    question minute moment second idea rapido tambien te encargo encargar llevar comer hacer hago haz un una uno
    a an
    """
)


@dataclass(slots=True)
class Wanted:
    """One line: a dish, how many, and how."""

    sku: str
    qty: int = 1
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """What is known of an order so far.

    Attributes:
        vague: Categories named without saying which dish ("tres tacos").
        unknown: Things asked for that the menu has not.
    """

    lines: list[Wanted] = field(default_factory=list)
    name: str | None = None
    delivery: str | None = None
    address: str | None = None
    vague: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    counted: bool = False

    def then(self, later: Draft, *, instead: bool) -> Draft:
        """This draft after a further message."""
        return Draft(
            lines=later.lines if instead and later.lines else self.lines + later.lines,
            name=later.name or self.name,
            delivery=later.delivery or self.delivery,
            address=later.address or self.address,
            vague=later.vague if later.lines else self.vague + later.vague,
            unknown=later.unknown,
            counted=self.counted or later.counted,
        )

    def arguments(self) -> dict[str, Any]:
        """As `place_order` wants it; what is not known is left out."""
        items = []
        for line in self.lines:
            item: dict[str, Any] = {"sku": line.sku, "qty": line.qty}
            if line.notes:
                item["notes"] = ", ".join(line.notes)[:200]
            items.append(item)
        known = {"customer_name": self.name, "delivery": self.delivery, "address": self.address}
        return {"items": items} | {key: value for key, value in known.items() if value}


def read_order(text: str, dishes: Dishes) -> Draft:
    """What one message says of an order."""
    draft = Draft()
    rest = _take_address(text, draft)
    rest = _take_name(rest, draft)
    if draft.delivery is None:
        draft.delivery = _delivery(rest)
    _Reader(dishes, draft).read(_without_delivery(rest))
    return draft


def bare_name(text: str) -> str | None:
    """A message that is nothing but a name, and perhaps how they get it: the answer to "who is it for?"."""
    text = _without_delivery(_take_address(text, Draft()))
    words = [word for word in tokens(text) if word.word not in BREAKS]
    kept = [word.raw for word in words if word.word not in _NOISE and amount(word) is None]
    return " ".join(kept)[:80] if 1 <= len(kept) <= 3 and all(word.isalpha() for word in kept) else None


def bare_address(text: str) -> str | None:
    """A message that is nothing but an address: the answer to "where to?"."""
    address = re.sub(r"^\s*(?:a|en|to|at|es|it's|its)\s+", "", text, flags=re.IGNORECASE)
    address = _ADDRESS_ENDS.split(address, maxsplit=1)[0].strip(" ,.;\n")
    return address[:200] if len(address) >= 4 and plain(address) not in _NOT_AN_ADDRESS else None


def _take_address(text: str, draft: Draft) -> str:
    match = _ADDRESS.search(text)
    if match is None:
        return text
    group = 1 if match[1] is not None else 2
    address = _ADDRESS_ENDS.split(match[group], maxsplit=1)[0]
    end = match.start(group) + len(address)
    address = address.strip(" ,.;:!?\n")
    if not address or plain(address) in _NOT_AN_ADDRESS:
        return text
    draft.address = address[:200]
    draft.delivery = "delivery"
    return f"{text[: match.start()]} , {text[end:]}"


def _take_name(text: str, draft: Draft) -> str:
    for match in _NAME.finditer(text):
        said = re.match(r"\S+(?:\s+\S+){0,3}", match[1])
        words = said[0].split() if said else []
        kept: list[str] = []
        for word in words:
            if plain(word) in _NAME_ENDS or (kept and kept[0][:1].isupper() and not word[:1].isupper()):
                break
            kept.append(word)
        if kept and plain(kept[0]) not in _NO_NAME:
            draft.name = " ".join(kept)[:80]
            start = match.start(1)
            end = start + match[1].index(kept[-1], 0 if len(kept) == 1 else len(kept[0])) + len(kept[-1])
            return f"{text[: match.start()]} , {text[end:]}"
    return text


def _delivery(text: str) -> str | None:
    compared = bare(text)
    if _DELIVERY.search(compared):
        return "delivery"
    return "pickup" if _PICKUP.search(compared) else None


def _without_delivery(text: str) -> str:
    """The text without the phrases that say how it is fetched: "para llevar" is no wish about a taco."""
    for pattern in (_DELIVERY, _PICKUP):
        for match in reversed(list(pattern.finditer(bare(text)))):
            text = f"{text[: match.start()]} , {text[match.end() :]}"
    return text


class _Reader:
    """Walks over the words once: amounts wait for their dish, wishes belong to the dish before them."""

    def __init__(self, dishes: Dishes, draft: Draft) -> None:
        self._dishes = dishes
        self._draft = draft
        self._pending: int | None = None
        self._after_pending: list[Token] = []
        self._joined = False  # nothing but small words since the last dish

    def read(self, text: str) -> None:
        words = tokens(text)
        found = {hit.start: hit for hit in self._dishes.find(words)}
        at = 0
        while at < len(words):
            word = words[at]
            hit = found.get(at)
            if hit is not None:
                at = self._dish(words, hit)
            elif (value := amount(word)) is not None:
                at = self._amount(words, at, value)
            elif word.word in _WISHES and self._draft.lines and self._is_wish(words, at, found):
                at = self._wish(words, at, found)
            else:
                self._other(word)
                at += 1
        self._give_up_pending()

    def _dish(self, words: list[Token], hit: Found) -> int:
        lines = self._draft.lines
        if hit.category:
            self._category(hit, words)
            return hit.end
        self._after_pending = []
        if self._pending is None and self._joined and lines and self._modifies(words, hit):
            if words[hit.start - 1].word in ("con", "with") and lines[-1].sku != hit.sku:
                lines[-1].notes.append(" ".join(word.raw for word in words[hit.start - 1 : hit.end]))
            return hit.end
        qty, self._pending = self._pending or 1, None
        lines.append(Wanted(hit.sku, qty))
        self._joined = True
        after = words[hit.end : hit.end + 2]
        if len(after) == 2 and after[0].word == "x" and (times := amount(after[1])):
            lines[-1].qty = times
            self._draft.counted = True
            return hit.end + 2
        if after and after[0].word.startswith("x") and (times := amount(after[0])):
            lines[-1].qty = times
            self._draft.counted = True
            return hit.end + 1
        return hit.end

    def _modifies(self, words: list[Token], hit: Found) -> bool:
        """`gringa al pastor`, `refresco de cola`: the second is a word about the first."""
        before = words[hit.start - 1].word if hit.start else ""
        return self._draft.lines[-1].sku == hit.sku or before in ("de", "al", "con", "with", "of", "del")

    def _category(self, hit: Found, words: list[Token]) -> None:
        # "tres tacos: dos de pastor y uno de suadero": the amounts that follow are the ones that count.
        self._after_pending.append(words[hit.start])
        self._draft.vague.append(hit.category)
        self._joined = False

    def _amount(self, words: list[Token], at: int, value: int) -> int:
        before = words[at - 1] if at else None
        self._give_up_pending()
        self._pending = combined(before, words[at], value)
        self._draft.counted = True
        self._joined = False
        return at + 1

    def _is_wish(self, words: list[Token], at: int, found: dict[int, Found]) -> bool:
        following = words[at + 1] if at + 1 < len(words) else None
        if following is None or following.word in BREAKS or (at + 1 in found and words[at].word in ("con", "with")):
            return False
        return not (words[at].word == "no" and following.word in _NOISE)

    def _wish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        everything = at > 0 and words[at - 1].word in _EVERYTHING
        end = at + 1
        while end < len(words) and not self._ends_wish(words, end, found):
            end += 1
        wish = " ".join(word.raw for word in words[at:end])
        for line in self._draft.lines if everything else self._draft.lines[-1:]:
            line.notes.append(wish)
        return end

    def _ends_wish(self, words: list[Token], at: int, found: dict[int, Found]) -> bool:
        word = words[at]
        if word.word in BREAKS or word.word in ("para", "porfa", "please", "soy", "pero", "but"):
            return True
        if word.word == "por" and at + 1 < len(words) and words[at + 1].word == "favor":
            return True
        if word.word in ALSO:
            return at + 1 >= len(words) or at + 1 in found or amount(words[at + 1]) is not None
        return (at in found and words[at - 1].word not in _WISHES | {"de"}) or amount(word) is not None

    def _other(self, word: Token) -> None:
        if word.word in BREAKS or word.word in ALSO:
            if self._after_pending and word.word not in FILLERS:
                self._give_up_pending()
            self._joined = False
            return
        if word.word in FILLERS:
            return
        self._joined = False
        if self._pending is not None and word.word not in _NOISE:
            self._after_pending.append(word)

    def _give_up_pending(self) -> None:
        """An amount that no dish followed: of something the menu has not, unless it was a category."""
        said, self._after_pending = self._after_pending, []
        pending, self._pending = self._pending, None
        if pending is None or not said:
            return
        strange = [word for word in said if not self._dishes.knows(word.word) and singular(word.word) != "taco"]
        if strange:
            self._draft.unknown.append(" ".join(word.raw for word in said[:4]))
