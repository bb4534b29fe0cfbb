"""The tokens that programs were given: listed, and revoked by the operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import AwareDatetime

from hub.domain.errors import NotFound
from hub.domain.roles import Role
from hub.domain.values import Value
from hub.eventlog.token_store import TokenStore
from hub.services.revocations import Revocations
from hub.services.tokens import Tokens


class ServiceToken(Value):
    """A program's token as it is listed: never the token itself."""

    id: str
    name: str
    roles: tuple[Role, ...]
    ends_at: AwareDatetime


class ServiceTokens:
    """The list of the tokens of programs, as long as each is good."""

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
        return [ServiceToken.model_validate_json(entry) for entry in await self._entries()]

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
            if ServiceToken.model_validate_json(entry).id == token.id:
                await self._store.remove(entry)
        return token

    async def _entries(self) -> Sequence[str]:
        return await self._store.list(self._clock().timestamp())

    def _read(self, token: str) -> ServiceToken:
        who = self._tokens.read(token, self._clock())
        assert who.until is not None  # every token that was read has an end
        ends_at = datetime.fromtimestamp(who.until, self._clock().tzinfo)
        return ServiceToken(id=who.token_id, name=who.name, roles=tuple(sorted(who.roles)), ends_at=ends_at)
