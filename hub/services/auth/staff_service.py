"""The accounts of the people who work here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from hub.core.errors import BadRequest, Conflict, NotFound, UnreadableDocument
from hub.core.times import format_time
from hub.domain.answers.staff_answers import StaffList
from hub.domain.pins import require_strong
from hub.domain.roles import Permission, Principal, Role
from hub.services.auth.accounts import Account, account_of, document_of, letters_of
from hub.services.auth.pin_hasher import PinHasher
from hub.services.document_names import STAFF, staff_key
from hub.services.service_bounds import MAX_ACCOUNTS
from hub.store.idempotency import IdempotencyKey
from hub.store.log import Document, EventLog, IndexMove, Write

PIN_DIGITS = 8
_MAX_NAME = 80  # what `Login` takes


class StaffService:
    """Adds, changes and lists accounts."""

    def __init__(self, log: EventLog, hasher: PinHasher, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._hasher = hasher
        self._clock = clock

    async def add(
        self, name: str, roles: Iterable[Role], pin: str, *, idempotency: IdempotencyKey | None = None
    ) -> Account:
        """Add an account; its id is made from the name.

        Args:
            idempotency: The key under which a repeat is known: it adds nothing, and is no conflict.

        Raises:
            BadRequest: The PIN is weak (see `require_strong`), or the name has no letters or is too long.
            Conflict: There is an account of this name.
        """
        require_strong(pin)
        if len(name) > _MAX_NAME or not name.isprintable():
            raise BadRequest(f"a name is one line of at most {_MAX_NAME} characters", field="name")
        account = Account(
            id=_slug(name),
            name=name.strip(),
            roles=tuple(sorted(roles)),
            pin_hash=await self._hasher.hash(pin),
            created_at=format_time(self._clock()),
            life=_new_life(),
        )
        key = staff_key(account.id)
        try:
            await self._log.commit(
                Write(
                    expects=((key, 0),),
                    documents=(document_of(account, 1),),
                    index=(IndexMove(STAFF, account.id, True),),
                    expire=((key, 0),),
                    idempotency=idempotency,
                )
            )
        except Conflict:
            raise Conflict(f"there is an account named {name!r} already") from None
        return account

    async def set_pin(self, name: str, pin: str, *, keep_sessions: bool = False) -> Account:
        """Give somebody another PIN.

        Args:
            keep_sessions: True to keep open sessions. Otherwise the account's tokens and known devices end within
                seconds, as with a new account: somebody else may know the old PIN.

        Raises:
            BadRequest: The PIN is weak.
            NotFound: There is no account of this name.
            Conflict: Somebody else changed the account at the same moment.
        """
        require_strong(pin)
        pin_hash = await self._hasher.hash(pin)
        changes = {"pin_hash": pin_hash} if keep_sessions else {"pin_hash": pin_hash, "life": _new_life()}
        return await self._change(name, **changes)

    async def set_roles(self, name: str, roles: Iterable[Role]) -> Account:
        """Give somebody these roles in place of those they have; they count within seconds.

        Raises:
            NotFound: There is no account of this name.
            Conflict: Somebody else changed the account at the same moment.
        """
        return await self._change(name, roles=tuple(sorted(roles)))

    async def _change(self, name: str, **changes: Any) -> Account:
        key = staff_key(_slug(name))
        document = await self._log.document(key)
        if document is None or not document.version:
            raise NotFound(f"there is no account named {name!r}")
        account = account_of(self._log, document).model_copy(update=changes)
        version = document.version
        await self._log.commit(Write(expects=((key, version),), documents=(document_of(account, version + 1),)))
        return account

    async def remove(self, name: str) -> None:
        """End an account; its tokens stop working within seconds.

        Raises:
            NotFound: There is none of this name.
        """
        key = staff_key(_slug(name))
        if await self.get(key.id) is None:
            raise NotFound(f"there is no account named {name!r}")
        # Redis deletes the document in a second; at version 0 it counts as missing from now on.
        gone = Document(key, 0, "")
        await self._log.commit(Write(documents=(gone,), index=(IndexMove(STAFF, key.id, False),), expire=((key, 1),)))

    async def list(self, role: Role | None = None) -> list[Account]:
        """Return the accounts, by name."""
        members = [member for member, _ in await self._log.indexed(STAFF, before=None, limit=MAX_ACCOUNTS)]
        documents = await self._log.documents([staff_key(member) for member in members])
        accounts = [account for document in documents if (account := self._readable(document)) is not None]
        return sorted((a for a in accounts if role is None or role in a.roles), key=lambda a: a.name)

    async def get(self, staff_id: str) -> Account | None:
        """Return an account by its id; None if there is none."""
        document = await self._log.document(staff_key(staff_id))
        return account_of(self._log, document) if document is not None and document.version else None

    def _readable(self, document: Document | None) -> Account | None:
        try:
            return account_of(self._log, document) if document is not None and document.version else None
        except UnreadableDocument:
            return None

    async def named(self, name: str) -> Account:
        """Return an account by its name.

        Raises:
            NotFound: There is none of this name.
        """
        account = await self.get(_slug(name))
        if account is None:
            raise NotFound(f"there is no account named {name!r}")
        return account

    async def shown(self, principal: Principal, role: Role | None) -> StaffList:
        """Return the people who work here, those of one role if it is given.

        Raises:
            Forbidden: The caller's role may not see them.
        """
        principal.require(Permission.READ_STAFF)
        return StaffList(staff=tuple(account.public() for account in await self.list(role)))

    async def first_manager(self, pin: str, attempt: str) -> str | None:
        """Add a manager with this PIN if nobody works here yet; return the name, None if somebody does.

        Args:
            attempt: A random id. A repeat with the same PIN and id, after an answer that was lost, gives the same.
        """
        key = IdempotencyKey(f"first-manager:{attempt}")
        if not await self._log.remembered(key) and await self._log.indexed(STAFF, before=None, limit=1):
            return None
        try:
            account = await self.add("Carmen", [Role.MANAGER], pin, idempotency=key)
        except Conflict:
            return None  # another process was first
        return account.name


def new_pin() -> str:
    """Return a random PIN of eight digits."""
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))
        with suppress(BadRequest):
            require_strong(pin)
            return pin


def _new_life() -> str:
    return secrets.token_hex(8)


def _slug(name: str) -> str:
    slug = letters_of(name)
    if not slug:
        raise BadRequest("a name needs at least one letter", field="name")
    return slug
