"""What may go wrong, for those who call: a refusal, or no answer that counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ComandaError(Exception):
    """A command or a request that brought nothing.

    Attributes:
        code: The machine-readable name: a code of docs/protocol.md, or one of this client's own: `lost` (no answer
            came), `unexpected` (what answered is no hub), `closed` (the client was closed).
        message: What happened, for developers.
        retryable: The same request may succeed later, unchanged.
        retry_after_s: The seconds to wait before another try, if the hub said so.
        values: The facts that the hub gave with the code.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after_s: float | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.values: Mapping[str, Any] = values or {}


class Refused(ComandaError):
    """The hub said no, and would say it again."""


class Unreachable(ComandaError):
    """The hub gave no answer that counts, for as long as the caller waits. The outcome is unknown."""


def error_in(answer: Mapping[str, Any]) -> ComandaError:
    """Return the error of an answer that is not `ok`: an `Unreachable` if it may be repeated, else a `Refused`."""
    error = answer["error"]
    kind = Unreachable if error["retryable"] else Refused
    after_s = error.get("retry_after_s")
    return kind(
        str(error["code"]),
        str(error["message"]),
        retryable=bool(error["retryable"]),
        retry_after_s=None if after_s is None else float(after_s),
        values=error.get("values"),
    )


def lost(why: str) -> Unreachable:
    """Return the error for an answer that never came."""
    return Unreachable("lost", why, retryable=True)


def not_a_hub(status: int) -> ComandaError:
    """Return the error for an answer that is not in the hub's form: of a proxy in between, or of something else."""
    if status >= 500:
        return lost(f"status {status}")
    return Refused("unexpected", f"status {status}; this is not the answer of a hub")
