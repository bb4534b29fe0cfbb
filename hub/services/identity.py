"""Who said a command and under which id: what makes a repeat of it recognisable, and what others see."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from hub.domain.commands import Keyed
from hub.domain.roles import Principal

UNGUESSED_CHARS = 16  # of an id that nobody else comes upon by chance


class Identity(TypedDict, total=False):
    """The two arguments of a `Write` that make it recognisable."""

    command_id: str
    fingerprint: str


def identity(principal: Principal, command: Keyed) -> Identity:
    """The `command_id` and `fingerprint` of a write; empty for a command without an id."""
    if not command.command_id:
        return {}
    body = command.model_dump_json(exclude={"command_id", "token"})
    return {
        "command_id": scoped(principal, command.command_id),
        "fingerprint": hashlib.sha256(f"{command.name}\n{body}".encode()).hexdigest()[:32],
    }


def scoped(principal: Principal, command_id: str) -> str:
    """The command id within the scope of its caller: the same id of two callers names two commands.

    A member of staff has a scope of their own. A customer has no name to go by: an id of 16 characters or more is
    taken for random, so that it finds its command again from another network as well; a shorter one, which two people
    may choose alike, counts for one address only.
    """
    if principal.id:
        return f"{principal.id}:{command_id}"
    if len(command_id) >= UNGUESSED_CHARS:
        return f"customer:{command_id}"
    return f"at {principal.address}:{command_id}"


def by_name(principal: Principal) -> str:
    """Who did it, as the others see it."""
    return principal.name or ("customer" if principal.orders or principal.chats else str(principal.kind))
