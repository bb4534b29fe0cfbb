"""The tokens of programs, which the operator can list and revoke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

import structlog
from pydantic import AwareDatetime, Field, ValidationError

from hub.domain.errors import NotFound
from hub.domain.roles import Role
from hub.domain.values import Stored
from hub.eventlog.token_store import TokenStore
from hub.services.revocations import Revocations
from hub.services.stored import reason_of
from hub.services.tokens import Tokens

logger = structlog.get_logger(__name__)


class ServiceToken(Stored):
    """A program's token as it is listed: never the token itself."""

    id: str
    name: str
    roles: tuple[Annotated[Role | str, Field(union_mode="left_to_right")], ...]
    ends_at: AwareDatetime


class ServiceTokens:
    """The list of programs' tokens, each until its end."""

    def __init__(
        self, store: TokenStore, tokens: Tokens, revocations: Revocations, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock

    async def record(self, token: str) -> None:
        """List a token that was just issued."""
        listed = self._read(token)
        now_s = self._clock().timestamp()
        await self._store.add(listed.model_dump_json(), listed.ends_at.timestamp(), now_s)

    async def list(self) -> list[ServiceToken]:
        """Return the tokens that are still good, those that end first at the front."""
        return [listed for entry in await self._entries() if (listed := _listed(entry)) is not None]

    async def revoke(self, which: str) -> ServiceToken:
        """End a token, named by its id or by the whole of it, which need not be listed.

        Raises:
            NotFound: No token of this id is listed.
            Unauthorized: It is a token, but not one of ours, or has ended.
        """
        if which.count(".") == 2:
            token = self._read(which)
        else:
            found = [each for each in await self.list() if each.id == which]
            if not found:
                raise NotFound(f"no token with the id {which!r} is listed")
            token = found[0]
        await self._revocations.revoke(token.id, token.ends_at.timestamp())
        for entry in await self._entries():
            if (listed := _listed(entry)) is not None and listed.id == token.id:
                await self._store.remove(entry)
        return token

    async def _entries(self) -> Sequence[str]:
        return await self._store.list(self._clock().timestamp())

    def _read(self, token: str) -> ServiceToken:
        who = self._tokens.read(token, self._clock())
        assert who.until is not None  # every token that was read has an end
        ends_at = datetime.fromtimestamp(who.until, self._clock().tzinfo)
        return ServiceToken(id=who.token_id, name=who.name, roles=tuple(sorted(who.roles)), ends_at=ends_at)


def _listed(entry: str) -> ServiceToken | None:
    """An entry of the list; None if it cannot be read."""
    try:
        return ServiceToken.model_validate_json(entry)
    except ValidationError as exc:
        logger.error("service_tokens.entry_unreadable", reason=reason_of(exc))
        return None
