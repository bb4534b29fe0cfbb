"""The one error tree: what a caller may be told, each with a code that PROTOCOL names."""

from __future__ import annotations

from typing import Any, ClassVar


class ComandaError(Exception):
    """Something a caller can be told.

    Attributes:
        code: The machine-readable name, stable across versions.
        status: The HTTP status that goes with the code.
        retryable: Whether the same request may succeed later, unchanged.
        retry_after_s: When to try again, where that is known.
        values: Facts a client may want to show (`sku`, `left`, `version`, …).
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
        """The `error` object of an answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "retryable": self.retryable}
        if self.retry_after_s is not None:
            error["retry_after_s"] = round(self.retry_after_s, 3)
        if self.values:
            error["values"] = self.values
        return error


class BadRequest(ComandaError):
    """The request itself is wrong: a field missing, unknown, or of the wrong shape."""

    code = "bad_request"
    status = 400


class Unauthorized(ComandaError):
    """Nobody we know: no token, or one that is wrong or expired."""

    code = "unauthorized"
    status = 401


class Forbidden(ComandaError):
    """We know who asks, and they may not."""

    code = "forbidden"
    status = 403


class NotFound(ComandaError):
    """There is no such thing, or it is not for this caller: the two look the same on purpose."""

    code = "not_found"
    status = 404


class Conflict(ComandaError):
    """The thing has moved on: an illegal transition, or a stale version."""

    code = "conflict"
    status = 409


class OutOfStock(ComandaError):
    """There is not enough of a dish left."""

    code = "out_of_stock"
    status = 409


class IdempotencyMismatch(ComandaError):
    """The command id was used before, with another body."""

    code = "idempotency_mismatch"
    status = 422


class TooLarge(ComandaError):
    """The message or body is past the limit."""

    code = "too_large"
    status = 413


class RateLimited(ComandaError):
    """Too many requests from one place."""

    code = "rate_limited"
    status = 429
    retryable = True


class LimitReached(ComandaError):
    """A daily or size bound of the caller is used up; `values` says which. The same request stays refused."""

    code = "limit_reached"
    status = 429


class Unavailable(ComandaError):
    """Redis did not answer in time; the outcome is unknown. Retry with the same command id."""

    code = "unavailable"
    status = 503
    retryable = True


class Internal(ComandaError):
    """Our fault. The details are in the log, not in the answer."""


class UnreadableDocument(Internal):
    """A stored document is damaged, or of a schema that only a newer hub reads. The log names it."""


ERRORS: tuple[type[ComandaError], ...] = (
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    OutOfStock,
    IdempotencyMismatch,
    TooLarge,
    RateLimited,
    LimitReached,
    Unavailable,
    Internal,
)
