"""Tokens that a sign-out or the operator has revoked."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from hub.core.errors import Unauthorized
from hub.domain.roles import Principal
from hub.services.ttl_cache import TtlCache
from hub.store.token_store import TokenStore


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
        self._revoked: TtlCache[str, bool] = TtlCache(store.is_revoked, monotonic)

    async def require_good(self, principal: Principal) -> None:
        """Refuse a principal whose token was revoked.

        Raises:
            Unauthorized: The token was revoked; log in again.
        """
        if principal.token_id and await self._revoked.get(principal.token_id):
            raise Unauthorized("the token was revoked; log in again")

    async def revoke(self, token_id: str, until_s: float) -> None:
        """End a token that would be good until a Unix time."""
        await self._store.revoke(token_id, until_s - self._clock().timestamp())
        self._revoked.put(token_id, True)
