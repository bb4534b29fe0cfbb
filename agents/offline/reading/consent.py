"""A yes or a no to what was asked: of an order, or of an offer such as a person."""

from __future__ import annotations

import re

from agents.language import says_yes, tapped
from agents.offline.intent_types import ASKS, ASKS_MENU, ASKS_PERSON, CONFIRM, MENU, PERSON, SUMMARY, Intent, asked
from agents.offline.text.clauses import starts_over
from agents.texts import ASKS_YES

YES = re.compile(
    r"^\W*(?:si|sip|claro|ok(?:ay)?|dale|va|sale|por favor|yes|yeah|yep|sure|please|correcto|lo demas|"
    r"the rest)\b"
)
NO = re.compile(
    r"^\W*(?:(?:ay|ah|oh|bueno|pues|mejor|no|ya|sabes que|oye|actually)\W+)*(?:no|nada|nel|ninguno|nope|"
    r"never ?mind|olvidalo|dejalo|forget it|wait|esperat?e?)\b"
    r"[\s,.!]*(?:gracias|thanks|thank you|wait|esperat?e?)?\W*$"
)
CALLED_OFF = re.compile(
    r"^\W*(?:(?:mejor|never ?mind|no|ok|ya|actually|sabes que|oye|perdon|sorry)[\s,.]+)*(?:cancel\w*(?: it|"
    r" that| todo| mejor)?|olvidalo|dejalo|ya no (?:l[oa]s? )?quiero(?: nada)?)\W*$"
)
_FEW = 4  # words of a yes


def answered(text: str, compared: str, before: str) -> Intent | None:
    """A yes or a no to what was proposed; or a tap, which says itself what it is about."""
    if tapped(text):
        return Intent(CONFIRM)
    if not asked(before, (*ASKS_YES, *ASKS)):
        return _to_an_offer(text, compared, before)
    if not asked(before, ASKS_YES):
        return None
    if says_yes(text):
        return Intent(CONFIRM)
    if NO.match(compared) or CALLED_OFF.match(compared) or starts_over(text):
        return Intent(say="left_it" if asked(before, SUMMARY) else "left_as_it_is")
    return None


def _to_an_offer(text: str, compared: str, before: str) -> Intent | None:
    """A yes or a no to "shall I hand you over to a person?", "shall I show you the menu?"."""
    if not asked(before, (*ASKS_PERSON, *ASKS_MENU)):
        return None
    if NO.match(compared):
        return Intent(say="all_right")
    if says_yes(text) or (YES.match(compared) and len(text.split()) <= _FEW):
        return Intent(PERSON) if asked(before, ASKS_PERSON) else Intent(MENU)
    return None
