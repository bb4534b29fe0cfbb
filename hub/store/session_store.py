"""Stored sessions, which a client can resume on any process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import IntEnum

from hub.store.keys import Keys
from hub.store.redis.client import RedisClient, Script

_SESSIONS_A_CALL = 100  # 1 ms of Redis


class Held(IntEnum):
    """The owner of a session, as `SessionStore.touch` found it."""

    GONE = 0  # no connection: nothing is stored, as after a flush
    OURS = 1
    TAKEN = 2  # another connection owns it


class SessionStore:
    """Stores sessions by their private id, `pid`, each for a time. Redis gets only a hash of the `pid`.

    A body is a JSON object. The store reads one field of it: `owner`, the connection that holds the session. Only the
    owner may write, extend or end a session. A connection that resumes it names the owner it found, and takes its
    place. So a connection that died unnoticed can neither restore an older state nor end a session resumed elsewhere.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.
    """

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys
        self._write = Script("session_write")
        self._touch = Script("session_touch")

    async def keep(self, pid: str, body: str, ttl_s: float, *, owner: str, former: str = "") -> bool:
        """Store a session in place of what was stored.

        Args:
            body: A JSON object; its `owner` is `owner`.
            former: The owner that this connection replaces.

        Returns:
            False if another connection owns the session; nothing was written.
        """
        return await self._write_as(owner, former, pid, body, ttl_s)

    async def find(self, pid: str) -> str | None:
        """Return a stored session; None if there is none, or if it has expired."""
        body: str | None = await self._calls.call("GET", self._keys.session(pid), again=True)
        return body

    async def touch(self, sessions: Sequence[tuple[str, str]], ttl_s: float) -> list[Held]:
        """Extend the lives of sessions, given as `(pid, owner)`, to `ttl_s` from now."""
        chunks = [sessions[start : start + _SESSIONS_A_CALL] for start in range(0, len(sessions), _SESSIONS_A_CALL)]
        replies = await asyncio.gather(*(self._touch_chunk(chunk, ttl_s) for chunk in chunks))
        return [Held(held) for reply in replies for held in reply]

    async def _touch_chunk(self, chunk: Sequence[tuple[str, str]], ttl_s: float) -> list[int]:
        keys = [self._keys.session(pid) for pid, _ in chunk]
        owners = [owner for _, owner in chunk]
        return await self._calls.run(self._touch, keys, [_ms(ttl_s), *owners], again=True)

    async def forget(self, pid: str, *, owner: str) -> bool:
        """Delete a session; False if another connection owns it."""
        return await self._write_as(owner, "", pid, "", 1)

    async def _write_as(self, owner: str, former: str, pid: str, body: str, ttl_s: float) -> bool:
        argv: list[str | int] = [body, owner, former, _ms(ttl_s)]
        done: object = await self._calls.run(self._write, [self._keys.session(pid)], argv, again=True)
        return done == 1


def _ms(seconds: float) -> int:
    # Redis refuses to keep something for no time, and takes a lifetime of none for a wish to delete.
    return max(1, round(seconds * 1_000))
