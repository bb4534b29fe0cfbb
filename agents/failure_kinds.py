"""Classification of exceptions as failures of an answer. Their messages stand in `hub.domain.failures`."""

from __future__ import annotations

from hub.domain.failures import turn_error

__all__ = ["Failure", "code_of", "turn_error"]


class Failure(Exception):
    """A failure that ends an answer; `code` is one of the domain's failure codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def code_of(exc: BaseException) -> str:
    """Return an exception's failure code. Providers' errors are recognized by shape; none is imported here."""
    chain = causes(exc)
    for cause in chain:
        if isinstance(cause, Failure):
            return cause.code
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            return _by_status(status)
        name = type(cause).__name__
        if isinstance(cause, TimeoutError) or "Timeout" in name:
            # Some clients report an unreachable host as a timeout.
            return "model_unavailable" if any(map(_is_gone, chain)) else "model_timeout"
        if isinstance(cause, OSError) or "Connect" in name or "RemoteProtocol" in name or name == "ReadError":
            return "model_unavailable"
        if "Max iterations" in str(cause):
            return "too_many_steps"
        # The OpenAI client's class for an error in mid-stream; and a reply that is not JSON, which no model sends.
        if name in ("APIError", "JSONDecodeError"):
            return "model_unavailable"
    return "internal"


def _is_gone(cause: BaseException) -> bool:
    if isinstance(cause, TimeoutError):
        return False
    return isinstance(cause, OSError) or type(cause).__name__ == "ServerDisconnectedError"


def _by_status(status: int) -> str:
    if status == 429:
        return "model_overloaded"
    if status == 408 or status >= 500:
        return "model_unavailable"
    return "model_refused"


def causes(exc: BaseException | None) -> list[BaseException]:
    """Return an exception and its causes, outermost first."""
    chain: list[BaseException] = []
    while exc is not None and exc not in chain:
        chain.append(exc)
        exc = exc.__cause__ or exc.__context__
    return chain
