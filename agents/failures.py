"""What went wrong with an answer, in a word the page can act on; never in the words of an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.events import TurnError

if TYPE_CHECKING:
    from agents.language import Lang

# code: (retryable, Spanish, English)
_FAILURES: dict[str, tuple[bool, str, str]] = {
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


class Failure(Exception):
    """An answer that cannot go on; `code` is one of the above."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def told(code: str, lang: Lang) -> TurnError:
    """The failure as the room reads it."""
    retryable, es, en = _FAILURES[code]
    return TurnError(code=code, message=es if lang == "es" else en, retryable=retryable)


def code_of(exc: BaseException) -> str:
    """Which failure an exception is. Providers' errors are known by their shape: no provider is imported here."""
    for cause in _chain(exc):
        if isinstance(cause, Failure):
            return cause.code
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            return _by_status(status)
        name = type(cause).__name__
        if isinstance(cause, TimeoutError) or "Timeout" in name:
            return "model_timeout"
        if isinstance(cause, OSError) or "Connect" in name or "RemoteProtocol" in name or name == "ReadError":
            return "model_unavailable"
        if "Max iterations" in str(cause):
            return "too_many_steps"
        if name == "APIError":  # the OpenAI client's word for an error in mid-stream
            return "model_unavailable"
    return "internal"


def _by_status(status: int) -> str:
    if status == 429:
        return "model_overloaded"
    if status == 408 or status >= 500:
        return "model_unavailable"
    return "model_refused"


def _chain(exc: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while exc is not None and exc not in chain:
        chain.append(exc)
        exc = exc.__cause__ or exc.__context__
    return chain
