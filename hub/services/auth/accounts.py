"""The accounts of staff, as stored in the log."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from hub.domain.answers.staff_answers import StaffMember
from hub.domain.menu import plain
from hub.domain.roles import Kind, Principal, Role
from hub.domain.values import Stored
from hub.services.document_names import staff_key
from hub.services.stored_documents import load
from hub.store.log import Document, EventLog


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
        """The principal of the account, with the roles that this version knows."""
        roles = frozenset(role for role in self.roles if isinstance(role, Role))
        return Principal(kind=Kind.STAFF, id=self.id, name=self.name, roles=roles, life=self.life)

    def public(self) -> StaffMember:
        """Return the account as others may see it."""
        return StaffMember(id=self.id, name=self.name, roles=tuple(sorted(self.roles)))


def document_of(account: Account, version: int) -> Document:
    """Return the document that keeps an account."""
    return Document(staff_key(account.id), version, account.model_dump_json())


def account_of(log: EventLog, document: Document) -> Account:
    """Return the account that a document keeps.

    Raises:
        UnreadableDocument: It cannot be read.
    """
    account = load(log, Account, document)
    # An account that is older than this field has none.
    return account if account.life else account.model_copy(update={"life": account.created_at})


def letters_of(name: str) -> str:
    """Return the letters and digits of a name, which tell accounts apart; an empty text if it has none."""
    return re.sub(r"[^a-z0-9]+", "-", plain(name)).strip("-")[:60]
