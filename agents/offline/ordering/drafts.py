"""The order in the making: put together from all that was said of it, message by message."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.intent_types import ASKS, ASKS_ADDRESS, ASKS_NAME, PLACED, SUMMARY, Said, asked
from agents.offline.ordering.corrections import corrected
from agents.offline.ordering.repeats import noted, once_more, repeat_asked
from agents.offline.questions.everyday import asked_every_day, small_talk, unknown
from agents.offline.reading.fetching import bare_address, led_to
from agents.offline.reading.order import bare_name, read_order
from agents.offline.reading.wanted import Draft
from agents.offline.text.clauses import is_correction, says_instead
from agents.offline.text.words import AMOUNTS, bare, tokens
from agents.texts import ASKS_YES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.reading.dishes import Dishes

_REMEMBERED = 8  # messages that an order in the making survives while other things are asked
_CANCELLED = ("Cancelé tu pedido", "is cancelled.")
# An amount of which nothing follows but how, for whom, and please.
_BARE_AMOUNT = re.compile(
    rf"\b(?:\d{{1,3}}|{'|'.join(AMOUNTS)})\b(?:\s+(?:de (?:es[oa]s|ell[oa]s)|of (?:those|them|these)|more|mas))?"
    r"(?=\s*(?:$|[,.!?;]|\b(?:sin|con|without|with|no|extra|bien|para|pa|por|porfa|please|xfa|y|and|to|for|a|soy|i'?m|"
    r"deliver\w*|"
    r"pick\w*)\b))"
)
_THAT_ONE = re.compile(
    r"\b(?:dame(?:l[oa])?(?: es[aeo])?|(?:l[ao]|es[aeo]|uno de esos) quiero|quiero es[aeo]|me l[oa] das|"
    r"i'?ll (?:take|have) (?:it|that|one|that one)|give me (?:it|that|one)|i want (?:it|that|one))(?=\s*(?:$|[,.!?;]))"
)
_LEFT = ("no pedí nada", "nothing was ordered")


def last_asked(conversation: Sequence[Said]) -> int | None:
    """Where we last asked something about an order that is still open; None if there is none."""
    for at in range(len(conversation) - 2, max(-1, len(conversation) - 2 - _REMEMBERED), -1):
        said = conversation[at]
        if said.by_customer:
            continue
        if asked(said.text, ASKS):
            return at
        if asked(said.text, (*PLACED, *ASKS_YES, *_LEFT)):
            return None
    return None


def was_placed(conversation: Sequence[Said]) -> bool:
    """Whether an order was placed not long ago, and none is in the making since."""
    lately = [said.text for said in conversation[:-1][-2 * _REMEMBERED :] if not said.by_customer]
    return last_asked(conversation) is None and any(asked(text, PLACED) for text in lately)


def placed_draft(conversation: Sequence[Said], dishes: Dishes) -> Draft | None:
    """The order that was placed last, as it was said here; None if it was changed since, or not put together here."""
    placed = [at for at, said in enumerate(conversation) if not said.by_customer and asked(said.text, PLACED)]
    if not placed or placed[-1] < 2 or not asked(conversation[placed[-1] - 2].text, SUMMARY):
        return None
    if any(asked(said.text, _CANCELLED) for said in conversation[placed[-1] :]):
        return None
    return draft_of(conversation[: placed[-1] - 1], dishes)


def in_context(conversation: Sequence[Said], at: int, dishes: Dishes) -> str:
    """ "¿tienen quesadillas?" – "dame dos": the dish is the one that was asked about just before."""
    text = conversation[at].text
    if at < 2 or conversation[at - 1].by_customer or not conversation[at - 2].by_customer:
        return text
    told, question = conversation[at - 1].text, conversation[at - 2].text
    if "$" not in told or asked(told, (*ASKS, *PLACED)) or dishes.find(tokens(text)):
        return text
    hits = dishes.find(tokens(question))
    skus, categories = {hit.sku for hit in hits if hit.sku}, {hit.category for hit in hits if hit.category}
    if len(skus) == 1:
        name = dishes.menu.by_sku[skus.pop()].name
    elif not skus and len(categories) == 1:
        name = next(one.name for one in dishes.menu.categories if one.id in categories)
    else:
        return text
    if says_instead(text):
        return text
    if match := _THAT_ONE.search(bare(text)):
        return f"{text[: match.start()]} quiero 1 {name} {text[match.end() :]}"
    match = _BARE_AMOUNT.search(bare(text))
    return f"{text[: match.end()]} {name} {text[match.end() :]}" if match else text


def draft_of(conversation: Sequence[Said], dishes: Dishes) -> Draft:
    """All that was said of the open order: each message that we answered with a question about it, and the last."""
    start = len(conversation) - 1
    for at in range(len(conversation) - 2, -1, -1):
        said = conversation[at]
        if not said.by_customer and asked(said.text, (*PLACED, *_LEFT)):
            break
        if said.by_customer and asked(conversation[at + 1].text, ASKS):
            start = at
    draft = Draft()
    for at in range(start, len(conversation)):
        last = at == len(conversation) - 1
        if not conversation[at].by_customer or not (last or asked(conversation[at + 1].text, ASKS)):
            continue
        if not draft.lines and not last and repeat_asked(bare(conversation[at].text)):
            draft = _again(conversation, at, dishes)
            continue
        draft = _with(draft, in_context(conversation, at, dishes), _question_before(conversation, at), dishes)
        if not last:
            draft.unknown = []
    return draft


def _again(conversation: Sequence[Said], at: int, dishes: Dishes) -> Draft:
    """What a message that asks for an earlier order has led to: our answer to it says so."""
    before = placed_draft(conversation[: at + 1], dishes)
    if before is not None:
        return once_more(before, conversation[at].text, dishes)
    said = read_order(conversation[at].text, dishes)
    return replace(said, lines=noted(conversation[at + 1].text, dishes).lines, unknown=[])


def _question_before(conversation: Sequence[Said], at: int) -> str:
    """What we last asked of the order before a message: another question of theirs may stand between."""
    earlier = reversed(conversation[:at])
    return next((said.text for said in earlier if not said.by_customer and asked(said.text, (*ASKS, *PLACED))), "")


def _with(draft: Draft, text: str, before: str, dishes: Dishes) -> Draft:
    """The draft after one more message, which may be nothing but the answer to what we asked."""
    said = read_order(text, dishes)
    whole = not said.address or led_to(text, said.address)
    if not said.lines and whole and said.delivery != "pickup" and draft.address is None and asked(before, ASKS_ADDRESS):
        # An address is full of numbers: none of them is an amount.
        return replace(draft, address=bare_address(text), name=said.name or draft.name)
    after = corrected(draft, text, dishes)
    compared = bare(text)
    asks = asked_every_day(compared) or unknown(compared) or small_talk(compared) or repeat_asked(compared)
    if after.name is None and asked(before, ASKS_NAME) and not said.lines and not said.unknown and not asks:
        after.name = _name_in(text)
    return after


def _name_in(text: str) -> str | None:
    """The answer to "who is it for?": "Ana", "Ana, sin cebolla"; and "sin cebolla" is nobody."""
    parts = text.split(",") if is_correction(text) else [text]
    return next((bare_name(part) for part in parts if not is_correction(part)), None)


def says_nothing_new(conversation: Sequence[Said], draft: Draft, dishes: Dishes) -> bool:
    before = draft_of(conversation[:-1], dishes) if len(conversation) > 2 else Draft()
    return draft.arguments() == before.arguments()
