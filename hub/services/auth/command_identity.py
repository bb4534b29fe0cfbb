"""The idempotency key of a caller's command, and the name under which others see the caller."""

from __future__ import annotations

from dataclasses import replace

from hub.domain.commands import Keyed
from hub.domain.roles import Principal
from hub.store.idempotency import IdempotencyKey

UNGUESSED_CHARS = 16  # of an id that cannot be guessed
DERIVED_KEPT_S = 60  # a client that retries without an id does so within that time


def idempotency_key(principal: Principal, command: Keyed) -> IdempotencyKey | None:
    """Return the key of a caller's command; None for a command without an id."""
    if not command.command_id:
        return None
    body = _body(command)
    return IdempotencyKey.of(scoped(principal, command.command_id), command.name, body)


def derived_key(principal: Principal, command: Keyed) -> IdempotencyKey | None:
    """Return the key of a command without an id, made from its caller and its body; None for callers inside the hub.

    Two people behind one address are told apart by their connection, or else by their client.
    """
    if not (caller := _caller(principal)):
        return None
    said = IdempotencyKey.of("", caller, command.name, _body(command)).fingerprint
    return IdempotencyKey(f"derived:{said}", said, DERIVED_KEPT_S)


def derived_last_key(principal: Principal, command: Keyed, about: str) -> IdempotencyKey | None:
    """Return the same, of a command that takes effect again after another one about the same thing.

    Args:
        about: Names the thing.
    """
    key = derived_key(principal, command)
    return None if key is None else replace(last_key(about), fingerprint=key.fingerprint)


def last_key(about: str) -> IdempotencyKey:
    """Return the key of the last command without an id about a thing."""
    return IdempotencyKey(f"last:{about}", kept_s=DERIVED_KEPT_S, last_only=True)


def _caller(principal: Principal) -> str:
    """Return the identity of a caller from outside: its staff or service token, else what its gateway knows of it."""
    own = principal.token_id or principal.id
    return f"token:{own}" if own and principal.caller else principal.caller


def _body(command: Keyed) -> str:
    return command.model_dump_json(exclude={"command_id", "token"})


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
    """Return the name under which others see a principal."""
    return principal.name or ("customer" if principal.orders or principal.chats else str(principal.kind))
