"""Decides what a customer wants, by the words they use: which tool to call with what, or what to say at once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.language import says_yes, tapped
from agents.offline import service
from agents.offline.corrections import first_order, is_correction, says_instead, starts_over
from agents.offline.drafts import draft_of, in_context, last_asked, placed_draft, says_nothing_new, was_placed
from agents.offline.everyday import asked_every_day, small_talk, something_is_wrong, unknown
from agents.offline.order import bare_name, read_order
from agents.offline.questions import ABOUT_DISH, ORDERS, WHOLE_MENU, about_dishes, diets
from agents.offline.repeats import look_up, once_more, repeat_asked
from agents.offline.said import (
    ASKS,
    ASKS_MENU,
    ASKS_NAME,
    ASKS_PERSON,
    ASKS_REST,
    ASKS_YES,
    CONFIRM,
    MENU,
    PERSON,
    PLACE,
    PLACED,
    PROMOTIONS,
    SAYS_YES,
    STAFFS,
    SUMMARY,
    Intent,
    Said,
    asked,
)
from agents.offline.staff import asks_two_for_one, speaks_of_promotions, staff_intent
from agents.offline.strangers import strangers_asked
from agents.offline.sums import sum_asked
from agents.offline.telling import being_told
from agents.offline.wanted import Draft
from agents.offline.wishes import wish_for_placed
from agents.offline.words import amount, bare, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.dishes import Dishes


_GREETING = re.compile(
    r"\b(?:hola|ola|holi\w*|buen[oa]s|buen dia|que (?:tal|onda|hubo)|saludos|hello|hi|hey|howdy|whats? ?up|"
    r"good (?:morning|afternoon|evening))\b"
)
_THANKS = re.compile(r"\b(?:gracias|thanks|thank you|thx|tysm|te lo agradezco|muy amables?)\b")
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
    r"^\W*(?:(?:ay|ah|oh|bueno|pues|mejor|no|ya|sabes que|oye|actually)\W+)*(?:no|nada|nel|ninguno|nope|"
    r"never ?mind|olvidalo|dejalo|forget it|wait|esperat?e?)\b"
    r"[\s,.!]*(?:gracias|thanks|thank you|wait|esperat?e?)?\W*$"
)
_CALLED_OFF = re.compile(
    r"^\W*(?:(?:mejor|never ?mind|no|ok|ya|actually|sabes que|oye|perdon|sorry)[\s,.]+)*(?:cancel\w*(?: it|"
    r" that| todo| mejor)?|olvidalo|dejalo|ya no (?:l[oa]s? )?quiero(?: nada)?)\W*$"
)
_NO_MORE = re.compile(r"^\W*(?:(?:ay|mejor|perdon|sorry)\W+)*ya no(?:\W*$|[,.;]| gracias)")
_THAT_IS_ALL = re.compile(r"\b(?:es todo|nada mas|con eso|that'?s (?:all|it)|that is all|seria todo)\b")
_TOTAL = re.compile(r"\b(?:cuanto (?:es|seria|va a ser|te debo|queda)|how much (?:is|will)|(?:el|en|the|in) total)\b")
_WAIT = re.compile(
    r"^\W*(?:espera\w*|aguanta\w*|un (?:momento|segundo|ratito)|wait|hold on|one (?:moment|second)|a sec\w*)\b.{0,20}$"
)
_TO_WHAT_IS_THERE = re.compile(r"\b(?:agreg\w+|anad\w+|sumal\w+|quit\w+|me olvid\w+|add|remove|forgot)\b")
_AND = re.compile(r"^\W*(?:y|and|tambien|also|ademas|agreg\w+|add|ponle|sumale)\b")
_HOW_LONG = re.compile(r"\b(?:cuanto (?:tiempo|tarda\w*|demora\w*)|en cuanto tiempo|how long|how soon)\b")
_SEND_IT = re.compile(
    r"^\W*(?:si|sip|yes|yea|yeah|yep|ok|sure|dale|va|sale)\b[\s,.]*(?:send|place|mand|envi)\w*(?: (?:it|them))?\W*$"
)
_FEW = 4  # words of a yes
_LONGEST_THING = 4  # words
_HELLO = re.compile(r"^\W*(?:hola|buen[oa]s(?: (?:tardes|noches|dias))?|hi|hello|hey)\b|\b(?:por favor|porfa|please)\b")
# Said by a customer, these are a member of staff's orders all the same: refused, not misread.
_ORDERS_STAFF = re.compile(r"\b(?:publi[cq]\w+|publish|anunci\w+|announce|ventas|sales|vendido|marca\w*|mark)\b")


def understand(conversation: Sequence[Said], dishes: Dishes, *, staff: bool = False) -> Intent:
    """What the last message asks for, in the light of those before.

    Args:
        staff: The person writing works here.
    """
    conversation = [*conversation[:-1], Said(True, in_context(conversation, len(conversation) - 1, dishes))]
    intent = _understood(conversation, dishes, staff=staff)
    also = unknown(bare(conversation[-1].text)) if intent.tool == PLACE else ""
    if also == "other_day":  # what is ordered is cooked at once
        return Intent(say=also)
    return replace(intent, also=also) if also else intent


def _understood(conversation: Sequence[Said], dishes: Dishes, *, staff: bool) -> Intent:
    text = conversation[-1].text
    before = conversation[-2].text if len(conversation) > 1 and not conversation[-2].by_customer else ""
    compared = bare(text)
    return (
        _answered(text, compared, before)
        or _staff(text, compared, dishes, staff=staff)
        or _who(compared)
        or (None if staff else strangers_asked(compared))
        or service.person(compared)
        or (Intent(PERSON) if something_is_wrong(compared) else None)
        or being_told(text, compared, before)
        or service.allergies(text, compared, dishes)
        or _asked_by_everybody(conversation, compared, dishes)
        or _open_order(conversation, compared, dishes)
        or wish_for_placed(conversation, dishes)
        or service.about_placed(
            text, compared, dishes, just_placed=_adds_to_placed(conversation, compared, before, dishes)
        )
        or service.on_its_way(text, compared, wants_food=_wants_food(text, compared, dishes))
        or _promotions(compared)
        or about_dishes(text, compared, before, dishes)
        or _order(text, compared, dishes)
        or _talk(compared)
    )


def _asked_by_everybody(conversation: Sequence[Said], compared: str, dishes: Dishes) -> Intent | None:
    """Diets, sums, and the questions with one answer for all; an order in the making goes on after it."""
    text, at = conversation[-1].text, last_asked(conversation)
    if at is not None and is_correction(text) and "?" not in text:
        return None
    if wanted := diets(text, compared, dishes) or sum_asked(conversation, compared, dishes):
        return wanted
    name, said = asked_every_day(compared), read_order(text, dishes)
    if at is None and repeat_asked(compared) and not said.lines:
        return _once_more(conversation, dishes)
    if at is not None and not name and _HOW_LONG.search(compared):
        name = "how_long"
    if name in ("how_long", "both_ways") and (not_known := unknown(compared)):
        name = not_known
    if (
        not name
        or (said.lines and (name == "spicy" or said.counted or ORDERS.search(compared)))
        or (name == "how_long" and was_placed(conversation))
        or (at is not None and said.delivery)
    ):
        return None
    if at is None and (wish := wish_for_placed(conversation, dishes)):
        return wish
    draft = draft_of(conversation[: at + 1], dishes) if at is not None else Draft()
    return replace(_ordered(draft), also=name) if draft.lines and not draft.open else Intent(say=name)


def _once_more(conversation: Sequence[Said], dishes: Dishes) -> Intent:
    """What was ordered in this conversation, or else the asker's last order, once it is looked up."""
    before = placed_draft(conversation, dishes)
    return look_up() if before is None else _ordered(once_more(before, conversation[-1].text, dishes))


