"""A record on disk of how far a hub process has seen a branch's log: it outlives the process, and Redis's own files."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import structlog

from hub.eventlog.seen import Seen

logger = structlog.get_logger(__name__)

WRITE_S = 0.1  # a record is at most this far behind what its process has delivered
SYNC_S = 1.0  # and this far behind on the disk itself: a machine that loses power loses no more
MAX_RECORDS = 512  # files of one folder: one for each process that ever ran beside the others
_RECORD_BYTES = 512  # a sector, so that it is written whole; eight lives of a log take 300 bytes
_READS = 3  # of a record that is being written at this moment


class Witness:
    """Keeps what one process has seen, in one file of a folder that all hubs of a data folder share.

    A record never says more than the log held: an event is seen after Redis has it on disk. So a log that stands
    before any record of its folder has lost its tail, and a log that was only restarted never does.

    A process writes to the first file that no other process writes to, which it holds by a lock: there are as many
    files as there ever were processes at a time. It reads all of them, so it matters not which one it gets.

    Args:
        folder: One branch's. It lies beside Redis's own folder, not in it: a copy of Redis's folder put back must not
            bring the record of its own time along.
        seen: What is kept; `open` adds to it what the records say.
    """

    def __init__(self, folder: Path, seen: Seen, *, write_s: float = WRITE_S, sync_s: float = SYNC_S) -> None:
        self._folder = folder
        self._seen = seen
        self._write_s = write_s
        self._sync_s = sync_s
        self._file = -1
        self._written = b""
        self._synced = b""
        self._synced_at = 0.0
        self._writing = threading.Lock()

    def open(self) -> None:
        """Take over what the folder's records say, and a file to write to.

        Where that cannot be done, the hub goes on without a record: the log is then checked against this process alone.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _first_free(self._folder)
            recall(self._folder, self._seen)
        except OSError as error:
            logger.warning("witness.not_kept", reason=error.strerror or str(error))

    async def run(self) -> None:
        """Keep the record up to date, until cancelled."""
        failed = False
        while self._file >= 0:
            await asyncio.sleep(self._write_s)
            if not self._is_due():
                continue
            try:
                await asyncio.to_thread(self._write)  # a disk may keep whoever writes waiting
                failed = False
            except OSError as error:
                if not failed:
                    logger.warning("witness.not_written", reason=error.strerror or str(error))
                failed = True

    def close(self) -> None:
        """Write the exact place, and let go of the file."""
        with self._writing:
            if self._file < 0:
                return
            try:
                self._store(self._record(), sync=True)
            except OSError as error:
                logger.warning("witness.not_written", reason=error.strerror or str(error))
            finally:
                os.close(self._file)
                self._file = -1

    def _record(self) -> bytes:
        return dump(self._seen.offsets)

    def _is_due(self) -> bool:
        if self._record() != self._written:
            return True
        return self._synced != self._written and time.monotonic() - self._synced_at >= self._sync_s

    def _write(self) -> None:
        with self._writing:
            if self._file >= 0:  # it may have been closed meanwhile
                self._store(self._record(), sync=time.monotonic() - self._synced_at >= self._sync_s)

    def _store(self, record: bytes, *, sync: bool) -> None:
        if record != self._written:
            os.pwrite(self._file, record, 0)
            self._written = record
        if sync and self._synced != record:
            os.fsync(self._file)
            self._synced, self._synced_at = record, time.monotonic()


def recall(folder: Path, seen: Seen) -> None:
    """Add to `seen` what all records of a folder say; a folder that is not there says nothing.

    Raises:
        OSError: A record is there and cannot be read.
    """
    for path in _by_age(folder):
        lives = _read(path)
        if lives is None:
            logger.warning("witness.unreadable", record=path.name)
            continue
        for epoch, offset in lives.items():
            seen.note(epoch, offset)


def dump(lives: Mapping[str, int]) -> bytes:
    """A record: a checksum, and the highest offset by epoch, the latest epoch last."""
    text = json.dumps(lives, separators=(",", ":")).encode()
    return f"{zlib.crc32(text):08x} ".encode() + text.ljust(_RECORD_BYTES - 9)


def load(record: bytes) -> dict[str, int] | None:
    """What a record says; None if it is not whole."""
    check, _, text = record.rstrip().partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(text):
            return None
        lives: dict[str, int] = json.loads(text)
    except ValueError:
        return None
    return lives


def _read(path: Path) -> dict[str, int] | None:
    for _ in range(_READS):
        record = path.read_bytes()
        if not record:
            return {}  # a process has just made it
        if (lives := load(record)) is not None:
            return lives
    return None


def _by_age(folder: Path) -> Iterable[Path]:
    """The folder's records, the latest last: of many lives, the latest are remembered."""
    if not folder.is_dir():
        return ()
    return sorted((path for path in folder.iterdir() if path.name.isdigit()), key=lambda path: path.stat().st_mtime)


def _first_free(folder: Path) -> int:
    """A file that no other process holds, open and locked.

    Raises:
        OSError: There is none, or it cannot be written.
    """
    for path in _names(folder):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        except OSError:
            os.close(file)
            raise
        else:
            return file
    raise OSError(f"more than {MAX_RECORDS} processes keep a record in {folder}")


def _names(folder: Path) -> Iterator[Path]:
    return (folder / str(number) for number in range(1, MAX_RECORDS + 1))
