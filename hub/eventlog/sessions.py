"""What is kept of a connection, so that it can come back to any process: text that nobody here parses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hub.eventlog.calls import Calls, Script
from hub.eventlog.keys import Keys

_SESSIONS_A_CALL = 1_000


class SessionStore:
    """Sessions by their `pid`, each for a time. Redis is told a hash of the `pid`, which opens the session.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.
    """

    def __init__(self, calls: Calls, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys
        self._touch = Script("touch")

    async def keep(self, pid: str, body: str, ttl_s: float) -> None:
        """Keep a session, in place of what was kept of it."""
        await self._calls.call("SET", self._keys.session(pid), body, "PX", _ms(ttl_s), again=True)

    async def find(self, pid: str) -> str | None:
        """What is kept of a session; None: nothing, or no longer."""
        body: str | None = await self._calls.call("GET", self._keys.session(pid), again=True)
        return body

    async def touch(self, pids: Sequence[str], ttl_s: float) -> list[bool]:
        """Keep these sessions from now on for so long; of each, whether it is still there."""
        chunks = [pids[start : start + _SESSIONS_A_CALL] for start in range(0, len(pids), _SESSIONS_A_CALL)]
        replies = await asyncio.gather(
            *(
                self._calls.run(self._touch, [self._keys.session(pid) for pid in chunk], [_ms(ttl_s)], again=True)
                for chunk in chunks
            )
        )
        return [bool(there) for reply in replies for there in reply]

    async def forget(self, pid: str) -> None:
        """Keep nothing of a session any more."""
        await self._calls.call("DEL", self._keys.session(pid), again=True)


def _ms(seconds: float) -> int:
    # Redis refuses to keep something for no time, and takes a lifetime of none for a wish to delete.
    return max(1, round(seconds * 1_000))
