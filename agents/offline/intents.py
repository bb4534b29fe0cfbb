"""Decides what a customer wants, by the words they use: which tool to call with what, or what to say at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.language import says_yes, tapped, word_set
from agents.offline import service
from agents.offline.corrections import is_correction, says_instead, starts_over
from agents.offline.drafts import draft_of, last_asked, says_nothing_new, was_placed
from agents.offline.order import read_order
from agents.offline.said import (
    ASKS_REST,
    ASKS_YES,
    CONFIRM,
    MENU,
    PLACE,
    PLACED,
    PROMOTIONS,
    STAFFS,
    SUMMARY,
    Intent,
    Said,
    asked,
)
from agents.offline.staff import speaks_of_promotions, staff_intent
from agents.offline.wanted import Draft
from agents.offline.words import bare, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.dishes import Dishes


_OUTSIDE = re.compile(
    r"\b(?:horarios?|abr(?:en|ir)|abiert[oa]s?|cierran|opening|open until|what time do you (?:open|close)|"
    r"closing|ubicad\w+|"
    r"sucursal\w*|donde quedan|located|location|your address|tarjeta|efectivo|pag(?:ar|o|os)|factura\w*|"
    r"propina|"
    r"credit card|pay|payment|cash|invoice|tip|wifi|estacionamiento|parking|trabajo|empleo|reserv\w+|mesa|"
    r"table|manana|tomorrow|program\w+|schedule\w*|mas tarde|para las \d+|at \d+ ?pm)\b"
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
    r"recomiend\w+|recommend\w*|lista de precios|precios|prices|opciones|options|agotad\w*|"
    r"sold out|barat\w+|cheap\w*|que puedo (?:pedir|comer))\b"
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
    r"^\W*(?:no|nada|nel|ninguno|nope|never ?mind|olvidalo|dejalo|forget it|wait|esperat?e?)\b"
    r"[\s,.!]*(?:gracias|thanks|thank you|wait|esperat?e?)?\W*$"
)
_CALLED_OFF = re.compile(
    r"^\W*(?:mejor )?(?:cancel\w*(?: it| that| todo)?|olvidalo|dejalo|ya no (?:l[oa]s? )?quiero(?: nada)?)\W*$"
)
_THAT_IS_ALL = re.compile(r"\b(?:es todo|nada mas|that'?s (?:all|it)|that is all|seria todo)\b")
_TOTAL = re.compile(r"\b(?:cuanto (?:es|seria|va a ser|te debo|queda)|how much (?:is|will)|el total|the total)\b")
_TO_WHAT_IS_THERE = re.compile(r"\b(?:agreg\w+|anad\w+|sumal\w+|quit\w+|add|remove)\b")
_AND = re.compile(r"^\W*(?:y|and|tambien|also|ademas|agreg\w+|add|ponle|sumale)\b")
# Said by a customer, these are a member of staff's orders all the same: refused, not misread.
_ORDERS_STAFF = re.compile(r"\b(?:publi[cq]\w+|publish|anunci\w+|announce|ventas|sales|vendido|marca\w*|mark)\b")


def understand(conversation: Sequence[Said], dishes: Dishes, *, staff: bool = False) -> Intent:
    """What the last message asks for, in the light of those before.

    Args:
        staff: The person writing works here.
    """
    text = conversation[-1].text
    before = conversation[-2].text if len(conversation) > 1 and not conversation[-2].by_customer else ""
    compared = bare(text)
    return (
        _answered(text, compared, before)
        or _staff(text, compared, dishes, staff=staff)
        or _who(compared)
        or service.person(compared)
        or service.being_told(text, compared)
        or service.allergies(text, compared, dishes)
        or _open_order(conversation, compared, dishes)
        or service.about_placed(
            text, compared, dishes, just_placed=_adds_to_placed(conversation, compared, before, dishes)
        )
        or service.on_its_way(text, compared, wants_food=_wants_food(text, compared, dishes))
        or _promotions(compared)
        or _about_dishes(text, compared, before, dishes)
        or _order(text, compared, dishes)
        or _talk(compared)
    )


def _answered(text: str, compared: str, before: str) -> Intent | None:
    """A yes or a no to what was proposed; or a tap, which says itself what it is about."""
    if tapped(text):
        return Intent(CONFIRM)
    if not asked(before, ASKS_YES):
        return None
    if says_yes(text):
        return Intent(CONFIRM)
    if _NO.match(compared) or _CALLED_OFF.match(compared) or starts_over(text):
        return Intent(say="left_it" if asked(before, SUMMARY) else "left_as_it_is")
    return None


def _staff(text: str, compared: str, dishes: Dishes, *, staff: bool) -> Intent | None:
    wanted = staff_intent(text, compared, dishes)
    # What a customer says in a member of staff's words is refused, unless it means something else from them.
    return wanted if wanted and (staff or wanted.tool not in STAFFS or _ORDERS_STAFF.search(compared)) else None


def _who(compared: str) -> Intent | None:
    return Intent(say="who") if _WHO.search(compared) else None


def _promotions(compared: str) -> Intent | None:
    return Intent(PROMOTIONS) if speaks_of_promotions(compared) and not _ORDER.search(compared) else None


def _wants_food(text: str, compared: str, dishes: Dishes) -> bool:
    if _OUTSIDE.search(compared):
        return True
    return bool(_ORDER.search(compared) and read_order(text, dishes).lines)


def _adds_to_placed(conversation: Sequence[Said], compared: str, before: str, dishes: Dishes) -> bool:
    """ "y una horchata", "quita el flan": right after an order was placed, it is about that order; and "mejor que sean
    cuatro" is some while later, too."""
    text = conversation[-1].text
    if (says_instead(text) or _TO_WHAT_IS_THERE.search(compared)) and was_placed(conversation):
        said = read_order(text, dishes)
        return bool(said.lines or said.delivery)
    if not asked(before, PLACED) or _ABOUT_DISH.search(compared) or not read_order(text, dishes).lines:
        return False
    return bool(_AND.match(compared)) or is_correction(text)


