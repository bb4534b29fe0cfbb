"""Idempotency keys: a command that is sent again under the same id happens once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The id of a command, with a fingerprint of what it says.

    The log keeps the result of a write under its key for a day. A second write with the same id and fingerprint gets
    the first one's result; one with another fingerprint is refused (`IdempotencyMismatch`).

    Attributes:
        command_id: Unique within the branch: the caller's id in the caller's own scope, `ana:3f2a…`.
        fingerprint: One line, such as a digest of the command's body.
        kept_s: The seconds for which the result is kept; None: as long as the log keeps results.
        last_only: The key stands for the last command about something: a write with another fingerprint is carried out,
            and takes the place of the one before.
    """

    command_id: str
    fingerprint: str = ""
    kept_s: int | None = None
    last_only: bool = False

    @classmethod
    def of(cls, command_id: str, *said: str) -> IdempotencyKey:
        """Return a key whose fingerprint is a digest of some texts."""
        return cls(command_id, hashlib.sha256("\n".join(said).encode()).hexdigest()[:32])
