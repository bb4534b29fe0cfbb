"""Commands for Redis: every call ends within the deadline, with an answer or with an error of the hub."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis.exceptions import AuthenticationError, ConnectionError, NoScriptError, RedisError

from hub.store.redis.answer_deadline import answer_timeout
from hub.store.redis.blocking import BlockingCalls
from hub.store.redis.error_translation import Refusal, WritesRefused, refusal_of, translate, was_not_executed
from hub.store.redis.pipeline_pool import NotSent, PipelinePool
from hub.store.redis.pubsub import PubSub
from hub.store.redis.redis_py import locator_of

if TYPE_CHECKING:
    from redis.asyncio import Redis


_PAUSES_S = (0.01, 0.25)  # before a command goes out again: the first, and the longest


@dataclass(frozen=True, slots=True)
class ReplicaWait:
    """The replicas that have to confirm a write before it counts as done.

    Attributes:
        replicas: At least one.
        wait_ms: The time for their confirmations, within the deadline of a call.
    """

    replicas: int
    wait_ms: int = 500

    @classmethod
    def of(cls, replicas: int, wait_ms: int) -> ReplicaWait | None:
        """Return what the settings ask for; None if no replica has to confirm anything."""
        return cls(replicas, wait_ms) if replicas else None


class Script:
    """A Lua file of the store, called by its hash."""

    def __init__(self, name: str) -> None:
        self.text = files("hub.store").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        # What EVALSHA names a script by; nothing here is a secret.
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class RedisClient:
    """Sends commands and scripts to Redis, over connections that the whole process shares.

    Where the server may change (see `Locator`), a command that a server did not execute is sent again, to the server
    that has the branch by then, until the deadline.

    Args:
        redis: From `connect`; it must decode its responses. The caller closes it.

    Attributes:
        publish_command: The command by which scripts publish.
        clock: Counts the time in which Redis's answers could have been received; deadlines are kept by it.
    """

    def __init__(self, redis: Redis, *, deadline_s: float) -> None:
        encoder: Any = redis.get_encoder()  # type: ignore[no-untyped-call]
        if not encoder.decode_responses:
            raise ValueError("the event log needs a client with decode_responses=True")
        self.deadline_s = deadline_s
        self._redis = redis
        self._pool = PipelinePool(redis, deadline_s=deadline_s)
        self.clock = self._pool.clock
        self._blocking = BlockingCalls(redis, deadline_s=deadline_s)
        locator = locator_of(redis)
        self._follows = locator.follows
        self.publish_command = "SPUBLISH" if locator.sharded else "PUBLISH"

    async def aclose(self) -> None:
        """Drop what is under way."""
        await self._pool.aclose()
        self._blocking.close()

    def pubsub(self) -> PubSub:
        """Return a pub/sub connection that is not connected yet."""
        return PubSub(self._redis, self.deadline_s)

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        argv: Sequence[str | int],
        *,
        again: bool = False,
        wait: ReplicaWait | None = None,
    ) -> list[Any]:
        """Return a script's reply; `again`, `wait` and the errors are those of `call`."""
        command = ("EVALSHA", script.sha, len(keys), *keys, *argv)
        reply: list[Any] = await self._call(command, again, script, wait)
        return reply

    async def call(self, *command: str | int, again: bool = False, wait: ReplicaWait | None = None) -> Any:
        """Return the reply to one command.

        Args:
            again: True if doing it twice is as good as once: it is sent again when a connection breaks.
            wait: The replicas that have to confirm what the command writes.

        Raises:
            Unavailable: Redis did not answer in time, or cannot take this now, or too few replicas confirmed it.
            Internal: Redis refused it for good: our fault.
        """
        return await self._call(command, again, None, wait)

    async def block(self, *command: str | int, seconds: float) -> Any:
        """Return the reply to a command that waits in Redis, such as XREADGROUP with BLOCK.

        The command has a connection of its own. If the caller is cancelled, the connection is closed. Where the
        server may change, a command that lost its server waits again on the next one.

        Args:
            seconds: The time for which the command waits at most; the deadline counts from its end.

        Raises:
            Unavailable, Internal: As with `call`.
        """
        until = asyncio.get_running_loop().time() + seconds + self.deadline_s
        retries: _Retries | None = None
        while True:
            try:
                return await self._blocking.call(command, seconds)
            except (RedisError, OSError) as error:
                retries = retries or _Retries(error, again=self._follows, follows=self._follows)
                retries.error = error
            try:
                async with asyncio.timeout_at(until):
                    await retries.pause()
            except TimeoutError as error:
                raise WritesRefused(retries.refusal) from error
            except (RedisError, OSError) as error:
                raise translate(error) from error

    async def _call(
        self, command: Sequence[str | int], again: bool, script: Script | None, wait: ReplicaWait | None
    ) -> Any:
        until = self.clock.now() + self.deadline_s
        send = self._pool.call if wait is None else self._confirmed_by(wait)
        try:
            return await send(*command)  # keeps the deadline by itself
        except (RedisError, OSError) as error:
            retries = _Retries(error, again=again, follows=self._follows)
        try:
            async with answer_timeout(until - self.clock.now()):
                return await self._repeat(send, retries, command, script)
        except TimeoutError as error:
            raise WritesRefused(retries.refusal) from error
        except (RedisError, OSError) as error:
            raise translate(error) from error

    def _confirmed_by(self, wait: ReplicaWait) -> Callable[..., Awaitable[Any]]:
        async def send(*command: str | int) -> Any:
            reply, confirmed = await self._pool.call_confirmed(command, wait.replicas, wait.wait_ms)
            if confirmed < wait.replicas:
                raise WritesRefused(Refusal.NOT_REPLICATED)
            return reply

        return send

    async def _repeat(
        self,
        send: Callable[..., Awaitable[Any]],
        retries: _Retries,
        command: Sequence[str | int],
        script: Script | None,
    ) -> Any:
        """Return the reply, after a first try that had none.

        Raises:
            RedisError, OSError: Another try would not help.
        """
        while True:
            if isinstance(retries.error, NoScriptError) and script is not None:
                command, script = (
                    ("EVAL", script.text, *command[2:]),
                    None,
                )  # Redis does not know the hash: send the full script
            else:
                await retries.pause()
            try:
                return await send(*command)
            except (RedisError, OSError) as exc:
                retries.error = exc


