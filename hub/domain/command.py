"""The base of all commands, and the types of their fields."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from hub.domain.phones import MAX_PHONE_CHARS, PHONE_PATTERN
from hub.domain.values import CommandId, Remark, Value

MAX_NAME_CHARS = 100

Reason = Remark
Token = Annotated[str, Field(max_length=2048)]
Name = Annotated[str, Field(max_length=MAX_NAME_CHARS)]
Phone = Annotated[str, Field(pattern=PHONE_PATTERN, max_length=MAX_PHONE_CHARS)]


class Command(Value):
    """A request to change something, by its name on the wire."""

    name: ClassVar[str]


class Keyed(Command):
    """A command that a caller may safely repeat: the hub carries out a `command_id` once."""

    command_id: CommandId | None = None
