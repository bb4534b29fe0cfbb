"""What is asked about an order that is on its way, about allergies, and for a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agents.language import detect
from agents.offline.intent_types import (
    ALLERGENS,
    CANCEL,
    CHANGE,
    HISTORY,
    PERSON,
    START,
    TRACK,
    WATCH,
    Intent,
)
from agents.offline.reading.order import read_order
from agents.offline.text.words import tokens
from hub.domain.allergens import ALLERGENS as KNOWN
from hub.domain.menu import plain

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes
    from agents.offline.text.words import Token
    from hub.domain.allergens import Allergen

_PERSON = re.compile(
    r"\b(?:(?:hablar|comunica\w*|pasame|me pasas?|pasarme|atienda|conectame|chatear|hable) (?:con|a)?\s*"
    r"(?:una?|el|la|alguien)?\s*"
    r"(?:persona|humano|gerente|alguien|encargad[oa]|empleado|mesero|dueñ[oa]|duen[oa])|"
    r"(?:talk|speak|chat) (?:to|with) (?:a |an |the |some)?(?:real |actual )?"
    r"(?:human|person|manager|someone|somebody|body|one|owner)|real person|persona real|un humano|a human|"
    r"que me atienda (?:una persona|alguien)|quej(?:a|as|arme|o|arse)|complain\w*|reembols\w+|refund|devoluci\w+|"
    r"(?:talk|speak) (?:to|with) who\w*|get me (?:a|the) (?:manager|person))\b"
)
_CANCEL = re.compile(
    r"\b(?:cancel\w*|anul\w+|ya no (?:lo )?quiero (?:mi |el )?pedido|"
    r"ya no (?:quiero nada|l[oa]s? quiero)|call (?:it|the order) off)\b"
)
_MINE = re.compile(r"\b(?:(?:mi|el|al|del|este|mis) (?:pedido|orden)|mi orden|la orden|(?:my|the|this|that) order)\b")
_OF_MINE = re.compile(
    r"\b(?:(?:de|a|al|en|to|from|on|of|in) )?(?:mi|my|the|el) (?:pedido|orden|order)\b", re.IGNORECASE
)
_CHANGES = re.compile(
    r"\b(?:cambi\w+|modific\w+|agreg\w+|anad\w+|sum\w+|pon(?:le|gale)|quit\w+|elimin\w+|sea|change|modify|add|remove|"
    r"take|swap|update)\b"
)
_ADDRESS = re.compile(
    r"\b(?:cambi\w+ (?:mi |la )?direccion|direccion nueva|(?:mi|la) nueva direccion|change (?:my|the) address|"
    r"new address)\b"
)
_CODE = re.compile(
    r"\b(PED[A-Z0-9]{6,12})\b|(?:#|\b(?:pedido|orden|order|n[uú]mero|number|code|c[oó]digo)\s+#?)([A-Z0-9]{4,15})\b"
)
_TRACK = re.compile(
    r"\bdonde (?:esta|anda|va|viene|quedo)n?\b|\bwhere(?:'?s| is| are| did)\b.*\b(?:order|food|tacos?|it|"
    r"delivery|courier)\b|"
    r"\bcuanto (?:le )?(?:falta|tarda|demora|tiempo|mas)\b|\bcuantos minutos\b|\bhow (?:much longer|long|"
    r"soon|many minutes)\b|"
    r"\btard(?:a|an|ando|ado|as)\b|\btaking (?:so|too|for)\w*\b|"
    r"\b(?:a )?que hora (?:llega\w*|esta\w*|sale\w*|me|viene)\b|\bcuando (?:llega|esta|sale|viene|me)\w*\b|"
    r"\bwhen (?:will|is|does|can)\b|"
    r"\b(?:estado|estatus|status|seguimiento|eta)\b|\brastre\w+\b|\btrack(?:ing)?\b|\bcomo va\b|"
    r"\bsiguen? (?:en|sin|prepar)\b|\ben preparacion\b|\bya (?:esta|viene|quedo|salio|llego|va|mero|casi|"
    r"(?:lo|la|los|las) (?:tienen|estan|empez\w+|hicieron|prepara\w+))\b|\btodavia no (?:llega|esta)\b|"
    r"\b(?:no|aun no) (?:me |nos )?(?:han? )?lleg\w+\b|"
    r"\bmi (?:pedido|orden|comida|entrega)\b|\bmis pedidos\b|\bmy (?:order|orders|food|delivery)\b|"
    r"\b(?:is|are) (?:it|my \w+|they) (?:ready|done|coming|on (?:its|the|their) way)\b|\bready yet\b|"
    r"\bon (?:its|the) way\b|"
    r"\bel repartidor\b|\bthe courier\b|\bpor donde viene\b|\bque onda con (?:mi|el) pedido\b|"
    r"\blisto mi\b|\besta listo\b|\bantes (?:que|del|de) (?:el )?(?:mio|mi)\b|\b(?:ahead|in front) of me\b|"
    r"\bllev(?:o|amos) (?:.{0,20}esperando|(?:mas de |como |casi )?(?:\d+|una?|media|dos) (?:min|hora|"
    r"rato)\w*)\b|\bya pas(?:o|aron) .{0,20}(?:horas?|minutos|rato|tiempo)\b|\b(?:been|"
    r"still) waiting\b|"
    r"\bsigo esperando\b|\bhace .{0,20}que (?:lo )?(?:pedi|ordene)\b|\b(?:pedi|ordene) hace\b|\bordered .{0,30} ago\b|"
    r"\bque sigue\b|\bwhat(?:'s| is) next\b"
)
_LINK = re.compile(
    r"\b(?:link|enlace|liga|url)\b|\bempieza a (?:rastrear|seguir)\b|\bquiero seguir(?:lo)? (?:mi pedido|en vivo)\b|"
    r"\bstart tracking\b|\bfollow my order\b"
)
_WATCH = re.compile(
    r"\b(?:en vivo|mantenme al tanto|mantenme informad\w+|ve(?:me)? diciendo\w*|ve(?:me)? avisando\w*|"
    r"avisame de todo|"
    r"keep me (?:posted|updated|informed)|live updates?|watch my order|tell me as it happens)\b"
)
_HISTORY = re.compile(
    r"\b(?:historial|que (?:ha )?paso con mi pedido|que ha pasado|pedidos anteriores|mis (?:otros )?pedidos pasados|"
    r"history|what happened|past orders|previous orders|que he pedido|cuando lo (?:recibieron|empezaron))\b"
)
_ALLERGY = re.compile(
    r"\b(?:al[eé]rg\w+|allerg\w+|intoleran\w+|cel[ií]ac\w+|coeliac|celiac|libres? de|free of|"
    r"(?:gluten|dairy|nut|egg)[- ]free|"
    r"(?:without|no) (?:any )?(?:gluten|dairy|lactose|nuts|peanuts|eggs?)|"
    r"no (?:puede[ns]?|puedo|podemos|debo|debe) comer|can(?:no|')?t (?:eat|have)|no tolera\w*|me hace dano|"
    r"sin gluten|sin lactosa|contienen?|contains?|trazas|traces)\b"
)
_PERSONAL = re.compile(r"\b(?:alergi[ac]\w*|allerg(?:y|ic|ies)|intoleran\w+)\b")
_MAX_ALLERGENS = 4  # asked of the tool in one turn, which may call eight times
_HAS = re.compile(r"\b(?:tienen?|llevan?|traen?|hay|has|have|is there|are there|does)\b")


_ASKS = re.compile(r"^\W*(?:is|are|does|do|has|have|any\w*|tienen?|llevan?|traen?|hay|algo|que|cual\w*|what|which)\b")


def person(compared: str) -> Intent | None:
    return Intent(PERSON) if _PERSON.search(compared) else None


def code_in(text: str) -> str | None:
    """The order's number that a message names: with a digit or in capitals, or else it is just a word."""
    match = _CODE.search(text)
    named = (match[1] or match[2]) if match else None
    return named if named and any(char.isdigit() or char.isupper() for char in named) else None