def _answered(text: str, compared: str, before: str) -> Intent | None:
    """A yes or a no to what was proposed; or a tap, which says itself what it is about."""
    if tapped(text):
        return Intent(CONFIRM)
    if not asked(before, (*ASKS_YES, *ASKS)):
        return _to_an_offer(text, compared, before)
    if not asked(before, ASKS_YES):
        return None
    if says_yes(text):
        return Intent(CONFIRM)
    if _NO.match(compared) or _CALLED_OFF.match(compared) or starts_over(text):
        return Intent(say="left_it" if asked(before, SUMMARY) else "left_as_it_is")
    return None


def _to_an_offer(text: str, compared: str, before: str) -> Intent | None:
    """A yes or a no to "shall I hand you over to a person?", "shall I show you the menu?"."""
    if not asked(before, (*ASKS_PERSON, *ASKS_MENU)):
        return None
    if _NO.match(compared):
        return Intent(say="all_right")
    if says_yes(text) or (_YES.match(compared) and len(text.split()) <= _FEW):
        return Intent(PERSON) if asked(before, ASKS_PERSON) else Intent(MENU)
    return None


def _staff(text: str, compared: str, dishes: Dishes, *, staff: bool) -> Intent | None:
    wanted = staff_intent(text, compared, dishes)
    # What a customer says in a member of staff's words is refused, unless it means something else from them.
    return wanted if wanted and (staff or wanted.tool not in STAFFS or _ORDERS_STAFF.search(compared)) else None


