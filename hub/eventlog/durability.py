"""Whether a Redis keeps what it is told: what its own configuration says about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError, NoPermissionError, RedisError, ResponseError

from hub.domain.errors import Internal, Unavailable
from hub.eventlog.connect import connect
from hub.eventlog.errors import Refusal, WritesRefused, translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.eventlog.calls import Calls

_ASKED = ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")


@dataclass(frozen=True, slots=True)
class Durability:
    """What a Redis may lose, in an operator's words; nothing in either: it keeps all.

    Attributes:
        unsafe: How it loses orders in daily life: at a restart, or when its memory is full.
        doubtful: How it may lose the last moment's, when the machine itself fails; or that we may not look.
    """

    unsafe: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


_NOT_SHOWN = Durability(doubtful=("we are not allowed to look whether it keeps its data (CONFIG GET)",))


async def durability_of(url: str, deadline_s: float) -> Durability:
    """Ask it.

    Raises:
        Unavailable: It does not answer.
    """
    try:
        async with asyncio.timeout(deadline_s), connect(url, deadline_s=deadline_s) as redis:
            said: dict[str, Any] = {}
            for name in _ASKED:  # one by one: several names in one command are Redis 7's
                answer: Any = await redis.config_get(name)
                said |= answer
            return judged(said)
    except TimeoutError as exc:
        raise Unavailable("Redis does not answer") from exc
    except (RedisError, OSError) as exc:
        if _not_allowed(exc):
            return _NOT_SHOWN
        raise translate(exc) from exc


async def read_durability(calls: Calls) -> Durability:
    """The same over the log's own connections, for a hub that asks again and again.

    Raises:
        Unavailable: It does not answer.
    """
    said: dict[str, Any] = {}
    for name in _ASKED:
        try:
            answer = await calls.call("CONFIG", "GET", name, again=True)
        except WritesRefused as error:
            if error.refusal is not Refusal.PERMISSION:
                raise
            return _NOT_SHOWN
        except Internal:  # a service that has no such command
            return _NOT_SHOWN
        said |= answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    return judged(said)


def judged(said: Mapping[str, Any]) -> Durability:
    """What these settings mean; one that it does not have, or does not tell, is not held against it."""
    unsafe, doubtful = [], []
    if said.get("appendonly") == "no":
        unsafe.append("appendonly is no: what was ordered since its last snapshot is lost when it restarts")
    elif (sync := said.get("appendfsync", "always")) != "always":
        lost = "the last second" if sync == "everysec" else "the last half minute"
        doubtful.append(f"appendfsync is {sync}: {lost} is lost when the machine fails")
    policy = said.get("maxmemory-policy", "noeviction")
    if policy != "noeviction" and said.get("maxmemory", "0") != "0":
        unsafe.append(f"maxmemory-policy is {policy}: it throws data away when its memory is full")
    return Durability(tuple(unsafe), tuple(doubtful))


def _not_allowed(exc: BaseException) -> bool:
    """Forbidden by its ACL, or a service that has no such command."""
    if isinstance(exc, ConnectionError):
        return False
    return isinstance(exc, NoPermissionError) or (isinstance(exc, ResponseError) and "unknown command" in str(exc))
