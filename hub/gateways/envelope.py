"""The envelope of every answer: `{"ok": true, "data": …}` or `{"ok": false, "error": …}`."""

from __future__ import annotations

from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError

from hub.core.errors import BadRequest, ComandaError, Internal
from hub.domain.answers import Answer

logger = structlog.get_logger(__name__)


def ok(data: Answer) -> dict[str, Any]:
    """Return the envelope of a good answer."""
    return {"ok": True, "data": data.as_json()}


def refused(error: ComandaError) -> dict[str, Any]:
    """Return the envelope of a refusal."""
    return {"ok": False, "error": error.as_dict()}


def answer(data: Answer, status: int = 200) -> web.Response:
    """Return a good answer over HTTP."""
    return web.json_response(text=f'{{"ok":true,"data":{data.model_dump_json()}}}', status=status)


def as_error(exc: Exception, **context: Any) -> ComandaError:
    """Return an exception as an error that the caller may see. The details of others go to the log only.

    Args:
        context: Fields of the log event.
    """
    if isinstance(exc, ComandaError):
        return exc
    if isinstance(exc, ValidationError):
        return _bad_request(exc)
    logger.error("request.failed", exc_info=exc, **context)
    return Internal("internal error; the details are in the log of the hub")


def _bad_request(exc: ValidationError) -> BadRequest:
    """Return the first fault of a payload, with the path of its field."""
    errors = exc.errors(include_url=False, include_context=False, include_input=False)
    field = ".".join(str(part) for part in errors[0]["loc"])
    reason = errors[0]["msg"].removeprefix("Value error, ")
    return BadRequest(f"{field}: {reason}", field=field) if field else BadRequest(reason)