def about_placed(text: str, compared: str, dishes: Dishes, *, just_placed: bool) -> Intent | None:
    """Cancelling or changing what has been ordered."""
    named = _named(text)
    if _CANCEL.search(compared):
        return Intent(CANCEL, named)
    if _ADDRESS.search(compared) or (_CHANGES.search(compared) and _MINE.search(compared)) or just_placed:
        changes = _changes(text, compared, dishes)
        if changes:
            return Intent(CHANGE, changes | named)
        if not just_placed:
            return Intent(say="what_change")
    return None


def _changes(text: str, compared: str, dishes: Dishes) -> dict[str, Any]:
    """The changes that a message names; empty if it names none."""
    said = read_order(_OF_MINE.sub(" ", text), dishes)
    removes = re.search(r"\b(?:quit\w+|elimin\w+|remove|take\b.*\boff|ya no quiero)\b", compared)
    swap = re.search(r"\b(?:cambi\w+|change|swap)\b(.+?)\b(?:por|for|to)\b(.+)", compared)
    items: list[dict[str, Any]] = []
    if swap and len(said.lines) == 2 and not _ADDRESS.search(compared):
        old, new = said.lines
        items = [{"sku": old.sku, "qty": 0}, {"sku": new.sku, "qty": new.qty, "how": "add"}]
    elif removes:
        fewer = {"how": "less"} if said.counted else {}
        items = [{"sku": line.sku, "qty": line.qty if fewer else 0} | fewer for line in said.lines]
    elif re.search(r"\b(?:que sean|make it|mejor|(?:pedido|orden) a|order to)\b", compared):
        items = [{"sku": line.sku, "qty": line.qty} for line in said.lines]
    else:
        for line in said.lines:
            item: dict[str, Any] = {"sku": line.sku, "qty": line.qty, "how": "add"}
            items.append(item | ({"notes": ", ".join(line.notes)[:200]} if line.notes else {}))
    found: dict[str, Any] = {"items": items} if items else {}
    if said.address:
        found["address"] = said.address
    elif said.delivery and not items:
        found["delivery"] = said.delivery
    return found


