"""The accounts and roles of staff, at most a few seconds old."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from hub.domain.errors import Unauthorized
from hub.domain.roles import Principal
from hub.services.accounts import Account
from hub.services.fresh import Fresh


class Roster:
    """Compares a token with its account, which may be a few seconds old.

    Args:
        read: Reads an account by its id.
    """

    def __init__(
        self, read: Callable[[str], Awaitable[Account | None]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts: Fresh[str, Account | None] = Fresh(read, monotonic)

    async def current(self, principal: Principal) -> Principal:
        """Return the member of staff with the name and roles that the account has now.

        Raises:
            Unauthorized: The account was removed; another one of its name is not the same.
        """
        account = await self._accounts.get(principal.id)
        if account is None or account.life != principal.life:
            # It may be the token that is newer than what is known.
            account = await self._accounts.renew(principal.id)
        if account is None or account.life != principal.life:
            raise Unauthorized("this account was removed, or its PIN was changed; log in again")
        roles = account.principal.roles
        if (roles, account.name) == (principal.roles, principal.name):
            return principal
        return replace(principal, roles=roles, name=account.name)
