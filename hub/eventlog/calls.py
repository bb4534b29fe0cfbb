"""The way to Redis and back: every call ends within the deadline, with an answer or one of the domain's errors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis.exceptions import AuthenticationError, ConnectionError, NoScriptError, RedisError

from hub.eventlog.errors import Refusal, WritesRefused, translate
from hub.eventlog.lane import Lane

if TYPE_CHECKING:
    from redis.asyncio import Redis


_PAUSES_S = (0.01, 0.25)  # before a command goes out again: the first, and the longest


class Script:
    """A Lua file of this package, called by its hash."""

    def __init__(self, name: str) -> None:
        self.text = files("hub.eventlog").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        # What EVALSHA names a script by; nothing here is a secret.
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Calls:
    """Commands and scripts for Redis, from everybody in this process who keeps something there.

    Args:
        redis: From `connect`; it must decode its responses. Whoever made it closes it.
    """

    def __init__(self, redis: Redis, *, deadline_s: float) -> None:
        encoder: Any = redis.get_encoder()  # type: ignore[no-untyped-call]
        if not encoder.decode_responses:
            raise ValueError("the event log needs a client with decode_responses=True")
        self.deadline_s = deadline_s
        self._lane = Lane(redis, deadline_s=deadline_s)

    async def aclose(self) -> None:
        """Drop what is under way."""
        await self._lane.aclose()

    async def run(
        self, script: Script, keys: Sequence[str], argv: Sequence[str | int], *, again: bool = False
    ) -> list[Any]:
        """A script's reply; `again` and the errors are those of `call`."""
        rest = (len(keys), *keys, *argv)
        reply: list[Any] = await self._call(("EVALSHA", script.sha, *rest), again, script)
        return reply

    async def call(self, *command: str | int, again: bool = False) -> Any:
        """One command's reply.

        Args:
            again: Doing it twice is as good as once: a connection that broke is no reason to give up.

        Raises:
            Unavailable: Redis did not answer in time, or cannot take this now.
            Internal: Redis refused it for good: our fault.
        """
        return await self._call(command, again, None)

    async def _call(self, command: Sequence[str | int], again: bool, script: Script | None) -> Any:
        until = asyncio.get_running_loop().time() + self.deadline_s
        try:
            return await self._lane.call(*command)  # keeps the deadline by itself
        except (RedisError, OSError) as error:
            first = error
        try:
            async with asyncio.timeout_at(until):
                return await self._after(first, command, again, script)
        except TimeoutError as error:
            raise WritesRefused(Refusal.UNREACHABLE) from error
        except (RedisError, OSError) as error:
            raise translate(error) from error

    async def _after(self, error: Exception, command: Sequence[str | int], again: bool, script: Script | None) -> Any:
        """The reply, after a first try that had none.

        Raises:
            RedisError, OSError: What cannot be helped by trying again.
        """
        pauses = _pauses_s()
        while True:
            if isinstance(error, NoScriptError) and script is not None:
                command, script = ("EVAL", script.text, *command[2:]), None  # Redis does not know its hash: in full
            elif again and _passes(error):
                await asyncio.sleep(next(pauses))
            else:
                raise error
            try:
                return await self._lane.call(*command)
            except (RedisError, OSError) as exc:
                error = exc


def _passes(error: Exception) -> bool:
    """Whether it is the connection's end, of which the next one need know nothing."""
    if isinstance(error, TimeoutError) or isinstance(error.__cause__ or error, AuthenticationError):
        return False
    return isinstance(error, ConnectionError | OSError)


def _pauses_s() -> Iterator[float]:
    longest = _PAUSES_S[0]
    while True:
        yield longest * random.uniform(0.5, 1)
        longest = min(longest * 2, _PAUSES_S[1])
