"""The API keys of partners: made and revoked by managers, kept as digests."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated

from pydantic import Field

from hub.core.errors import BadRequest, LimitReached, NotFound, Unauthorized
from hub.domain.answers import Empty
from hub.domain.answers.key_answers import KeyList, ListedKey, NewKey
from hub.domain.key_commands import AddKey, RevokeKey
from hub.domain.roles import Kind, Permission, Principal, Scope
from hub.domain.values import Stored, Time
from hub.services.document_names import API_KEYS, api_key_key
from hub.services.service_bounds import MAX_KEYS
from hub.services.stored_documents import load_readable
from hub.store.log import Document, EventLog, IndexMove, Write

KEY_PREFIX = "ck_"
DEFAULT_LIFE = timedelta(days=365)
_ID_BYTES, _SECRET_BYTES = 8, 32
_OWNER = "key:"  # begins a partner's id as a principal; no account's id has a colon


class ApiKey(Stored):
    """An API key, as stored.

    Attributes:
        scopes: Those that only a newer hub knows are kept, and open nothing here.
        digest: SHA-256 of the key in hexadecimal. The key has 256 random bits, so its digest needs no salt.
        created_by: The name of who made it.
    """

    id: str
    title: str
    scopes: tuple[Annotated[Scope | str, Field(union_mode="left_to_right")], ...]
    digest: str
    created_at: Time
    created_by: str
    expires_at: Time

    @property
    def principal(self) -> Principal:
        """The holder of the key. It counts by the key, from whatever address it calls."""
        return Principal(
            kind=Kind.PARTNER,
            id=_OWNER + self.id,
            name=self.title,
            scopes=frozenset(scope for scope in self.scopes if isinstance(scope, Scope)),
            until=self.expires_at.timestamp(),
            address=_OWNER + self.id,
        )

    def listed(self) -> ListedKey:
        """Return the key as managers see it."""
        return ListedKey(
            key_id=self.id,
            title=self.title,
            scopes=tuple(sorted(self.scopes)),
            created_at=self.created_at,
            created_by=self.created_by,
            expires_at=self.expires_at,
        )


class ApiKeys:
    """Makes, lists, reads and revokes API keys.

    A key is read from Redis with each request: one that is revoked is refused at once, by every hub.
    """

    def __init__(self, log: EventLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock

    async def add(self, principal: Principal, command: AddKey) -> NewKey:
        """Make a key, which is shown in this answer and never again.

        Raises:
            Forbidden: The caller's role may not make keys.
            BadRequest: It would have ended already.
            LimitReached: There are as many keys as a branch may have.
        """
        principal.require(Permission.MANAGE_KEYS)
        now = self._clock()
        expires_at = command.expires_at or now + DEFAULT_LIFE
        if expires_at <= now:
            raise BadRequest("expires_at lies in the past", field="expires_at")
        if (used := len(await self._keys())) >= MAX_KEYS:
            raise LimitReached("revoke a key first", limit="keys", most=MAX_KEYS, used=used)
        id_ = secrets.token_hex(_ID_BYTES)
        key = f"{KEY_PREFIX}{id_}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        stored = ApiKey(
            id=id_,
            title=command.title,
            scopes=tuple(sorted(command.scopes)),
            digest=_digest(key),
            created_at=now,
            created_by=principal.name,
            expires_at=expires_at,
        )
        name = api_key_key(id_)
        await self._log.commit(
            Write(
                expects=((name, 0),),
                documents=(Document(name, 1, stored.model_dump_json()),),
                index=(IndexMove(API_KEYS, id_, True, keep=0),),
            )
        )
        return NewKey(**dict(stored.listed()), key=key)

    async def revoke(self, principal: Principal, command: RevokeKey) -> Empty:
        """End a key. Requests with it are refused from now on; its open connections are closed within seconds.

        Raises:
            Forbidden: The caller's role may not revoke keys.
            NotFound: There is no such key.
        """
        principal.require(Permission.MANAGE_KEYS)
        if await self._read(command.key_id) is None:
            raise NotFound("there is no such key")
        await self._remove(command.key_id)
        return Empty()

    async def shown(self, principal: Principal) -> KeyList:
        """Return the keys that are still good, the newest first.

        Raises:
            Forbidden: The caller's role may not see them.
        """
        principal.require(Permission.MANAGE_KEYS)
        return KeyList(keys=tuple(key.listed() for key in await self._keys()))

    async def principal(self, token: str) -> Principal:
        """Return the holder of a key.

        Raises:
            Unauthorized: The key is wrong, expired or revoked.
        """
        key = await self._read(token.removeprefix(KEY_PREFIX).partition("_")[0])
        if key is None or not hmac.compare_digest(key.digest, _digest(token)):
            raise Unauthorized("the API key is not valid")
        self._require_unexpired(key)
        return key.principal

    async def current(self, principal: Principal) -> Principal:
        """Return a partner with the name and scopes that its key has now.

        Raises:
            Unauthorized: The key has expired or was revoked.
        """
        key = await self._read(key_id_of(principal))
        if key is None:
            raise Unauthorized("the API key was revoked")
        self._require_unexpired(key)
        now = key.principal
        return replace(principal, name=now.name, scopes=now.scopes, until=now.until)

    def _require_unexpired(self, key: ApiKey) -> None:
        if key.expires_at <= self._clock():
            raise Unauthorized("the API key has expired")

    async def _keys(self) -> list[ApiKey]:
        """Return the keys that are still good, the newest first; forget those that have expired."""
        members = [member for member, _ in await self._log.indexed(API_KEYS, before=None, limit=2 * MAX_KEYS)]
        documents = await self._log.documents([api_key_key(member) for member in members])
        keys = [key for document in documents if (key := self._readable(document)) is not None]
        good = [key for key in keys if key.expires_at > self._clock()]
        for key in keys:
            if key not in good:
                await self._remove(key.id)
        return good

    async def _read(self, key_id: str) -> ApiKey | None:
        if not key_id.isascii() or not key_id.isalnum():
            return None
        return self._readable(await self._log.document(api_key_key(key_id)))

    def _readable(self, document: Document | None) -> ApiKey | None:
        """Return the key of a document; None for one that was removed or cannot be read."""
        return load_readable(self._log, ApiKey, document) if document is not None and document.version else None

    async def _remove(self, key_id: str) -> None:
        # Redis deletes the document in a second; at version 0 it counts as missing from now on.
        name = api_key_key(key_id)
        gone = Document(name, 0, "")
        await self._log.commit(
            Write(documents=(gone,), index=(IndexMove(API_KEYS, key_id, False),), expire=((name, 1),))
        )


def key_id_of(principal: Principal) -> str:
    """Return the id of a partner's key."""
    return principal.id.removeprefix(_OWNER)


def _digest(key: str) -> str:
    return sha256(key.encode(errors="surrogateescape")).hexdigest()
