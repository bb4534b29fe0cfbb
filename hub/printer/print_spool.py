"""The slips that wait for the printer, and the place in the kitchen's log: in a file that survives a power cut."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pydantic import ValidationError

from hub.printer.paper_order import Paper
from hub.printer.print_job import PrintJob

MAX_WAITING = 500  # slips; then the kitchen's room is not read any further
MAX_HANDLED = 4_000  # ids of slips that were printed or dropped
SAVE_CURSOR_EVERY = 50  # events without a slip; after a crash these are read again, and nothing comes of them


class SpoolUnusable(Exception):
    """The spool's file cannot be used; the message says why, for an operator."""


class Spooled(Paper):
    """The file's content.

    Attributes:
        cursor: The place in the log up to which all slips are in `waiting` or `handled`; empty at the first start.
        waiting: The slips to print, the first one first.
        begun: The id of the slip that is being sent to the printer.
        handled: The ids of slips that need no printing any more, the oldest first.
    """

    version: int = 1
    cursor: str = ""
    waiting: tuple[PrintJob, ...] = ()
    begun: str = ""
    handled: tuple[str, ...] = ()


class PrintSpool:
    """The queue of slips. Each change is on disk before the call returns.

    A slip whose sending had begun when the process died may be on paper: it is printed again, and marked.

    Example:
        async with PrintSpool(Path("printer.json")) as spool:
            await spool.add([job], cursor)
            job = await spool.first()

    Raises:
        SpoolUnusable: On entering: another process uses the file, or it cannot be read.
    """

    def __init__(self, path: Path, max_waiting: int = MAX_WAITING) -> None:
        self._path = path
        self._max_waiting = max_waiting
        self._now = Spooled()
        self._changed = asyncio.Condition()
        self._unsaved = 0
        self._lock: IO[str] | None = None
        # One thread: a write that was begun is finished, and comes before the next, also when its task is cancelled.
        self._disk = ThreadPoolExecutor(1, "print-spool")

    async def __aenter__(self) -> Self:
        try:
            await self._on_disk(self._open)
        except SpoolUnusable:
            self._release()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    async def _on_disk(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)

    def _release(self) -> None:
        self._disk.shutdown(wait=True)
        if self._lock is not None:
            self._lock.close()

    @property
    def cursor(self) -> str:
        """The place in the log from which to read; empty at the first start."""
        return self._now.cursor

    @property
    def waiting(self) -> tuple[PrintJob, ...]:
        """The slips to print."""
        return self._now.waiting

    def knows(self, job_id: str) -> bool:
        """Return True if a slip waits, or was printed."""
        return job_id in self._now.handled or any(job.id == job_id for job in self._now.waiting)

    def knows_any(self, prefix: str) -> bool:
        """Return True if a slip whose id begins so waits, or was printed."""
        ids = (*self._now.handled, *(job.id for job in self._now.waiting))
        return any(each.startswith(prefix) for each in ids)

    def has_printed(self, job_id: str) -> bool:
        """Return True if a slip is on paper, or may be."""
        doubtful = any(job.id == job_id and (job.is_doubtful or job.id == self._now.begun) for job in self.waiting)
        return doubtful or job_id in self._now.handled

    async def add(self, jobs: Iterable[PrintJob], cursor: str) -> None:
        """Add slips that are not known yet, and move the cursor. Waits while the queue is full."""
        new = tuple(job for job in jobs if not self.knows(job.id))
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._now.waiting) < self._max_waiting)
            self._unsaved += 1
            changes = {"waiting": self._now.waiting + new, "cursor": cursor or self._now.cursor}
            await self._change(changes, save=bool(new) or self._unsaved >= SAVE_CURSOR_EVERY)

    async def drop(self, job_ids: Iterable[str]) -> None:
        """Remove slips that nobody needs any more."""
        gone = {job.id for job in self._now.waiting} & set(job_ids)
        async with self._changed:
            waiting = tuple(job for job in self._now.waiting if job.id not in gone)
            await self._change({"waiting": waiting, "handled": self._now.handled + tuple(sorted(gone))})

    async def first(self) -> PrintJob:
        """Return the first slip; wait for one if there is none."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._now.waiting))
            return self._now.waiting[0]

    async def begin(self, job: PrintJob) -> bool:
        """Note that a slip is being sent: from here on it may be on paper. False if it was dropped meanwhile."""
        async with self._changed:
            if all(each.id != job.id for each in self._now.waiting):
                return False
            await self._change({"begun": job.id})
            return True

    async def done(self, job: PrintJob) -> None:
        """Remove a slip that is on paper."""
        async with self._changed:
            waiting = tuple(each for each in self._now.waiting if each.id != job.id)
            await self._change({"waiting": waiting, "begun": "", "handled": (*self._now.handled, job.id)})

    async def doubt(self, job: PrintJob) -> None:
        """Mark a slip that may be on paper; it is printed again."""
        async with self._changed:
            await self._change({"waiting": _doubted(self._now.waiting, job.id), "begun": ""})

    async def _change(self, changes: Mapping[str, object], *, save: bool = True) -> None:
        self._now = self._now.model_copy(update=changes)
        self._now = self._now.model_copy(update={"handled": self._now.handled[-MAX_HANDLED:]})
        if save:
            self._unsaved = 0
            await self._on_disk(partial(self._save, self._now.model_dump_json().encode()))
        self._changed.notify_all()

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._path.with_suffix(".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        except BlockingIOError:
            raise SpoolUnusable(f"another process prints with {self._path}") from None
        except OSError as exc:
            raise SpoolUnusable(f"{self._path} cannot be used: {exc.strerror}") from exc
        try:
            found = Spooled.model_validate_json(content)
        except ValidationError:
            raise SpoolUnusable(f"{self._path} is damaged; move it away to begin anew") from None
        self._now = found.model_copy(update={"waiting": _doubted(found.waiting, found.begun), "begun": ""})

    def _save(self, content: bytes) -> None:
        """Replace the file as one step: whatever happens, it holds the old content or the new one."""
        beside = self._path.with_suffix(".new")
        # Only the owner may read it: it has names and addresses.
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _doubted(waiting: tuple[PrintJob, ...], job_id: str) -> tuple[PrintJob, ...]:
    return tuple(job.model_copy(update={"is_doubtful": True}) if job.id == job_id else job for job in waiting)
