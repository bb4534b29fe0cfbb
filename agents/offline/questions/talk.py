"""What is said that is about no order and no dish: hello, thanks, who are you."""

from __future__ import annotations

import re

from agents.language import says_yes
from agents.offline.intent_types import Intent
from agents.offline.questions.dishes import ORDERS
from agents.offline.questions.everyday import small_talk, unknown
from agents.offline.reading.consent import NO

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
_HUNGRY = re.compile(r"\b(?:hambre|hambrient[oa]s?|hungry|starving|antojo)\b")
_WHO = re.compile(
    r"\b(?:quien eres|que eres|eres (?:un[ao]? )?(?:robot|bot|ia|humano|persona|maquina|real)|who are you|"
    r"what are you|"
    r"are you (?:a |an )?(?:bot|robot|human|ai|real|person)|hablo con (?:un|una)|como te llamas|your name|"
    r"que modelo|which model|what model|chatgpt|inteligencia artificial)\b"
)


def who(compared: str) -> Intent | None:
    return Intent(say="who") if _WHO.search(compared) else None


def talk(compared: str) -> Intent:
    if name := unknown(compared):
        return Intent(say=name)
    if said := small_talk(compared):
        return said
    for pattern, name in ((_HELP, "help"), (_THANKS, "welcome"), (_BYE, "bye"), (_GREETING, "greeting")):
        if pattern.search(compared):
            return Intent(say=name)
    if _HUNGRY.search(compared):
        return Intent(say="order_what")
    if NO.match(compared):
        return Intent(say="all_right")
    if ORDERS.search(compared):
        return Intent(say="order_what")
    return Intent(say="nothing_to_confirm" if says_yes(compared) else "lost")
