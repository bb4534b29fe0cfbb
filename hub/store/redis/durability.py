"""The durability of a Redis server, judged by its configuration."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError, NoPermissionError, RedisError, ResponseError

from hub.core.errors import Internal, Unavailable
from hub.store.redis.connect import connected
from hub.store.redis.error_translation import Refusal, WritesRefused, translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.redis.client import RedisClient

_ASKED = ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")


@dataclass(frozen=True, slots=True)
class Durability:
    """The ways in which a Redis server may lose data, as messages for the operator. Both empty: it keeps everything.

    Attributes:
        unsafe: Losses in normal operation: at a restart, or when its memory is full.
        doubtful: Losses of the last moments when the machine fails; or the settings could not be read.
    """

    unsafe: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


_NOT_SHOWN = Durability(
    doubtful=("the hub is not allowed to read its settings (CONFIG GET), so its durability is unknown",)
)


async def durability_of(url: str, deadline_s: float, *, branch: str = "") -> Durability:
    """Read the settings of a Redis server over a connection of its own, and judge them.

    Raises:
        Unavailable: Redis does not answer.
    """
    try:
        async with asyncio.timeout(deadline_s), connected(url, branch=branch, deadline_s=deadline_s) as redis:
            settings: dict[str, Any] = {}
            for name in _ASKED:  # one by one: only Redis 7 takes several names in one command
                answer: Any = await redis.config_get(name)
                settings |= answer
            return judge(settings)
    except TimeoutError as exc:
        raise Unavailable("Redis does not answer") from exc
    except (RedisError, OSError) as exc:
        if _not_allowed(exc):
            return _NOT_SHOWN
        raise translate(exc) from exc


async def read_durability(calls: RedisClient) -> Durability:
    """Read the settings over the log's connections, for a hub that checks them regularly, and judge them.

    Raises:
        Unavailable: Redis does not answer.
    """
    settings: dict[str, Any] = {}
    for name in _ASKED:
        try:
            answer = await calls.call("CONFIG", "GET", name, again=True)
        except WritesRefused as error:
            if error.refusal is not Refusal.PERMISSION:
                raise
            return _NOT_SHOWN
        except Internal:  # a service that has no such command
            return _NOT_SHOWN
        settings |= answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    return judge(settings)


def judge(settings: Mapping[str, Any]) -> Durability:
    """Judge these settings. A setting that the server lacks or hides counts as safe."""
    unsafe, doubtful = [], []
    if settings.get("appendonly") == "no":
        unsafe.append("appendonly is no: data written since its last snapshot is lost when it restarts")
    elif (sync := settings.get("appendfsync", "always")) != "always":
        lost = "the last second" if sync == "everysec" else "the last half minute"
        doubtful.append(f"appendfsync is {sync}: {lost} is lost when the machine fails")
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction" and settings.get("maxmemory", "0") != "0":
        unsafe.append(f"maxmemory-policy is {policy}: it deletes data when its memory is full")
    return Durability(tuple(unsafe), tuple(doubtful))


def _not_allowed(exc: BaseException) -> bool:
    """Return True if the server's ACL forbids CONFIG, or it has no such command."""
    if isinstance(exc, ConnectionError):
        return False
    return isinstance(exc, NoPermissionError) or (isinstance(exc, ResponseError) and "unknown command" in str(exc))
