"""The order in the making: put together from all that was said of it, message by message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.corrections import corrected
from agents.offline.fetching import bare_address
from agents.offline.order import bare_name, read_order
from agents.offline.said import ASKS, ASKS_ADDRESS, ASKS_NAME, ASKS_YES, PLACED, Said, asked
from agents.offline.wanted import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.dishes import Dishes

_REMEMBERED = 8  # messages that an order in the making survives while other things are asked
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
        draft = _with(draft, conversation[at].text, conversation[at - 1].text if at else "", dishes)
        if not last:
            draft.unknown = []
    return draft


def _with(draft: Draft, text: str, before: str, dishes: Dishes) -> Draft:
    """The draft after one more message, which may be nothing but the answer to what we asked."""
    said = read_order(text, dishes)
    if not said.lines and not said.address and draft.address is None and asked(before, ASKS_ADDRESS):
        # An address is full of numbers: none of them is an amount.
        return replace(draft, address=bare_address(text), name=said.name or draft.name)
    after = corrected(draft, text, dishes)
    if after.name is None and asked(before, ASKS_NAME) and not said.lines:
        after.name = bare_name(text)
    return after


def says_nothing_new(conversation: Sequence[Said], draft: Draft, dishes: Dishes) -> bool:
    before = draft_of(conversation[:-1], dishes) if len(conversation) > 2 else Draft()
    return draft.arguments() == before.arguments()
