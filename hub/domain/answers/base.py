"""The base of all answers, and the answers that have no subject."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """An answer of a service. Its fields are those on the wire."""

    model_config = ConfigDict(frozen=True)

    def as_json(self) -> dict[str, Any]:
        """Return the answer as JSON values, in the form in which it goes over the wire."""
        return self.model_dump(mode="json")


class Empty(Answer):
    """The answer to a command that leaves nothing to say."""


class CommandAnswer(Answer):
    """The answer to a command that was committed.

    Attributes:
        cursor: The place in the log after the commit.
    """

    cursor: str