def _who(compared: str) -> Intent | None:
    return Intent(say="who") if _WHO.search(compared) else None


def _promotions(compared: str) -> Intent | None:
    if asks_two_for_one(compared):  # ordered or asked for: what it is of and until when, only the promotions say
        return Intent(PROMOTIONS)
    return Intent(PROMOTIONS) if speaks_of_promotions(compared) and not ORDERS.search(compared) else None


def _wants_food(text: str, compared: str, dishes: Dishes) -> bool:
    if unknown(compared):
        return True
    return bool(ORDERS.search(compared) and read_order(text, dishes).lines)


def _adds_to_placed(conversation: Sequence[Said], compared: str, before: str, dishes: Dishes) -> bool:
    """ "y una horchata", "quita el flan": right after an order was placed, it is about that order; and "mejor que sean
    cuatro" is some while later, too."""
    text = conversation[-1].text
    if (says_instead(text) or _TO_WHAT_IS_THERE.search(compared)) and was_placed(conversation):
        said = read_order(text, dishes)
        return bool(said.lines or said.delivery)
    if not asked(before, PLACED) or ABOUT_DISH.search(compared) or not read_order(text, dishes).lines:
        return False
    return bool(_AND.match(compared)) or is_correction(text)


def _open_order(conversation: Sequence[Said], compared: str, dishes: Dishes) -> Intent | None:
    """The answer to a question of ours about an order in the making, or a change of mind about it."""
    at = last_asked(conversation)
    if at is None:
        return None
    text, before = conversation[-1].text, conversation[at].text
    answers = at == len(conversation) - 2
    if _asks_for_it_again(conversation, compared, dishes, answers=answers):
        return _ordered(draft_of(conversation[: at + 1], dishes))
    if (answers and (_NO.match(compared) or starts_over(text))) or _called_off(text, compared, dishes):
        return Intent(say="left_it")
    if answers and asked(before, SUMMARY) and _SEND_IT.match(compared):
        return Intent(say="say_yes")
    question = (
        ABOUT_DISH.search(compared)
        or WHOLE_MENU.search(compared)
        or service.on_its_way(text, compared, wants_food=False)
    )
    if question and not is_correction(text):
        return None
    said = read_order(text, dishes)
    named = said.name or (asked(before, ASKS_NAME) and text[:1].isupper() and bare_name(text))
    says_more = bool(said.lines or said.among or named or said.delivery or said.address)
    if not says_more and (unknown(compared) or (not answers and not is_correction(text))):
        return None
    draft = draft_of(conversation, dishes)
    if asked(before, ASKS_REST) and _YES.match(compared):
        draft.unknown = []
    if not draft.lines and not draft.vague and not draft.unknown and not draft.open:
        return Intent(say="left_it")
    if asked(before, SUMMARY) and not draft.unknown and says_nothing_new(conversation, draft, dishes):
        return _nothing_new(text, compared)
    return _ordered(draft)