class _Retries:
    """The tries of one call.

    Attributes:
        error: The outcome of the last one.
    """

    def __init__(self, error: Exception, *, again: bool, follows: bool) -> None:
        self.error = error
        self._again = again
        self._follows = follows
        self._pauses = _pauses_s()

    @property
    def refusal(self) -> Refusal:
        """The reason to give when the time is over."""
        return refusal_of(self.error) or Refusal.UNREACHABLE

    async def pause(self) -> None:
        """Wait before another try.

        Raises:
            RedisError, OSError: The last error, if another try would not help or might do the command twice.
        """
        error = self.error
        if not ((self._again and _passes(error)) or (self._follows and _is_safe(error))):
            raise error
        await asyncio.sleep(next(self._pauses))


def _passes(error: Exception) -> bool:
    """Return True if the error is only that the connection ended: a new connection may succeed."""
    if isinstance(error, TimeoutError) or isinstance(error.__cause__ or error, AuthenticationError):
        return False
    return isinstance(error, ConnectionError | OSError)


def _is_safe(error: Exception) -> bool:
    """Return True if the command was certainly not executed, and another server may take it."""
    if isinstance(error.__cause__ or error, AuthenticationError):
        return False
    return isinstance(error, NotSent) or was_not_executed(error)


def _pauses_s() -> Iterator[float]:
    longest = _PAUSES_S[0]
    while True:
        yield longest * random.uniform(0.5, 1)
        longest = min(longest * 2, _PAUSES_S[1])
