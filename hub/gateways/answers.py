"""What a caller hears back, the same through every door."""

from __future__ import annotations

from typing import Any

import structlog
from pydantic import ValidationError

from hub.domain.errors import BadRequest, ComandaError, Internal

logger = structlog.get_logger(__name__)


def ok(data: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "data": data}


def refused(error: ComandaError) -> dict[str, Any]:
    return {"ok": False, "error": error.as_dict()}


def as_error(exc: Exception, **context: Any) -> ComandaError:
    """What may be said of an exception; what may not goes to the log, with its traceback."""
    if isinstance(exc, ComandaError):
        return exc
    if isinstance(exc, ValidationError):
        return _bad_request(exc)
    logger.error("request.failed", exc_info=exc, **context)
    return Internal("something went wrong on our side")


def _bad_request(exc: ValidationError) -> BadRequest:
    """The first thing that is wrong, and where."""
    errors = exc.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in errors[0]["loc"])
    what = errors[0]["msg"].removeprefix("Value error, ")
    return BadRequest(f"{where}: {what}", field=where) if where else BadRequest(what)
