"""Decides what a customer wants, by the words they use: which tool to call with what, or what to say at once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.intent_types import (
    CHANGE,
    PERSON,
    PLACE,
    PLACED,
    PROMOTIONS,
    STAFFS,
    Intent,
    Said,
    asked,
)
from agents.offline.ordering.drafts import draft_of, in_context, last_asked, placed_draft, was_placed
from agents.offline.ordering.leftover import not_understood
from agents.offline.ordering.ordering import first_order_of, open_order, ordered
from agents.offline.ordering.repeats import look_up, once_more, repeat_asked
from agents.offline.ordering.sums import sum_asked
from agents.offline.ordering.wishes import wish_for_placed
from agents.offline.questions import service
from agents.offline.questions.dishes import ABOUT_DISH, ORDERS, about_dishes, diets
from agents.offline.questions.everyday import asked_every_day, something_is_wrong, unknown
from agents.offline.questions.staff import asks_two_for_one, speaks_of_promotions, staff_intent
from agents.offline.questions.strangers import strangers_asked
from agents.offline.questions.talk import talk, who
from agents.offline.questions.telling import being_told
from agents.offline.reading.consent import answered
from agents.offline.reading.order import read_order
from agents.offline.reading.wanted import Draft
from agents.offline.text.clauses import is_correction, says_instead
from agents.offline.text.words import bare
from agents.offline.told.simple_questions import simple_question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.reading.dishes import Dishes


_TO_WHAT_IS_THERE = re.compile(r"\b(?:agreg\w+|anad\w+|sumal\w+|quit\w+|me olvid\w+|add|remove|forgot)\b")
_AND = re.compile(r"^\W*(?:y|and|tambien|also|ademas|agreg\w+|add|ponle|sumale)\b")
_HOW_LONG = re.compile(r"\b(?:cuanto (?:tiempo|se tarda\w*|tarda\w*|demora\w*)|en cuanto tiempo|how long|how soon)\b")
# Said by a customer, these are a member of staff's orders all the same: refused, not misread.
_ORDERS_STAFF = re.compile(r"\b(?:publi[cq]\w+|publish|anunci\w+|announce|ventas|sales|vendido|marca\w*|mark)\b")


def understand(conversation: Sequence[Said], dishes: Dishes, *, staff: bool = False) -> Intent:
    """What the last message asks for, in the light of those before.

    Args:
        staff: The person writing works here.
    """
    conversation = [*conversation[:-1], Said(True, in_context(conversation, len(conversation) - 1, dishes))]
    intent = _understood(conversation, dishes, staff=staff)
    if intent.tool in (PLACE, CHANGE):
        first = last_asked(conversation) is None and intent.tool == PLACE
        intent = replace(intent, missed=not_understood(conversation[-1].text, intent.arguments, dishes, first=first))
    also = _asked_besides(bare(conversation[-1].text)) if intent.tool == PLACE else ""
    if also == "other_day":  # what is ordered is cooked at once
        return Intent(say=also)
    return replace(intent, also=also) if also else intent


def _asked_besides(compared: str) -> str:
    """What a message that orders asks, too."""
    return unknown(compared) or ("how_long" if _HOW_LONG.search(compared) else "")


def _understood(conversation: Sequence[Said], dishes: Dishes, *, staff: bool) -> Intent:
    text = conversation[-1].text
    before = conversation[-2].text if len(conversation) > 1 and not conversation[-2].by_customer else ""
    compared = bare(text)
    return (
        answered(text, compared, before)
        or _staff(text, compared, dishes, staff=staff)
        or who(compared)
        or (None if staff else strangers_asked(compared))
        or service.person(compared)
        or (Intent(PERSON) if something_is_wrong(compared) else None)
        or simple_question(compared, of_staff=False)
        or being_told(text, compared, before)
        or service.allergies(text, compared, dishes)
        or _asked_by_everybody(conversation, compared, dishes)
        or open_order(conversation, compared, dishes)
        or wish_for_placed(conversation, dishes)
        or service.about_placed(
            text, compared, dishes, just_placed=_adds_to_placed(conversation, compared, before, dishes)
        )
        or service.on_its_way(text, compared, wants_food=_wants_food(text, compared, dishes))
        or _promotions(compared)
        or about_dishes(text, compared, before, dishes)
        or first_order_of(text, compared, dishes)
        or talk(compared)
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
    return replace(ordered(draft), also=name) if draft.lines and not draft.open else Intent(say=name)


def _once_more(conversation: Sequence[Said], dishes: Dishes) -> Intent:
    """What was ordered in this conversation, or else the asker's last order, once it is looked up."""
    before = placed_draft(conversation, dishes)
    return look_up() if before is None else ordered(once_more(before, conversation[-1].text, dishes))


def _staff(text: str, compared: str, dishes: Dishes, *, staff: bool) -> Intent | None:
    wanted = staff_intent(text, compared, dishes) or simple_question(compared, of_staff=True)
    # What a customer says in a member of staff's words is refused, unless it means something else from them.
    return wanted if wanted and (staff or wanted.tool not in STAFFS or _ORDERS_STAFF.search(compared)) else None


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
