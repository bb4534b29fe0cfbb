"""Decides what comes of an order in the making: it is put together, asked about, shown again, or left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.language import says_yes
from agents.offline.intent_types import ASKS_NAME, ASKS_REST, MENU, PLACE, SAYS_YES, SUMMARY, Intent, Said, asked
from agents.offline.ordering.corrections import first_order
from agents.offline.ordering.drafts import draft_of, last_asked, says_nothing_new
from agents.offline.questions import service
from agents.offline.questions.dishes import ABOUT_DISH, ORDERS, WHOLE_MENU
from agents.offline.questions.everyday import unknown
from agents.offline.questions.talk import talk
from agents.offline.reading.consent import CALLED_OFF, NO, YES
from agents.offline.reading.order import THAT_IS_ALL, bare_name, read_order
from agents.offline.text.clauses import is_correction, starts_over
from agents.offline.text.words import amount, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.reading.dishes import Dishes
    from agents.offline.reading.wanted import Draft

_NO_MORE = re.compile(r"^\W*(?:(?:ay|mejor|perdon|sorry)\W+)*ya no(?:\W*$|[,.;]| gracias)")
_TOTAL = re.compile(r"\b(?:cuanto (?:es|seria|va a ser|te debo|queda)|how much (?:is|will)|(?:el|en|the|in) total)\b")
_WAIT = re.compile(
    r"^\W*(?:espera\w*|aguanta\w*|un (?:momento|segundo|ratito)|wait|hold on|one (?:moment|second)|a sec\w*)\b.{0,20}$"
)
_SEND_IT = re.compile(
    r"^\W*(?:si|sip|yes|yea|yeah|yep|ok|sure|dale|va|sale)\b[\s,.]*(?:send|place|mand|envi)\w*(?: (?:it|them))?\W*$"
)
_MAX_THING = 4  # words
_HELLO = re.compile(r"^\W*(?:hola|buen[oa]s(?: (?:tardes|noches|dias))?|hi|hello|hey)\b|\b(?:por favor|porfa|please)\b")


def open_order(conversation: Sequence[Said], compared: str, dishes: Dishes) -> Intent | None:
    """The answer to a question of ours about an order in the making, or a change of mind about it."""
    at = last_asked(conversation)
    if at is None:
        return None
    text, before = conversation[-1].text, conversation[at].text
    answers = at == len(conversation) - 2
    if _asks_for_it_again(conversation, compared, dishes, answers=answers):
        return ordered(draft_of(conversation[: at + 1], dishes))
    if (answers and (NO.match(compared) or starts_over(text))) or _called_off(text, compared, dishes):
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
    if asked(before, ASKS_REST) and YES.match(compared):
        draft.unknown = []
    if not draft.lines and not draft.vague and not draft.unknown and not draft.open:
        return Intent(say="left_it")
    if asked(before, SUMMARY) and not draft.unknown and says_nothing_new(conversation, draft, dishes):
        return _nothing_new(text, compared)
    return ordered(draft)


def _called_off(text: str, compared: str, dishes: Dishes) -> bool:
    return bool(CALLED_OFF.match(compared) or (_NO_MORE.match(compared) and not dishes.find(tokens(text))))


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
    if is_correction(text) and not THAT_IS_ALL.search(compared):
        return Intent(say="what_correction")
    said = talk(compared)
    return Intent(say="say_yes") if said.say in ("lost", "order_what", "welcome") else said


def first_order_of(text: str, compared: str, dishes: Dishes) -> Intent | None:
    draft = first_order(text, dishes)
    orders = bool(ORDERS.search(compared))
    if (draft.lines or draft.among) and (draft.counted or orders or draft.delivery or draft.unsure):
        return ordered(draft)
    if (
        (draft.unknown and (orders or _is_a_list(compared)))
        or (draft.vague and (draft.counted or orders))
        or (draft.open and draft.assorted)
    ):
        return ordered(draft)
    if draft.lines:
        return Intent(MENU, {"search": draft.lines[0].sku})
    return Intent(say="order_what") if draft.counted and len(text.split()) <= 1 else None


def _is_a_list(compared: str) -> bool:
    """ "un sushi y dos hamburguesas": nothing but things with an amount each."""
    parts = [part.split() for part in re.split(r"[,;.!\n]|\by\b|\band\b", _HELLO.sub("", compared))]
    said = [tokens(" ".join(part)) for part in parts if part]
    return "?" not in compared and all(1 < len(words) <= _MAX_THING and amount(words[0]) is not None for words in said)


def ordered(draft: Draft) -> Intent:
    if draft.unknown:
        names = tuple(line.sku for line in draft.lines)
        return Intent(say="not_on_menu", about=(*draft.unknown, *names))
    if draft.rest_of_unknown and draft.lines:
        return Intent(say="how_many", about=(draft.lines[-1].sku, ""))
    if draft.unsure and draft.lines:
        why = "weighed" if draft.weighed else "odd" if draft.odd else ""
        return Intent(say="how_many", about=(draft.unsure[-1], why))
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