def _called_off(text: str, compared: str, dishes: Dishes) -> bool:
    return bool(_CALLED_OFF.match(compared) or (_NO_MORE.match(compared) and not dishes.find(tokens(text))))


def _asks_for_it_again(conversation: Sequence[Said], compared: str, dishes: Dishes, *, answers: bool) -> bool:
    """ "wait", "how much is it?", or a yes that does not come right after its summary, where alone it counts."""
    text, before = conversation[-1].text, conversation[last_asked(conversation) or 0].text
    if answers and _WAIT.match(compared) and not is_correction(text):
        return True
    if says_yes(text) and asked(conversation[-2].text, SAYS_YES):
        return True
    return bool(asked(before, SUMMARY) and _TOTAL.search(compared) and not dishes.find(tokens(text)))


def _nothing_new(text: str, compared: str) -> Intent:
    """A message that leaves a summary as it is."""
    if is_correction(text) and not _THAT_IS_ALL.search(compared):
        return Intent(say="what_correction")
    talk = _talk(compared)
    return Intent(say="say_yes") if talk.say in ("lost", "order_what", "welcome") else talk


def _order(text: str, compared: str, dishes: Dishes) -> Intent | None:
    draft = first_order(text, dishes)
    orders = bool(ORDERS.search(compared))
    if (draft.lines or draft.among) and (draft.counted or orders or draft.delivery):
        return _ordered(draft)
    if (
        (draft.unknown and (orders or _is_a_list(compared)))
        or (draft.vague and (draft.counted or orders))
        or (draft.open and draft.assorted)
    ):
        return _ordered(draft)
    if draft.lines:
        return Intent(MENU, {"search": draft.lines[0].sku})
    return Intent(say="order_what") if draft.counted and len(text.split()) <= 1 else None


def _is_a_list(compared: str) -> bool:
    """ "un sushi y dos hamburguesas": nothing but things with an amount each."""
    parts = [part.split() for part in re.split(r"[,;.!\n]|\by\b|\band\b", _HELLO.sub("", compared))]
    said = [tokens(" ".join(part)) for part in parts if part]
    return "?" not in compared and all(
        1 < len(words) <= _LONGEST_THING and amount(words[0]) is not None for words in said
    )


def _ordered(draft: Draft) -> Intent:
    if draft.unknown:
        names = tuple(line.sku for line in draft.lines)
        return Intent(say="not_on_menu", about=(*draft.unknown, *names))
    if draft.rest_of_unknown and draft.lines:
        return Intent(say="how_many", about=(draft.lines[-1].sku,))
    if draft.unsure and draft.lines:
        return Intent(say="how_many", about=(draft.unsure[-1], *(["weighed"] if draft.weighed else [])))
    if draft.assorted and draft.open and not draft.among:
        return Intent(say="assorted")
    if draft.among and draft.open:
        return Intent(say="how_many_each", about=(str(draft.open[1]), *(line.sku for line in draft.among)))
    if draft.open:
        return Intent(MENU, {"search": draft.open[0]}, about=("which",))
    if draft.lines:
        return Intent(PLACE, draft.arguments())
    if draft.vague:
        return Intent(MENU, {"search": draft.vague[0]}, about=("which",))
    return Intent(say="order_what")


def _talk(compared: str) -> Intent:
    if name := unknown(compared):
        return Intent(say=name)
    if talk := small_talk(compared):
        return talk
    for pattern, name in ((_HELP, "help"), (_THANKS, "welcome"), (_BYE, "bye"), (_GREETING, "greeting")):
        if pattern.search(compared):
            return Intent(say=name)
    if _NO.match(compared):
        return Intent(say="all_right")
    if ORDERS.search(compared):
        return Intent(say="order_what")
    return Intent(say="nothing_to_confirm" if says_yes(compared) else "lost")
