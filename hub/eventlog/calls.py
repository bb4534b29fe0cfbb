"""The way to Redis and back: every call ends within the deadline, with an answer or one of the domain's errors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis.exceptions import AuthenticationError, ConnectionError, NoScriptError, RedisError

from hub.domain.errors import Unavailable
from hub.eventlog.errors import translate
from hub.eventlog.lane import Lane

if TYPE_CHECKING:
    from redis.asyncio import Redis


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
            instead = _instead(command, error, again, script)
            if instead is None:
                raise translate(error) from error
        try:
            async with asyncio.timeout_at(until):
                return await self._until_answered(instead, again, script)
        except TimeoutError as error:
            raise Unavailable("Redis does not answer") from error
        except (RedisError, OSError) as error:
            raise translate(error) from error

    async def _until_answered(self, command: Sequence[str | int], again: bool, script: Script | None) -> Any:
        """After a first try that did not get through."""
        pause_s = 0.01
        while True:
            if command[0] != "EVAL":
                await asyncio.sleep(pause_s * random.uniform(0.5, 1))
                pause_s = min(pause_s * 2, 0.25)
            try:
                return await self._lane.call(*command)
            except (RedisError, OSError) as error:
                instead = _instead(command, error, again, script)
                if instead is None:
                    raise
                command = instead


def _instead(
    command: Sequence[str | int], error: Exception, again: bool, script: Script | None
) -> Sequence[str | int] | None:
    """What to send after this error; None if nothing."""
    if isinstance(error, NoScriptError):
        # Redis does not know its hash: sent in full.
        return None if script is None else ("EVAL", script.text, *command[2:])
    if not again or isinstance(error, TimeoutError) or isinstance(error.__cause__ or error, AuthenticationError):
        return None
    return command if isinstance(error, ConnectionError | OSError) else None
