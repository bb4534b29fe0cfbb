"""Decides what a customer wants, by the words they use: which tool to call with what, or what to say at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents.language import word_set
from agents.offline.order import Draft, bare_address, bare_name, read_order
from agents.offline.words import bare, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.dishes import Dishes

PLACE, TRACK, MENU, PROMO = "place_order", "track_order", "show_menu", "publish_promotion"


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the conversation, as the rules see it."""

    by_customer: bool
    text: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A tool to call, or (without one) a thing to say: a name in `answers`."""

    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    say: str = ""
    about: tuple[str, ...] = ()


_PUBLISH = re.compile(r"\b(?:publi[cq]\w+|anunci\w+|lanz\w+|publish|announce|launch|post|send out)\b")
_PROMO = re.compile(r"\b(?:promo\w*|oferta\w*|descuento\w*|deals?|discounts?|offers?|aviso|anuncio)\b")
_OUTSIDE = re.compile(
    r"\b(?:horarios?|abr(?:en|ir)|abiert[oa]s?|cierran|opening|open until|what time do you (?:open|close)|"
    r"closing|ubicad\w+|"
    r"sucursal\w*|donde quedan|located|location|your address|tarjeta|efectivo|pag(?:ar|o|os)|factura\w*|"
    r"propina|"
    r"credit card|pay|payment|cash|invoice|tip|wifi|estacionamiento|parking|trabajo|empleo|reserv\w+|mesa|"
    r"table)\b"
)
_CHANGE = re.compile(
    r"\b(?:cancel\w*|cambi(?:ar|a|e|en|o) (?:mi|el|la|de) (?:pedido|orden|direccion)|modificar|"
    r"change (?:my|the) order|"
    r"quitar(?:le)? (?:algo )?(?:a|de) mi pedido|reembols\w+|refund|devoluci\w+|queja|complain\w*)\b"
)
_PERSON = re.compile(
    r"\b(?:(?:hablar|comunica\w*|pasame|atienda|conectame|chatear) (?:con|a)?\s*(?:una?|el|la|alguien)?\s*"
    r"(?:persona|humano|gerente|alguien|encargad[oa]|empleado)|(?:talk|speak) (?:to|with) (?:a |an |the |some)?"
    r"(?:human|person|manager|someone|somebody|body|one)|real person|persona real|un humano|a human)\b"
)
_TRACK = re.compile(
    r"\bdonde (?:esta|anda|va|viene|quedo)n?\b|\bwhere(?:'?s| is| are| did)\b.*\b(?:order|food|tacos?|it|"
    r"delivery|courier)\b|"
    r"\bcuanto (?:le )?(?:falta|tarda|demora|tiempo|mas)\b|\bcuantos minutos\b|\bhow (?:much longer|long|"
    r"soon|many minutes)\b|"
    r"\b(?:a )?que hora (?:llega|esta|sale|me|viene)\b|\bcuando (?:llega|esta|sale|viene|me)\w*\b|"
    r"\bwhen (?:will|is|does|can)\b|"
    r"\b(?:estado|estatus|status|seguimiento|eta)\b|\brastre\w+\b|\btrack(?:ing)?\b|\bcomo va\b|"
    r"\bya (?:esta|viene|salio|llego|va|mero|casi|lo (?:tienen|estan))\b|\btodavia no (?:llega|esta)\b|"
    r"\b(?:no|aun no) (?:ha )?lleg\w+\b|"
    r"\bmi (?:pedido|orden|comida|entrega)\b|\bmis pedidos\b|\bmy (?:order|orders|food|delivery)\b|"
    r"\b(?:is|are) (?:it|my \w+|they) (?:ready|done|coming|on (?:its|the|their) way)\b|\bready yet\b|"
    r"\bon (?:its|the) way\b|"
    r"\bel repartidor\b|\bthe courier\b|\bpor donde viene\b|\bque onda con (?:mi|el) pedido\b|"
    r"\blisto mi\b|\besta listo\b"
)
_CODE = re.compile(
    r"\b(PED[A-Z0-9]{6,12})\b|(?:#|\b(?:pedido|orden|order|n[uú]mero|number|code|c[oó]digo)\s+#?)([A-Z0-9]{4,15})\b"
)
_ABOUT_DISH = re.compile(
    r"\b(?:cuanto (?:cuesta|cuestan|vale|valen|es|son|sale|salen)|que precio|precios?|a como|how much|"
    r"prices?|cost|costs|"
    r"que (?:lleva|llevan|trae|traen|tiene)\b|de que (?:es|son)|ingredient\w*|alerg\w+|allerg\w+|gluten|"
    r"lactosa|picoso|picante|"
    r"what(?:'?s| is) in|what does .* have|"
    r"tien(?:es|en)|hay|queda|quedan|venden|manejan|do you (?:have|sell|serve)|is there|are there|got any|"
    r"have any|"
    r"que es\b|what is|what's|recomiend\w+|recommend\w*)"
)
_MENU = re.compile(
    r"\b(?:menu|carta|que (?:hay|tienen|tienes|venden|ofrecen|me recomiendas|recomiendas|manejan|sirven)|"
    r"what do you "
    r"(?:have|sell|serve|offer|recommend)|what(?:'?s| is) (?:on the menu|available|good|there)|platillos|"
    r"recomiend\w+|recommend\w*|lista de precios|precios|prices|opciones|options|que puedo (?:pedir|comer))\b"
)
_ORDER = re.compile(
    r"\b(?:quiero|quisiera|dame|deme|denme|ponme|pon|me (?:das|da|pones|traes|regalas|vendes|gustaria|"
    r"mandas|encargas)|pedir|"
    r"pido|ordenar|encargar|necesito|agrega\w*|anade\w*|anota\w*|apunta\w*|manda\w*|envia\w*|para llevar|"
    r"a domicilio|"
    r"por favor|porfa|want|i'?d like|would like|i'?ll (?:have|take|get)|can i (?:get|have|order)|"
    r"could i (?:get|have)|"
    r"give me|get me|let me (?:get|have)|please|add|para recoger|to go|for pickup|for delivery|mejor|instead)\b"
)
_INSTEAD = re.compile(r"\b(?:mejor|en vez|en lugar|cambia\w*|instead|rather|actually)\b")
_FOLLOW_UP = re.compile(r"^\W*(?:y (?:la|el|las|los|de)|what about|how about|and the|and what about)\b")
_GREETING = re.compile(
    r"\b(?:hola|buen[oa]s|buen dia|que tal|saludos|hello|hi|hey|good (?:morning|afternoon|evening))\b"
)
_THANKS = re.compile(r"\b(?:gracias|thanks|thank you|thx|te lo agradezco)\b")
_BYE = re.compile(r"\b(?:adios|hasta luego|bye|goodbye|nos vemos|chao)\b")
_HELP = re.compile(
    r"\b(?:ayuda\w*|help|que (?:puedes|sabes) hacer|what can you do|como funciona|how does this work|"
    r"opciones)\b"
)
_WHO = re.compile(
    r"\b(?:quien eres|que eres|eres (?:un[ao]? )?(?:robot|bot|ia|humano|persona|maquina|real)|who are you|"
    r"what are you|"
    r"are you (?:a |an )?(?:bot|robot|human|ai|real|person)|hablo con (?:un|una)|como te llamas|your name|"
    r"que modelo|which model|what model|chatgpt|inteligencia artificial)\b"
)
_YES = re.compile(
    r"^\W*(?:si|sip|claro|ok(?:ay)?|dale|va|sale|por favor|yes|yeah|yep|sure|please|correcto|lo demas|"
    r"the rest)\b"
)
_NO = re.compile(
    r"^\W*(?:no|nada|nel|ninguno|nope|never ?mind|olvidalo|dejalo|forget it)\b[\s,.!]*(?:gracias|thanks|"
    r"thank you)?\W*$"
)

# How the offline model asks for what an order lacks; read back to know that it has asked.
ASKS_NAME = ("¿A nombre de quién?", "What name is it for?")
ASKS_DELIVERY = ("¿Pasas por él o te lo llevamos?", "Will you pick it up, or shall we deliver it?")
ASKS_ADDRESS = ("¿A qué dirección lo llevamos?", "What address should we bring it to?")
ASKS_REST = ("¿Pido lo demás?", "Shall I order the rest?")
ASKS_WHICH = ("¿De cuáles te anoto?", "Which ones would you like?")
_ASKS = (*ASKS_NAME, *ASKS_DELIVERY, *ASKS_ADDRESS, *ASKS_REST, *ASKS_WHICH)


def understand(conversation: Sequence[Said], dishes: Dishes) -> Intent:
    """What the last message asks for, in the light of those before."""
    text = conversation[-1].text
    before = conversation[-2].text if len(conversation) > 1 and not conversation[-2].by_customer else ""
    compared = bare(text)
    asked = any(question in before for question in _ASKS)
    return (
        _promotion(text, compared)
        or _refusals(compared)
        or _about_order(text, compared, dishes)
        or (_continued(conversation, compared, dishes) if asked else None)
        or _about_dishes(text, compared, before, dishes)
        or _order(text, compared, dishes)
        or _talk(compared)
    )


def _promotion(text: str, compared: str) -> Intent | None:
    if not (_PUBLISH.search(compared) and _PROMO.search(compared)):
        return None
    title, message = _headline(text)
    return Intent(PROMO, {"title": title, "message": message}) if message else Intent(say="what_promotion")


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


def _refusals(compared: str) -> Intent | None:
    if _PERSON.search(compared):
        return Intent(say="person")
    if _WHO.search(compared):
        return Intent(say="who")
    if _CHANGE.search(compared):
        return Intent(say="no_changes")
    return None


def _about_order(text: str, compared: str, dishes: Dishes) -> Intent | None:
    code = _CODE.search(text)
    named = (code[1] or code[2]) if code else None
    if named and not any(char.isdigit() or char.isupper() for char in named):
        named = None
    wants = _ORDER.search(compared) and read_order(text, dishes).lines
    if (_TRACK.search(compared) or named) and not wants and not _OUTSIDE.search(compared):
        return Intent(TRACK, {"code": named} if named else {})
    return None


def _continued(conversation: Sequence[Said], compared: str, dishes: Dishes) -> Intent | None:
    """The answer to a question of ours about an order in the making."""
    if _NO.match(compared):
        return Intent(say="left_it")
    draft = _draft(conversation, dishes)
    before = conversation[-2].text
    answer = conversation[-1].text
    if any(question in before for question in ASKS_NAME) and draft.name is None:
        draft.name = bare_name(answer)
    if any(question in before for question in ASKS_ADDRESS) and draft.address is None:
        draft.address = bare_address(answer)
        draft.unknown = []  # an address is full of numbers
    if _ABOUT_DISH.search(compared):
        return None
    if any(question in before for question in ASKS_REST) and _YES.match(compared):
        draft.unknown = []
    return _ordered(draft)


def _draft(conversation: Sequence[Said], dishes: Dishes) -> Draft:
    """All that was said of this order: back to the message that nothing of ours asked for."""
    start = len(conversation) - 1
    while start >= 2 and any(question in conversation[start - 1].text for question in _ASKS):
        start -= 2
    draft = Draft()
    for said in conversation[start:]:
        if said.by_customer:
            later = read_order(said.text, dishes)
            draft = draft.then(later, instead=bool(_INSTEAD.search(bare(said.text))))
    return draft


def _about_dishes(text: str, compared: str, before: str, dishes: Dishes) -> Intent | None:
    found = dishes.find(tokens(text))
    skus = list(dict.fromkeys(hit.sku for hit in found if hit.sku))
    categories = [hit.category for hit in found if hit.category]
    asks = _ABOUT_DISH.search(compared) or (_FOLLOW_UP.match(compared) and "$" in before)
    draft = read_order(text, dishes)
    if asks and not (_ORDER.search(compared) and draft.counted and draft.lines):
        if skus:
            return Intent(MENU, {"search": skus[0] if len(skus) == 1 else _common(skus, dishes)})
        if categories:
            return Intent(MENU, {"search": categories[0]})
        if not _MENU.search(compared) and (sought := _sought(text, compared)) and not _OUTSIDE.search(compared):
            return Intent(MENU, {"search": sought})
    if _MENU.search(compared) and not draft.lines and not _OUTSIDE.search(compared):
        return Intent(MENU, {"search": categories[0]} if categories else {})
    return None


def _common(skus: list[str], dishes: Dishes) -> str:
    """One search for several dishes: their category, if they share one."""
    shared = {dishes.menu.by_sku[sku].category for sku in skus}
    return shared.pop() if len(shared) == 1 else skus[0]


_ASKING = word_set(
    """
    cuanto cuesta cuestan vale valen es son sale salen que precio precios a como how much price prices cost
    costs lleva llevan trae traen tiene tienen tienes hay queda quedan venden manejan do you have sell serve is
    are there got any some the la el las los un una de of in what whats hola hello hi y and aun todavia still
    algo anything con with does it alergenos alergias allergens hoy today por favor please me podrias decir si
    oye ahi ustedes
    """
)


def _sought(text: str, compared: str) -> str:
    """The thing asked about, when the menu file does not know it by that name."""
    words = [word for word in tokens(text) if word.word.isalnum() and word.word not in _ASKING]
    return (
        " ".join(word.raw for word in words[:4])[:80]
        if re.search(r"cuesta|tien|hay|vend|have|sell|much", compared)
        else ""
    )


def _order(text: str, compared: str, dishes: Dishes) -> Intent | None:
    draft = read_order(text, dishes)
    if draft.lines and (draft.counted or _ORDER.search(compared) or draft.delivery):
        return _ordered(draft)
    if (draft.unknown and _ORDER.search(compared)) or (draft.vague and (draft.counted or _ORDER.search(compared))):
        return _ordered(draft)
    if draft.lines:
        return Intent(MENU, {"search": draft.lines[0].sku})
    return None


def _ordered(draft: Draft) -> Intent:
    if draft.unknown:
        names = tuple(line.sku for line in draft.lines)
        return Intent(say="not_on_menu", about=(", ".join(draft.unknown), *names))
    if draft.lines:
        return Intent(PLACE, draft.arguments())
    if draft.vague:
        return Intent(MENU, {"search": draft.vague[0]}, about=("which",))
    return Intent(say="order_what")


def _talk(compared: str) -> Intent:
    for pattern, name in (
        (_OUTSIDE, "outside"),
        (_HELP, "help"),
        (_THANKS, "welcome"),
        (_BYE, "bye"),
        (_GREETING, "greeting"),
        (_PROMO, "promos"),
    ):
        if pattern.search(compared):
            return Intent(say=name)
    if _ORDER.search(compared):
        return Intent(say="order_what")
    return Intent(say="lost")
