"""A record on disk of the furthest place in a branch's log that a hub process has seen. It outlives the process."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from hub.store.high_water_mark import HighWaterMark

logger = structlog.get_logger(__name__)

WRITE_S = 0.1  # a record is at most this far behind what its process has delivered
SYNC_S = 1.0  # and this far behind on the disk itself, which a power failure can lose
MAX_RECORDS = 512  # files of one folder: one for each process that ever ran beside the others
_RECORD_BYTES = 512  # one sector, so that it is written atomically; eight epochs of a log take 300 bytes
_READS = 3  # of a record that is being written at this moment
_TOUCHED_S = 60.0  # if a file changed so long after its record was written, something else changed it


class Witness:
    """Keeps the record of one process, in one file of a folder that all hubs of a data folder share.

    A record never names a place that the log did not reach, because an event is seen after Redis has it on disk. So a
    log that ends before any record of its folder has lost its tail, and a log that was only restarted never does.

    A process locks the first file that no other process has locked, and writes to it. The folder has as many files as
    processes ever ran at a time. Each process reads all of them, so any file will do.

    Args:
        folder: The folder of one branch. It lies beside Redis's own folder, not in it: a restored copy of Redis's
            folder must not bring the record of its own time along.
        seen: The places to record; `open` adds the places of all records.
    """

    def __init__(self, folder: Path, seen: HighWaterMark, *, write_s: float = WRITE_S, sync_s: float = SYNC_S) -> None:
        self._folder = folder
        self._seen = seen
        self._write_s = write_s
        self._sync_s = sync_s
        self._file = -1
        self._ahead_s = 0.0
        self._written: Mapping[str, int] = {}
        self._synced: Mapping[str, int] = {}
        self._synced_at = 0.0
        self._writing = threading.Lock()

    def open(self) -> None:
        """Read the folder's records, and lock a file to write to.

        If that fails, the hub goes on without a record, and checks the log against this process's own memory alone.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            own, self._file = _first_free(self._folder)
            recall(self._folder, self._seen, own)
            self._ahead_s = _clock_ahead_s(self._file)
        except OSError as error:
            logger.warning("log_record.open_failed", reason=error.strerror or str(error))

    async def run(self) -> None:
        """Keep the record up to date, until cancelled."""
        failed = False
        while self._file >= 0:
            await asyncio.sleep(self._write_s)
            if not self._is_due():
                continue
            try:
                await asyncio.to_thread(self._write)  # a disk may block its writer
                failed = False
            except OSError as error:
                if not failed:
                    logger.warning("log_record.write_failed", reason=error.strerror or str(error))
                failed = True

    def close(self) -> None:
        """Write the exact place, and release the file."""
        with self._writing:
            if self._file < 0:
                return
            try:
                self._store(sync=True)
            except OSError as error:
                logger.warning("log_record.write_failed", reason=error.strerror or str(error))
            finally:
                os.close(self._file)
                self._file = -1

    def _is_due(self) -> bool:
        if self._seen.offsets != self._written:
            return True
        return self._synced != self._written and time.monotonic() - self._synced_at >= self._sync_s

    def _write(self) -> None:
        with self._writing:
            if self._file >= 0:  # it may have been closed meanwhile
                self._store(sync=time.monotonic() - self._synced_at >= self._sync_s)

    def _store(self, *, sync: bool) -> None:
        if (lives := self._seen.offsets) != self._written:
            record = Record(lives, os.fstat(self._file).st_ino, time.time() + self._ahead_s)
            os.pwrite(self._file, record.dump(), 0)
            self._written = lives
        if sync and self._synced != lives:
            os.fsync(self._file)
            self._synced, self._synced_at = lives, time.monotonic()


@dataclass(frozen=True, slots=True)
class Record:
    """The content of a record's file.

    Attributes:
        lives: As `HighWaterMark.offsets`.
        file: The inode of the file it was written to.
        at_s: The time at which it was written, by the clock of the file's server.
    """

    lives: Mapping[str, int]
    file: int
    at_s: float

    def dump(self) -> bytes:
        """Return the bytes of the file: a checksum, then JSON."""
        text = json.dumps(asdict(self), separators=(",", ":")).encode()
        return f"{zlib.crc32(text):08x} ".encode() + text.ljust(_RECORD_BYTES - 9)

    @classmethod
    def load(cls, data: bytes) -> Record | None:
        """Parse the bytes of a file; None if they are damaged."""
        check, _, text = data.rstrip().partition(b" ")
        try:
            return cls(**json.loads(text)) if int(check, 16) == zlib.crc32(text) else None
        except (ValueError, TypeError):
            return None

    def is_copy(self, file: os.stat_result) -> bool:
        """Return True if the file is not the one to which a hub wrote this record.

        A copy that was moved into place has another inode; a copy that was written over the file has a later ctime.
        """
        return file.st_ino != self.file or file.st_ctime - self.at_s > _TOUCHED_S


def recall(folder: Path, seen: HighWaterMark, own: Path | None = None) -> None:
    """Add the places in all records of a folder to `seen`; a missing folder adds nothing.

    A record that was copied into place came with a copy of the whole data folder, so the epochs in it have ended. A
    record that a running process holds is no copy, whatever has happened to the file.

    Args:
        own: The record that this process holds and has not written to yet.

    Raises:
        OSError: A record is there and cannot be read.
    """
    for path in _by_age(folder):
        record, is_copy = _read(path)
        is_copy = is_copy and (path == own or not _is_locked(path))
        if record is None:
            logger.warning("log_record.unreadable", record=path.name)
            continue
        seen.recall(record.lives)
        if is_copy and record.lives:
            logger.warning("log_record.data_folder_copied", record=path.name)
            for epoch in record.lives:
                seen.end(epoch, 0)


def is_held(folder: Path) -> bool:
    """Return True if a running process keeps a record in the folder."""
    return any(map(_is_locked, _by_age(folder)))


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path) -> tuple[Record | None, bool]:
    """Read a record, and tell if its file is a copy; None if the record is damaged."""
    for _ in range(_READS):
        with path.open("rb") as file:
            data, state = file.read(), os.fstat(file.fileno())
        if not data:
            return Record({}, state.st_ino, state.st_ctime), False  # a process has just made it
        if (record := Record.load(data)) is not None:
            return record, record.is_copy(state)
    return None, False


def _by_age(folder: Path) -> Iterable[Path]:
    """Return the folder's records, the latest last: if there are many epochs, the latest are kept."""
    if not folder.is_dir():
        return ()
    return sorted((path for path in folder.iterdir() if path.name.isdigit()), key=lambda path: path.stat().st_mtime)


def _first_free(folder: Path) -> tuple[Path, int]:
    """Lock a file that no other process holds; return it and its descriptor.

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
            return path, file
    raise OSError(f"more than {MAX_RECORDS} processes keep a record in {folder}")


def _clock_ahead_s(file: int) -> float:
    """Return the seconds by which the file's clock is ahead of ours: a network file system has a clock of its own."""
    os.fchmod(file, 0o600)  # a change, and nothing else
    return os.fstat(file).st_ctime - time.time()


def _names(folder: Path) -> Iterator[Path]:
    return (folder / str(number) for number in range(1, MAX_RECORDS + 1))
