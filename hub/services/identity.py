"""Who said a command and under which id: what makes a repeat of it recognisable, and what others see."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from hub.domain.commands import Keyed
from hub.domain.roles import Principal


class Identity(TypedDict, total=False):
    """The two arguments of a `Write` that make it recognisable."""

    command_id: str
    fingerprint: str


def identity(principal: Principal, command: Keyed) -> Identity:
    """The `command_id` and `fingerprint` of a write; empty for a command without an id.

    The id is the caller's own: two members of staff who chose the same one do not meet. Customers, whatever they
    hold at the moment, share one scope: their ids are to be random, and the fingerprint, which covers every word,
    keeps apart what differs.
    """
    if not command.command_id:
        return {}
    body = command.model_dump_json(exclude={"command_id", "token"})
    return {
        "command_id": f"{principal.id or 'customer'}:{command.command_id}",
        "fingerprint": hashlib.sha256(f"{command.name}\n{body}".encode()).hexdigest()[:32],
    }


def by_name(principal: Principal) -> str:
    """Who did it, as the others see it."""
    return principal.name or ("customer" if principal.orders or principal.chats else str(principal.kind))
