"""Commands on the API keys of partners."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from hub.domain.command import Command
from hub.domain.roles import Scope
from hub.domain.values import Id, SingleLine, Time


class AddKey(Command):
    """Make an API key. It takes no command id: a repeat makes another key, because no answer with a key is kept.

    Attributes:
        title: Who holds the key.
        expires_at: None: a year from now.
    """

    name: ClassVar[str] = "key.add"
    title: SingleLine
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    expires_at: Time | None = None


class RevokeKey(Command):
    """End an API key."""

    name: ClassVar[str] = "key.revoke"
    key_id: Id
