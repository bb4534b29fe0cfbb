"""Copies of a private Redis's data in one file: written while Redis serves, and laid out for another Redis to load."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from redis.exceptions import RedisError, ResponseError

from hub.local_redis.data_folder import ServerState, private_folder, try_lock
from hub.store.redis.connect import connected

if TYPE_CHECKING:
    from redis.asyncio import Redis

_SAVE_S = 600.0
_LOOK_S = 0.05
_ANSWER_S = 5.0
_FILE = "dump.rdb"  # where Redis writes it, in its own folder


class CopyError(Exception):
    """A copy was not made or not put back; the message says why, in one line."""


async def save(url: str, data_dir: Path, target: Path) -> None:
    """Write the data of a data folder's private Redis, as of one moment, to a file, while Redis goes on serving.

    Redis makes the copy in a child process, from its memory at a moment after this call.

    Raises:
        CopyError: It was not written.
    """
    folder = data_dir / "redis"
    lock = try_lock(folder / "backup.lock")
    if lock is None:
        raise CopyError(f"another backup of {data_dir} is being made")
    try:
        async with asyncio.timeout(_SAVE_S), connected(url, deadline_s=_ANSWER_S) as redis:
            await _save(redis, folder / _FILE)
            await asyncio.to_thread(shutil.move, folder / _FILE, target)
    except TimeoutError as error:
        raise CopyError(f"Redis did not finish its copy within {_SAVE_S:.0f} s") from error
    except (RedisError, OSError) as error:
        raise CopyError(f"Redis made no copy: {error}") from error
    finally:
        with suppress(OSError):
            await asyncio.to_thread((folder / _FILE).unlink, missing_ok=True)  # one that could not be moved away
        os.close(lock)


async def _save(redis: Redis, file: Path) -> None:
    while not await _begin(redis, file):  # noqa: ASYNC110 - Redis tells nobody
        await asyncio.sleep(_LOOK_S)
    while await _is_busy(redis):  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)
    if not await asyncio.to_thread(file.exists):  # it has another name until it is whole
        raise CopyError("Redis could not write its copy; redis.log in the data folder says why")


async def _begin(redis: Redis, file: Path) -> bool:
    """Start the copy; False while Redis has another child process, which a killed backup may have left."""
    if await _is_busy(redis):
        return False
    await asyncio.to_thread(file.unlink, missing_ok=True)
    try:
        await redis.execute_command("BGSAVE")  # type: ignore[no-untyped-call]
    except ResponseError as error:
        if "progress" in str(error):
            return False
        raise
    return True


async def _is_busy(redis: Redis) -> bool:
    state = await redis.info("persistence")
    return bool(state["rdb_bgsave_in_progress"] or state["aof_rewrite_in_progress"])


def lay_out(copy: Path, data_dir: Path, source: str, version: tuple[int, ...]) -> None:
    """Make a data folder from which a private Redis starts with a copy's data.

    Args:
        source, version: The Redis that wrote the copy. An older one cannot read it.
    """
    folder = data_dir / "redis"
    private_folder(folder)
    # An append-only file may begin with a copy in this format, and this one ends there. Redis 7 moves it to where it
    # keeps its own.
    shutil.copyfile(copy, folder / "appendonly.aof")
    ServerState("", source, version, 0, durable=True).write(folder)


@contextmanager
def claimed(data_dir: Path) -> Iterator[None]:
    """Lock a data folder against every hub and every private Redis.

    Raises:
        CopyError: One of them runs on it.
        StartError: The folder belongs to another user.
    """
    folder = data_dir.absolute() / "redis"
    private_folder(folder)
    with ExitStack() as held:
        for name, runs in (("owner.lock", "a hub or a command"), ("server.lock", "a Redis")):
            lock = try_lock(folder / name)
            if lock is None:
                raise CopyError(f"{runs} runs on {data_dir}; stop it first")
            held.callback(os.close, lock)
        yield