def _open_order(conversation: Sequence[Said], compared: str, dishes: Dishes) -> Intent | None:
    """The answer to a question of ours about an order in the making, or a change of mind about it."""
    at = last_asked(conversation)
    if at is None:
        return None
    text, before = conversation[-1].text, conversation[at].text
    answers = at == len(conversation) - 2
    if (answers and (_NO.match(compared) or starts_over(text))) or _CALLED_OFF.match(compared):
        return Intent(say="left_it")
    if asked(before, SUMMARY) and _TOTAL.search(compared) and not dishes.find(tokens(text)):
        return _ordered(draft_of(conversation[: at + 1], dishes))
    question = (
        _ABOUT_DISH.search(compared) or _MENU.search(compared) or service.on_its_way(text, compared, wants_food=False)
    )
    if question and not is_correction(text):
        return None
    if _OUTSIDE.search(compared) or (not answers and not is_correction(text)):
        return None
    draft = draft_of(conversation, dishes)
    if asked(before, ASKS_REST) and _YES.match(compared):
        draft.unknown = []
    if not draft.lines and not draft.vague and not draft.unknown:
        return Intent(say="left_it")
    if asked(before, SUMMARY) and not draft.unknown and says_nothing_new(conversation, draft, dishes):
        return _nothing_new(text, compared)
    return _ordered(draft)


def _nothing_new(text: str, compared: str) -> Intent:
    """A message that leaves a summary as it is."""
    if is_correction(text) and not _THAT_IS_ALL.search(compared):
        return Intent(say="what_correction")
    talk = _talk(compared)
    return Intent(say="say_yes") if talk.say in ("lost", "order_what", "welcome") else talk


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
    if draft.open:
        return Intent(MENU, {"search": draft.open[0]}, about=("which",))
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
    ):
        if pattern.search(compared):
            return Intent(say=name)
    if _ORDER.search(compared):
        return Intent(say="order_what")
    return Intent(say="nothing_to_confirm" if says_yes(compared) else "lost")
