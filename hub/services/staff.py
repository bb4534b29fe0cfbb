"""Who works here: accounts with a name, a PIN and roles."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from hub.domain.commands import Login
from hub.domain.errors import BadRequest, Conflict, NotFound, RateLimited, Unauthorized
from hub.domain.menu import plain
from hub.domain.roles import Kind, Permission, Principal, Role
from hub.domain.values import format_time
from hub.eventlog.log import Document, EventLog, IndexMove, Write
from hub.services.documents import STAFF, staff_key
from hub.services.tokens import Tokens

SESSION = timedelta(hours=12)  # a shift
_FREE_TRIES = 3  # wrong PINs before the next try has to wait
_LONGEST_WAIT_S = 300.0
_MOST_REMEMBERED = 10_000  # names and addresses with wrong tries
_FRESH_S = 5.0  # how long a removed account may go on
_MOST_ACCOUNTS = 1_000
PIN_DIGITS = 8
_LONGEST_PIN, _LONGEST_NAME = 64, 80  # what `Login` takes


@dataclass(frozen=True, slots=True)
class Account:
    """One person who works here. The PIN is kept as an argon2 hash, and shown to nobody."""

    id: str
    name: str
    roles: frozenset[Role]
    pin_hash: str
    created_at: str

    @property
    def principal(self) -> Principal:
        return Principal(kind=Kind.STAFF, id=self.id, name=self.name, roles=self.roles)

    def public(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "roles": sorted(self.roles)}


class StaffService:
    """Accounts, logins, and whether somebody still works here."""

    def __init__(
        self,
        log: EventLog,
        tokens: Tokens,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._tokens = tokens
        self._clock = clock
        self._monotonic = monotonic
        self._hasher = PasswordHasher()
        self._hashing = asyncio.Semaphore(2)  # argon2 is slow and large on purpose
        self._brake = Brake(monotonic)
        self._employed: frozenset[str] = frozenset()
        self._employed_at = -_FRESH_S * 2

    async def add(self, name: str, roles: Iterable[Role], pin: str) -> Account:
        """A new account; its id is made from the name.

        Raises:
            BadRequest: The PIN is shorter than four characters, or the name has no letters; or either is longer
                than the login takes.
            Conflict: There is an account of this name.
        """
        if not 4 <= len(pin) <= _LONGEST_PIN:
            raise BadRequest(f"a PIN has at least four characters, and at most {_LONGEST_PIN}", field="pin")
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise BadRequest(f"a name is one line of at most {_LONGEST_NAME} characters", field="name")
        account = Account(
            id=_slug(name),
            name=name.strip(),
            roles=frozenset(roles),
            pin_hash=await self._hash(pin),
            created_at=format_time(self._clock()),
        )
        key = staff_key(account.id)
        try:
            await self._log.commit(
                Write(
                    expects=((key, 0),),
                    documents=(_document(account, 1),),
                    index=(IndexMove(STAFF, account.id, True),),
                    expire=((key, 0),),
                )
            )
        except Conflict:
            raise Conflict(f"there is an account named {name!r} already") from None
        return account

    async def set_pin(self, name: str, pin: str) -> Account:
        """Give somebody another PIN.

        Raises:
            NotFound: There is no account of this name.
        """
        key = staff_key(_slug(name))
        document = await self._log.document(key)
        if document is None or not document.version:
            raise NotFound(f"there is no account named {name!r}")
        account = replace(_account(document), pin_hash=await self._hash(pin))
        version = document.version
        await self._log.commit(Write(expects=((key, version),), documents=(_document(account, version + 1),)))
        return account

    async def remove(self, name: str) -> None:
        """End an account; its tokens stop working within seconds.

        Raises:
            NotFound: There is none of this name.
        """
        key = staff_key(_slug(name))
        if await self.get(key.id) is None:
            raise NotFound(f"there is no account named {name!r}")
        # Redis forgets the document in a second; at version 0 it counts as none from now on.
        gone = Document(key, 0, "")
        await self._log.commit(Write(documents=(gone,), index=(IndexMove(STAFF, key.id, False),), expire=((key, 1),)))

    async def list(self, role: Role | None = None) -> list[Account]:
        """Everybody who works here, by name."""
        members = [member for member, _ in await self._log.indexed(STAFF, before=None, limit=_MOST_ACCOUNTS)]
        documents = await self._log.documents([staff_key(member) for member in members])
        accounts = [_account(document) for document in documents if document is not None and document.version]
        return sorted((a for a in accounts if role is None or role in a.roles), key=lambda a: a.name)

    async def get(self, staff_id: str) -> Account | None:
        document = await self._log.document(staff_key(staff_id))
        return _account(document) if document is not None and document.version else None

    async def shown(self, principal: Principal, role: Role | None) -> dict[str, Any]:
        principal.require(Permission.READ_STAFF)
        return {"staff": [account.public() for account in await self.list(role)]}

    async def login(self, login: Login, address: str) -> dict[str, Any]:
        """Trade a name and a PIN for a token.

        Returns:
            `{token, expires_at, principal}`; the token lasts a shift of twelve hours.

        Raises:
            Unauthorized: No such name, or another PIN; which of the two is not said.
            RateLimited: Too many wrong tries of this name or from this address; it says when to come back.
        """
        # By the letters alone, as accounts are: "carmen", "Carmen!" and "cármen" are one name.
        name = _letters(login.name)
        by_name, by_address = f"name:{name}", f"address:{address}"
        self._brake.check((by_name, by_address))
        # Counted before the slow part, and taken back if it was right: many tries at once are many tries.
        self._brake.failed((by_name,))
        account = await self.get(name or "-")
        # A name that is not there takes as long as one that is.
        right = await self._verify(account.pin_hash if account else await self._decoy(), login.pin)
        if account is None or not right:
            self._brake.failed((by_address,))
            raise Unauthorized("the name or the PIN is wrong")
        self._brake.forget((by_name, by_address))
        now = self._clock()
        return {
            "token": self._tokens.issue(account.principal, now, SESSION),
            "expires_at": format_time(now + SESSION),
            "principal": account.principal.public(),
        }

    async def is_employed(self, staff_id: str) -> bool:
        """Whether the account still exists; asked of Redis at most every five seconds."""
        if staff_id not in self._employed or self._monotonic() - self._employed_at > _FRESH_S:
            members = await self._log.indexed(STAFF, before=None, limit=_MOST_ACCOUNTS)
            self._employed = frozenset(member for member, _ in members)
            self._employed_at = self._monotonic()
        return staff_id in self._employed

    async def first_manager(self) -> tuple[str, str] | None:
        """On the very first start: a manager with a generated PIN, `(name, pin)`, to be shown once."""
        if await self._log.indexed(STAFF, before=None, limit=1):
            return None
        pin = new_pin()
        try:
            account = await self.add("Carmen", [Role.MANAGER], pin)
        except Conflict:
            return None  # another process was first
        return account.name, pin

    async def _hash(self, pin: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, pin)

    async def _verify(self, pin_hash: str, pin: str) -> bool:
        async with self._hashing:
            try:
                return await asyncio.to_thread(self._hasher.verify, pin_hash, pin)
            except VerificationError:
                return False

    async def _decoy(self) -> str:
        if not hasattr(self, "_decoy_hash"):
            self._decoy_hash = await self._hash(secrets.token_hex(16))
        return self._decoy_hash


class Brake:
    """Slows down whoever guesses: after a few wrong tries each next one waits twice as long."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: dict[str, tuple[int, float]] = {}  # how many, and until when to wait

    def check(self, tried: Iterable[str]) -> None:
        now = self._monotonic()
        wait_s = max((self._failures.get(key, (0, 0.0))[1] - now for key in tried), default=0.0)
        if wait_s > 0:
            raise RateLimited("too many wrong PINs; wait a little", retry_after_s=wait_s)

    def failed(self, tried: Iterable[str]) -> None:
        now = self._monotonic()
        if len(self._failures) > _MOST_REMEMBERED:  # those who have waited theirs out are forgotten
            self._failures = {k: v for k, v in self._failures.items() if v[1] > now}
        for key in tried:
            count = self._failures.get(key, (0, 0.0))[0] + 1
            wait_s = min(_LONGEST_WAIT_S, 2.0 ** (count - _FREE_TRIES)) if count >= _FREE_TRIES else 0.0
            self._failures[key] = (count, now + wait_s)

    def forget(self, tried: Iterable[str]) -> None:
        for key in tried:
            self._failures.pop(key, None)


def new_pin() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))


def _document(account: Account, version: int) -> Document:
    body = json.dumps({**account.public(), "pin_hash": account.pin_hash, "created_at": account.created_at})
    return Document(staff_key(account.id), version, body)


def _account(document: Document) -> Account:
    raw = json.loads(document.body)
    return Account(
        id=raw["id"],
        name=raw["name"],
        roles=frozenset(Role(role) for role in raw["roles"]),
        pin_hash=raw["pin_hash"],
        created_at=raw["created_at"],
    )


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", plain(name)).strip("-")[:60]


def _slug(name: str) -> str:
    slug = _letters(name)
    if not slug:
        raise BadRequest("a name needs at least one letter", field="name")
    return slug
