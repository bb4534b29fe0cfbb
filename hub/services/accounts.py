"""An account of a person who works here, as it is kept in the log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hub.domain.menu import plain
from hub.domain.roles import Kind, Principal, Role
from hub.eventlog.log import Document
from hub.services.documents import staff_key


@dataclass(frozen=True, slots=True)
class Account:
    """One person who works here. The PIN is kept as an argon2 hash, and shown to nobody.

    Attributes:
        id: Made from the name; free again when the account is removed.
        life: New for each account, also for one that has another's name: tokens and known devices belong to it.
    """

    id: str
    name: str
    roles: frozenset[Role]
    pin_hash: str
    created_at: str
    life: str

    @property
    def principal(self) -> Principal:
        return Principal(kind=Kind.STAFF, id=self.id, name=self.name, roles=self.roles, life=self.life)

    def public(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "roles": sorted(self.roles)}


def document_of(account: Account, version: int) -> Document:
    """The document that keeps an account."""
    kept = {"pin_hash": account.pin_hash, "created_at": account.created_at, "life": account.life}
    return Document(staff_key(account.id), version, json.dumps({**account.public(), **kept}))


def account_of(document: Document) -> Account:
    """The account that a document keeps."""
    raw = json.loads(document.body)
    return Account(
        id=raw["id"],
        name=raw["name"],
        roles=frozenset(Role(role) for role in raw["roles"]),
        pin_hash=raw["pin_hash"],
        created_at=raw["created_at"],
        life=raw.get("life") or raw["created_at"],  # of an account that is older than this field
    )


def letters_of(name: str) -> str:
    """The letters and digits of a name, which tell accounts apart; empty if it has none."""
    return re.sub(r"[^a-z0-9]+", "-", plain(name)).strip("-")[:60]
