"""The tokens of programs and of couriers' apps, which the operator can list and revoke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from pydantic import AwareDatetime, Field, ValidationError

from hub.core.errors import BadRequest, NotFound, Unauthorized
from hub.domain.roles import Permission, Principal, Role
from hub.domain.values import Stored
from hub.services.auth.accounts import Account
from hub.services.auth.revocations import Revocations
from hub.services.auth.tokens import Tokens, TokenUse
from hub.services.stored_documents import reason_of
from hub.store.token_store import TokenStore

logger = structlog.get_logger(__name__)


class ServiceToken(Stored):
    """A program's token as it is listed: never the token itself."""

    id: str
    name: str
    roles: tuple[Annotated[Role | str, Field(union_mode="left_to_right")], ...]
    ends_at: AwareDatetime


class ServiceTokens:
    """The list of the tokens of programs and of couriers' apps, each until its end."""

    def __init__(
        self, store: TokenStore, tokens: Tokens, revocations: Revocations, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock

    async def issue_for_courier(self, account: Account, lasts: timedelta) -> str:
        """Return a new, listed token that only reports the positions of a courier.

        Raises:
            BadRequest: The account's owner is no courier.
        """
        if not account.principal.may(Permission.REPORT_POSITION):
            raise BadRequest(f"{account.name} is no courier")
        token = self._tokens.issue(account.principal, self._clock(), lasts, TokenUse.POSITIONS)
        await self.record(token)
        return token

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
            Unauthorized: It is a token, but signed by another key, or expired.
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
        who, roles = self._holder(token)
        assert who.until is not None  # every token that was read has an end
        ends_at = datetime.fromtimestamp(who.until, self._clock().tzinfo)
        return ServiceToken(id=who.token_id, name=who.name, roles=roles, ends_at=ends_at)

    def _holder(self, token: str) -> tuple[Principal, tuple[str, ...]]:
        """Return the holder of a token of any use, and its roles as they are listed."""
        now = self._clock()
        try:
            who = self._tokens.read(token, now)
        except Unauthorized:
            return self._tokens.read(token, now, TokenUse.POSITIONS), (str(TokenUse.POSITIONS),)
        return who, tuple(sorted(who.roles))


def _listed(entry: str) -> ServiceToken | None:
    """An entry of the list; None if it cannot be read."""
    try:
        return ServiceToken.model_validate_json(entry)
    except ValidationError as exc:
        logger.error("service_tokens.entry_unreadable", reason=reason_of(exc))
        return None
