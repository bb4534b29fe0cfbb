"""The accounts and roles of staff, at most a few seconds old."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from hub.core.errors import Unauthorized
from hub.domain.roles import Principal
from hub.services.auth.accounts import Account
from hub.services.ttl_cache import TtlCache


class Roster:
    """Compares a token with its account, which may be a few seconds old.

    Args:
        read: Reads an account by its id.
    """

    def __init__(
        self, read: Callable[[str], Awaitable[Account | None]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts: TtlCache[str, Account | None] = TtlCache(read, monotonic)

    async def current(self, principal: Principal) -> Principal:
        """Return the member of staff with the name and roles that the account has now.

        Raises:
            Unauthorized: The account was removed; another one of its name is not the same.
        """
        account = await self._accounts.get(principal.id)
        if account is None or account.life != principal.life:
            # The token may be newer than the roster that this process knows.
            account = await self._accounts.renew(principal.id)
        if account is None or account.life != principal.life:
            raise Unauthorized("this account was removed, or its PIN was changed; log in again")
        roles = account.principal.roles
        if (roles, account.name) == (principal.roles, principal.name):
            return principal
        return replace(principal, roles=roles, name=account.name)
