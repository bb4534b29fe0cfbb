"""`comanda backup DIR`: a copy of the data folder, as of one moment of the log, while the hub serves."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hub import __version__
from hub.bootstrap import open_redis
from hub.config import Settings
from hub.local_redis.data_copies import CopyError, lay_out, save
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.ops.backup.manifest import DATA, REDIS, Entry, Manifest
from hub.services.build import build_log
from hub.store.high_water_mark import HighWaterMark
from hub.store.keys import METAS, branch_of
from hub.store.log import EventLog
from hub.store.redis.connect import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

# Files that a backup leaves out: Redis copies its own files; the hubs' records must not be restored with an old copy
# of the log; old data that was set aside is not copied.
_LEFT_OUT = re.compile(r"redis|witness|(before-restore|restoring)-.*|secret\.[0-9]+")

NOT_PRIVATE = "COMANDA_REDIS_URL names a Redis that is not Comanda's own: use its own tools; docs/backup.md says how"


async def back_up(settings: Settings, target: Path) -> Manifest:
    """Copy the data folder of a hub, running or not, into an empty folder, and check that the copy can be read.

    The copy of Redis is of one moment after this call: it holds every order that was acknowledged before.

    Args:
        target: The folder, which is made if it does not exist; only this user can read it.

    Raises:
        CopyError: No backup was made; the folder is as it was.
    """
    if settings.redis_url:
        raise CopyError(NOT_PRIVATE)
    _check_target(settings.data_dir, target)
    with _made(target):
        return await _fill(settings, target)


async def logs_of(redis: Redis, settings: Settings) -> AsyncIterator[EventLog]:
    """Yield the log of each branch that a Redis holds, one after the other."""
    async for meta in redis.scan_iter(match=METAS):
        log = build_log(redis, settings.model_copy(update={"branch": branch_of(meta)}), HighWaterMark())
        try:
            yield log
        finally:
            await log.aclose()


def other_files(data_dir: Path) -> Iterator[Path]:
    """Yield the files of a data folder that are neither Redis's nor a hub's record, by their path in it."""
    for path in sorted(data_dir.iterdir()):
        if _LEFT_OUT.fullmatch(path.name):
            continue
        found = path.rglob("*") if path.is_dir() else [path]
        yield from (file.relative_to(data_dir) for file in found if file.is_file())


def copy_file(source: Path, target: Path) -> None:
    """Copy one file, for this user alone to read."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as to, source.open("rb") as copied:
        shutil.copyfileobj(copied, to)


def _check_target(data_dir: Path, target: Path) -> None:
    if not (data_dir / "redis").is_dir():
        raise CopyError(f"{data_dir} has no data to back up")
    whole, data = target.resolve(), data_dir.resolve()
    if whole == data or data in whole.parents or whole in data.parents:
        raise CopyError(f"{target} and the data folder {data_dir} overlap; name a folder outside the data folder")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CopyError(f"{target} is not an empty folder")


async def _fill(settings: Settings, target: Path) -> Manifest:
    made_at = datetime.now(UTC).replace(microsecond=0)
    async with open_redis(settings) as redis:
        assert redis is not None  # it is private
        if not redis.durable:
            raise CopyError(f"{redis.source} is in memory: it has no data on disk to back up")
        await save(redis.url, settings.data_dir, target / REDIS)
        (target / REDIS).chmod(0o600)
        source, version = redis.source, redis.version
    for name in other_files(settings.data_dir):
        copy_file(settings.data_dir / name, target / DATA / name)
    branches = await _read_back(settings, target, source, version)
    manifest = Manifest(
        comanda=__version__,
        made_at=made_at,
        redis=source,
        redis_version=version,
        branches=branches,
        files=_entries(target),
    )
    manifest.write(target)
    return manifest


async def _read_back(settings: Settings, target: Path, source: str, version: tuple[int, ...]) -> Mapping[str, str]:
    """Start a Redis from the copy, as `restore` does; return the end of each branch's log."""
    with tempfile.TemporaryDirectory(dir=target, prefix="check-") as folder:
        lay_out(target / REDIS, Path(folder), source, version)
        async with EmbeddedRedis(Path(folder)) as embedded, connect(embedded.url) as redis:
            return {log.branch: str(await log.position()) async for log in logs_of(redis, settings)}


def _entries(target: Path) -> Mapping[str, Entry]:
    files = sorted(path for path in target.rglob("*") if path.is_file())
    return {path.relative_to(target).as_posix(): Entry.of(path) for path in files}


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make an empty folder that only this user can read; remove what was made if the block fails."""
    was_there = folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder)
        if was_there:
            folder.mkdir(mode=0o700)
        raise