def allergies(text: str, compared: str, dishes: Dishes) -> Intent | None:
    """A question about what is in the food, for somebody who may not have it."""
    words = tokens(text)
    hits = [hit for hit in dishes.find(words) if hit.sku]
    named = {at for hit in hits for at in range(hit.start, hit.end)}
    # "the allergens in the fish taco" name a dish; "soy alérgico al pescado" names none.
    meant = _meant([word for at, word in enumerate(words) if at not in named])
    if not meant and _PERSONAL.search(compared):
        meant, hits = _meant(words), []
    asks = meant and ("?" in text or _ASKS.match(compared)) and _HAS.search(compared)
    if not asks and (not _ALLERGY.search(compared) or read_order(text, dishes).counted):
        return None
    skus = list(dict.fromkeys(hit.sku for hit in hits))
    dish: dict[str, Any] = {"dish": skus[0]} if len(skus) == 1 else {}
    asked = [dish | {"allergen": allergen.id} for allergen in meant[:_MAX_ALLERGENS]] or ([dish] if dish else [])
    if asked:
        return Intent(ALLERGENS, asked[0], then=tuple(asked[1:]))
    return Intent(say="which_allergen") if re.search(r"\b(?:alerg\w+|allerg\w+)\b", compared) else None


def _meant(words: list[Token]) -> list[Allergen]:
    said = [plain(word.word) for word in words]
    if detect(" ".join(said), "en") == "es":
        said = [word for word in said if word != "soy"]  # in Spanish that is "I am"
    return [
        allergen
        for allergen in KNOWN
        if any(_said(plain(name), said) for name in (allergen.id, allergen.es, allergen.en, *allergen.words))
    ]


def _said(name: str, words: list[str]) -> bool:
    return name in words if " " not in name else name in " ".join(words)


def on_its_way(text: str, compared: str, *, wants_food: bool) -> Intent | None:
    """Where it is, what has happened, and staying informed."""
    if wants_food:
        return None
    for pattern, tool in ((_WATCH, WATCH), (_LINK, START), (_HISTORY, HISTORY)):
        if pattern.search(compared):
            return Intent(tool, _named(text))
    if _TRACK.search(compared) or code_in(text):
        return Intent(TRACK, _named(text))
    return None


def _named(text: str) -> dict[str, Any]:
    code = code_in(text)
    return {"code": code} if code else {}
