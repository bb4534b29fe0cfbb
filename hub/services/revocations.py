"""Tokens that a sign-out or the operator has revoked."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from hub.domain.errors import Unauthorized
from hub.domain.roles import Principal
from hub.eventlog.token_store import TokenStore
from hub.services.fresh import Fresh


class Revocations:
    """Knows the revoked tokens: at once in the process that revoked them, within seconds in all others."""

    def __init__(
        self,
        store: TokenStore,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._revoked: Fresh[str, bool] = Fresh(store.is_revoked, monotonic)

    async def require_good(self, principal: Principal) -> None:
        """Refuse a principal whose token was revoked.

        Raises:
            Unauthorized: It was: log in again.
        """
        if principal.token_id and await self._revoked.get(principal.token_id):
            raise Unauthorized("the token was revoked; log in again")

    async def revoke(self, token_id: str, until_s: float) -> None:
        """End a token that would be good until a Unix time."""
        await self._store.revoke(token_id, until_s - self._clock().timestamp())
        self._revoked.put(token_id, True)
