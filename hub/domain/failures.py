"""Reasons for which an answer fails: codes that a page can act on, with texts for its reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hub.domain.events import TurnError
from hub.domain.texts import Lang, Text


class FailureKind(NamedTuple):
    """A reason for which an answer fails, and the text that its reader sees."""

    retryable: bool
    text: Text


FAILURES: Mapping[str, FailureKind] = {
    "no_agent": FailureKind(
        True,
        Text(
            "El asistente no está en este momento; inténtalo más tarde.",
            "The assistant is not here right now; try again later.",
        ),
    ),
    "agent_busy": FailureKind(
        True,
        Text(
            "El asistente está atendiendo a muchas personas; inténtalo en un momento.",
            "The assistant is busy with many people; try again in a moment.",
        ),
    ),
    "model_timeout": FailureKind(
        True, Text("El asistente tardó demasiado en contestar.", "The assistant took too long.")
    ),
    "model_unavailable": FailureKind(
        True, Text("El asistente no está disponible en este momento.", "The assistant is not available right now.")
    ),
    "model_overloaded": FailureKind(
        True,
        Text(
            "El asistente está muy ocupado; inténtalo en un momento.",
            "The assistant is very busy; try again in a moment.",
        ),
    ),
    "model_refused": FailureKind(
        False, Text("El asistente no está bien configurado; ya avisamos.", "The assistant is not set up correctly.")
    ),
    "broken_tool_call": FailureKind(
        True, Text("El asistente se confundió; inténtalo otra vez.", "The assistant got confused.")
    ),
    "too_many_steps": FailureKind(
        True, Text("El asistente dio demasiadas vueltas.", "The assistant went round in circles.")
    ),
    "too_long": FailureKind(False, Text("La respuesta salió demasiado larga.", "The answer grew too long.")),
    "no_answer": FailureKind(True, Text("El asistente no supo qué contestar.", "The assistant had nothing to say.")),
    "gave_up": FailureKind(
        True, Text("No pudimos contestar; inténtalo otra vez.", "We could not answer; please try again.")
    ),
    "internal": FailureKind(True, Text("Algo falló de nuestro lado.", "Something went wrong on our side.")),
}


def turn_error(code: str, lang: Lang) -> TurnError:
    """Return a failure as the readers of a chat see it; it never holds an exception's own words."""
    kind = FAILURES[code]
    return TurnError(code=code, message=kind.text.in_(lang), retryable=kind.retryable)
