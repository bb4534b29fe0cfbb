"""Revoked tokens, and the list of programs' tokens: in Redis, for all processes."""

from __future__ import annotations

import math

from hub.store.keys import Keys
from hub.store.redis.client import RedisClient

_MAX_LISTED = 1_000


class TokenStore:
    """Stores tokens by their ids, each until its end.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.
    """

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys

    async def revoke(self, token_id: str, for_s: float) -> None:
        """Revoke a token that would be valid for `for_s` more seconds."""
        key = self._keys.revoked_token(token_id)
        await self._calls.call("SET", key, 1, "EX", max(1, math.ceil(for_s)), again=True)

    async def is_revoked(self, token_id: str) -> bool:
        """Return True if the token was revoked."""
        return bool(await self._calls.call("EXISTS", self._keys.revoked_token(token_id), again=True))

    async def list(self, now_s: float) -> list[str]:
        """Return the list's entries for valid tokens, those that end first at the front."""
        key = self._keys.service_tokens
        entries: list[str] = await self._calls.call("ZRANGEBYSCORE", key, f"({now_s:.3f}", "+inf", again=True)
        return entries

    async def add(self, entry: str, until_s: float, now_s: float) -> None:
        """Add a token to the list. Drop ended ones and, of more than a thousand, those that end first."""
        key = self._keys.service_tokens
        await self._calls.call("ZADD", key, f"{until_s:.3f}", entry, again=True)
        await self._calls.call("ZREMRANGEBYSCORE", key, "-inf", f"{now_s:.3f}", again=True)
        await self._calls.call("ZREMRANGEBYRANK", key, 0, -_MAX_LISTED - 1, again=True)

    async def remove(self, entry: str) -> None:
        """Remove a token from the list."""
        await self._calls.call("ZREM", self._keys.service_tokens, entry, again=True)
