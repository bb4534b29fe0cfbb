"""Why an answer failed, in a word the page can act on, and as the reader is told; never an exception's own words."""

from __future__ import annotations

from typing import Literal

from hub.domain.events import TurnError

# code: (retryable, Spanish, English)
FAILURES: dict[str, tuple[bool, str, str]] = {
    "no_agent": (
        True,
        "El asistente no está en este momento; inténtalo más tarde.",
        "The assistant is not here right now; try again later.",
    ),
    "agent_busy": (
        True,
        "El asistente está atendiendo a muchas personas; inténtalo en un momento.",
        "The assistant is busy with many people; try again in a moment.",
    ),
    "model_timeout": (True, "El asistente tardó demasiado en contestar.", "The assistant took too long."),
    "model_unavailable": (
        True,
        "El asistente no está disponible en este momento.",
        "The assistant is not available right now.",
    ),
    "model_overloaded": (
        True,
        "El asistente está muy ocupado; inténtalo en un momento.",
        "The assistant is very busy; try again in a moment.",
    ),
    "model_refused": (
        False,
        "El asistente no está bien configurado; ya avisamos.",
        "The assistant is not set up correctly.",
    ),
    "broken_tool_call": (True, "El asistente se confundió; inténtalo otra vez.", "The assistant got confused."),
    "too_many_steps": (True, "El asistente dio demasiadas vueltas.", "The assistant went round in circles."),
    "too_long": (False, "La respuesta salió demasiado larga.", "The answer grew too long."),
    "no_answer": (True, "El asistente no supo qué contestar.", "The assistant had nothing to say."),
    "gave_up": (True, "No pudimos contestar; inténtalo otra vez.", "We could not answer; please try again."),
    "internal": (True, "Algo falló de nuestro lado.", "Something went wrong on our side."),
}


def told(code: str, lang: Literal["es", "en"]) -> TurnError:
    """The failure as the room reads it."""
    retryable, es, en = FAILURES[code]
    return TurnError(code=code, message=es if lang == "es" else en, retryable=retryable)
