"""Errors in the shape that OpenAI's clients read: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.core.errors import (
    BadRequest,
    ComandaError,
    Forbidden,
    Internal,
    LimitReached,
    NotFound,
    RateLimited,
    Unauthorized,
)


class Unsupported(BadRequest):
    """The request asks for something that this door does not have."""


class UnknownModel(NotFound):
    """There is no model of this name."""


class AnswerFailed(Internal):
    """The agent's answer failed.

    Attributes:
        reason: The failure's code; see "why an answer failed" in docs/protocol.md.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


_SERVER = "server_error"
_INVALID = "invalid_request_error"
# `type` and `code` of an error, where they are not "invalid_request_error" or "server_error" and the hub's own code.
_NAMES: Mapping[type[ComandaError], tuple[str, str]] = {
    Unsupported: (_INVALID, "unsupported_value"),
    UnknownModel: (_INVALID, "model_not_found"),
    Unauthorized: (_INVALID, "invalid_api_key"),
    Forbidden: ("permission_error", "forbidden"),
    RateLimited: ("requests", "rate_limit_exceeded"),
    LimitReached: ("insufficient_quota", "insufficient_quota"),
}


def refused_openai(error: ComandaError) -> dict[str, Any]:
    """Return the body of a refusal in OpenAI's shape."""
    type_, code = _NAMES.get(type(error), (_SERVER if error.status >= 500 else _INVALID, error.code))
    if isinstance(error, AnswerFailed):
        code = error.reason
    return error_body(error.message, type_, code, error.values.get("field"))


def error_body(message: str, type_: str, code: str, param: str | None = None) -> dict[str, Any]:
    """Return an error in OpenAI's shape."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def failure_body(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer's failure, as `chat.failed` has it, in OpenAI's shape."""
    return error_body(str(error["message"]), _SERVER, str(error["code"]))


def refusal_schema_openai() -> dict[str, Any]:
    """Return the JSON schema of a refusal in OpenAI's shape."""
    text = {"type": "string"}
    error = {
        "type": "object",
        "required": ["message", "type", "param", "code"],
        "properties": {"message": text, "type": text, "param": {"type": ["string", "null"]}, "code": text},
    }
    return {"type": "object", "required": ["error"], "properties": {"error": error}}
