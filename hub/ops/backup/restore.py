"""`comanda restore DIR`: replaces the data folder's contents with a backup, in a new epoch of the log."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hub.config import Settings
from hub.local_redis.data_copies import CopyError, claimed, lay_out
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.ops.backup.make import NOT_PRIVATE, copy_file, logs_of
from hub.ops.backup.manifest import DATA, REDIS, Manifest
from hub.services.build import build_log
from hub.store.high_water_mark import HighWaterMark
from hub.store.redis.connect import connect
from hub.store.witness import is_held, recall


@dataclass(frozen=True, slots=True)
class Restored:
    """The outcome of `restore`.

    Attributes:
        branches: The place at which each branch's log goes on, as `<epoch>-<offset>`.
        aside: The folder that holds the old data; None if there was none.
    """

    manifest: Manifest
    branches: Mapping[str, str]
    aside: Path | None


async def restore(settings: Settings, source: Path) -> Restored:
    """Restore a backup. Clients that were connected before reload their rooms.

    The copy is prepared in the data folder, beside the old data, and tested; then it takes the old data's place. The
    old data is kept.

    Raises:
        CopyError: The backup cannot be used, or a hub runs on the data folder; nothing has changed.
    """
    if settings.redis_url:
        raise CopyError(NOT_PRIVATE)
    manifest, data = Manifest.read(source), settings.data_dir
    had_data = (data / "redis" / "state.json").exists()
    with claimed(data):
        witnesses = data / "witness"
        if witnesses.is_dir() and any(is_held(folder) for folder in witnesses.iterdir()):
            raise CopyError(f"a hub runs on {data}; stop it first")
        with tempfile.TemporaryDirectory(dir=data, prefix="restoring-") as staged:
            ready = Path(staged)
            lay_out(source / REDIS, ready, manifest.redis, manifest.redis_version)
            for path in manifest.others:
                copy_file(source / DATA / path, ready / path)
            branches = await _begin_anew(settings, ready, witnesses)
            with claimed(ready):  # a hub that starts now waits until all of it is there
                aside = data / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
                _exchange(ready, data, aside, ["redis", *_tops(manifest.others)])
    return Restored(manifest, branches, aside if had_data else None)


async def _begin_anew(settings: Settings, data_dir: Path, witnesses: Path) -> Mapping[str, str]:
    """End the epoch of every branch in the copy. The next one begins past all offsets that a hub here has seen."""
    branches = {}
    async with EmbeddedRedis(data_dir) as embedded, connect(embedded.url) as redis:
        async for found in logs_of(redis, settings):
            seen = HighWaterMark()
            recall(witnesses / found.branch, seen)
            log = build_log(redis, settings.model_copy(update={"branch": found.branch}), seen)
            branches[log.branch] = str(await log.begin_anew())
            await log.aclose()
    return branches


def _tops(files: Sequence[Path]) -> list[str]:
    """The entries of the data folder in which these files lie."""
    return sorted({path.parts[0] for path in files})


def _exchange(ready: Path, data: Path, aside: Path, names: Sequence[str]) -> None:
    """Move the named entries of `data` aside, and those of `ready` into their place.

    Raises:
        OSError: An entry could not be moved. All entries are where they were before.
    """
    aside.mkdir(mode=0o700)
    moves = [(data / name, aside / name) for name in names if (data / name).exists()]
    moves += [(ready / name, data / name) for name in names]
    done = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            target.rename(source)
        shutil.rmtree(aside)
        raise
