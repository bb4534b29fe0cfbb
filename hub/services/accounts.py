"""The accounts of staff, as stored in the log."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from hub.domain.menu import plain
from hub.domain.roles import Kind, Principal, Role
from hub.domain.values import Stored
from hub.eventlog.log import Document, EventLog
from hub.services.documents import staff_key
from hub.services.stored import load


class Account(Stored):
    """The account of one member of staff. The PIN is stored as an argon2 hash.

    Attributes:
        id: Made from the name; free again when the account is removed.
        roles: Those that only a newer hub knows are kept, and give no rights here.
        life: New for each account, also for one that has another's name: tokens and known devices belong to it.
    """

    id: str
    name: str
    roles: tuple[Annotated[Role | str, Field(union_mode="left_to_right")], ...]
    pin_hash: str
    created_at: str
    life: str = ""

    @property
    def principal(self) -> Principal:
        roles = frozenset(role for role in self.roles if isinstance(role, Role))
        return Principal(kind=Kind.STAFF, id=self.id, name=self.name, roles=roles, life=self.life)

    def public(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "roles": sorted(self.roles)}


def document_of(account: Account, version: int) -> Document:
    """The document that keeps an account."""
    return Document(staff_key(account.id), version, account.model_dump_json())


def account_of(log: EventLog, document: Document) -> Account:
    """The account that a document keeps.

    Raises:
        UnreadableDocument: It cannot be read.
    """
    account = load(log, Account, document)
    # An account that is older than this field has none.
    return account if account.life else account.model_copy(update={"life": account.created_at})


def letters_of(name: str) -> str:
    """The letters and digits of a name, which tell accounts apart; empty if it has none."""
    return re.sub(r"[^a-z0-9]+", "-", plain(name)).strip("-")[:60]
