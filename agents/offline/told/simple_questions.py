"""Questions that one call of a tool answers, without arguments: the words that ask and the words that tell.

A new tool without arguments needs a row here to be understood by the offline model, and nothing else in this package.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from agents.offline.intent_types import FIGURES, LATE, LOAD, STAFFS, Intent
from agents.offline.told import staff

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hub.domain.texts import Lang


class SimpleQuestion(NamedTuple):
    """A question that one call of a tool answers.

    Attributes:
        tool: The name of the tool.
        asked: Matches the question, in lower case and without accents.
        told: Returns the tool's result in words.
    """

    tool: str
    asked: re.Pattern[str]
    told: Callable[[dict[str, Any], Lang], str]


# The first that matches is the one asked. Tools for staff are also named in `STAFFS`.
SIMPLE_QUESTIONS = (
    SimpleQuestion(
        LATE,
        re.compile(
            r"\b(?:pedidos (?:tarde|atrasados|retrasados|demorados)|(?:van|va|vamos) (?:tarde|atrasad\w+)|"
            r"que esta atrasado|"
            r"cuales (?:van tarde|estan atrasados)|atrasos|retrasos|late orders|orders (?:are )?late|running late|"
            r"what(?:'s| is) late|which orders are (?:late|delayed))\b"
        ),
        staff.late,
    ),
    SimpleQuestion(
        LOAD,
        re.compile(
            r"\b(?:carga de la cocina|como (?:va|esta|anda) la cocina|que tan llena|"
            r"cuantos pedidos (?:hay|tenemos|van|activos)|"
            r"pedidos activos|que hay que cocinar|kitchen load|how (?:busy|full) is|how is the kitchen|"
            r"how many orders (?:are|do)|"
            r"active orders|what is on the grill)\b"
        ),
        staff.load,
    ),
    SimpleQuestion(
        FIGURES,
        re.compile(
            r"\b(?:cifras|ventas|cuanto (?:hemos|llevamos|se ha) vend\w+|cuanto vendimos|como va el dia|corte del dia|"
            r"numeros (?:de hoy|del dia)|resumen del dia|figures|sales|"
            r"how much (?:have we|did we) (?:sold|sell|made|make)|"
            r"how is the day|today'?s numbers)\b"
        ),
        staff.figures,
    ),
)


def simple_question(compared: str, *, of_staff: bool) -> Intent | None:
    """Return the call of the tool that a message asks for; None if it asks for none of these.

    Args:
        of_staff: True for the tools of staff, False for those of everybody.
    """
    for question in SIMPLE_QUESTIONS:
        if (question.tool in STAFFS) is of_staff and question.asked.search(compared):
            return Intent(question.tool)
    return None
