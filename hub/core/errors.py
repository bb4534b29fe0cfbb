"""The errors that a caller may be told, each with the code that the protocol gives it."""

from __future__ import annotations

from typing import Any, ClassVar


class ComandaError(Exception):
    """An error that a caller may be told.

    Attributes:
        code: The machine-readable name, stable across versions.
        status: The HTTP status that goes with the code.
        retryable: The same request may succeed later, unchanged.
        retry_after_s: The time to wait before another try, in seconds, if that is known.
        values: Facts that a client may want to show: `field`, `limit`, `version`, …
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_s: float | None = None, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
        self.values = values

    def as_dict(self) -> dict[str, Any]:
        """Return the `error` object of an answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "retryable": self.retryable}
        if self.retry_after_s is not None:
            error["retry_after_s"] = round(self.retry_after_s, 3)
        if self.values:
            error["values"] = self.values
        return error


class BadRequest(ComandaError):
    """The request is malformed: a field is missing, unknown, or of the wrong shape."""

    code = "bad_request"
    status = 400


class Unauthorized(ComandaError):
    """The caller is unknown: the token is missing, wrong or expired."""

    code = "unauthorized"
    status = 401


class Forbidden(ComandaError):
    """The caller is known, and lacks the permission."""

    code = "forbidden"
    status = 403


class NotFound(ComandaError):
    """The thing does not exist, or is not for this caller. The two look the same on purpose."""

    code = "not_found"
    status = 404


class Conflict(ComandaError):
    """The thing has changed: the transition is illegal, or the version stale."""

    code = "conflict"
    status = 409


class IdempotencyMismatch(ComandaError):
    """The command id was used before, with another body."""

    code = "idempotency_mismatch"
    status = 422


class TooLarge(ComandaError):
    """The message or body is larger than the limit."""

    code = "too_large"
    status = 413


class RateLimited(ComandaError):
    """There were too many requests from one place."""

    code = "rate_limited"
    status = 429
    retryable = True


class LimitReached(ComandaError):
    """A limit of the caller is used up; `values` names it. The same request stays refused."""

    code = "limit_reached"
    status = 429


class Unavailable(ComandaError):
    """Redis did not answer in time; the outcome is unknown. Retry with the same command id."""

    code = "unavailable"
    status = 503
    retryable = True


class Internal(ComandaError):
    """A fault of the hub. The details are in its log, not in the answer."""


class UnreadableDocument(Internal):
    """A stored document is damaged, or has a schema that only a newer hub can read. The log names it."""


ERRORS: tuple[type[ComandaError], ...] = (
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    IdempotencyMismatch,
    TooLarge,
    RateLimited,
    LimitReached,
    Unavailable,
    Internal,
)
