"""What the figures were taken on, and who else was using it."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.cores import separate

ROOT = Path(__file__).resolve().parent.parent
QUIET = 0.1  # what others may take of the machine before the figures say more about them
_IN_MEMORY = ("tmpfs", "ramfs")


def facts() -> Iterator[str]:
    """The machine in a few lines."""
    memory_gib = psutil.virtual_memory().total / 2**30
    yield f"{os.cpu_count()} cores ({_processor()}), {memory_gib:.0f} GiB, {platform.system()} {platform.release()}"
    yield f"Python {platform.python_version()}, loopback only, load average before: {os.getloadavg()[0]:.1f}"
    folder = work_folder()
    if separate():
        yield "side by side with others: the server on a core of its own, everything else on the rest"
    yield f"data on {_file_system(folder)} ({folder}), fdatasync of 700 bytes: {_fsync_ms(folder):.2f} ms (median)"


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far: to the nanosecond where the kernel tells, else in its ticks of 10 ms.

    What threads took that have ended since is missing from the former; servers keep theirs.
    """
    try:
        tasks = [task.joinpath("schedstat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
        return sum(int(task.split()[0]) for task in tasks) / 1e9
    except OSError:
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)


def own_kb(pid: int) -> float:
    """Resident memory of a process in 10³ bytes: what it has written itself, not what is mapped from files.

    The kernel takes the latter back as it likes, tens of megabytes at a time. Where it does not tell them apart, all.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) * 1.024
    except (OSError, IndexError):
        return float(psutil.Process(pid).memory_info().rss) / 1e3


def work_folder() -> Path:
    """Where data folders go: the system's, unless that is memory, where an fsync would cost nothing."""
    folder = Path(tempfile.gettempdir())
    if _file_system(folder) in _IN_MEMORY:
        folder = ROOT / "build"
        folder.mkdir(exist_ok=True)
    return folder


class Others:
    """How much of the machine went to processes that are not part of a measurement."""

    def __init__(self) -> None:
        self._began = _busy_and_total_s()

    def share(self, ours_s: float) -> float:
        """Of all cores, from the beginning until now; `ours_s` is the CPU time that the measurement took itself."""
        busy, total = (now - then for now, then in zip(_busy_and_total_s(), self._began, strict=True))
        return max(0.0, (busy - ours_s) / total) if total else 0.0


def _busy_and_total_s() -> tuple[float, float]:
    times = psutil.cpu_times()
    # `guest` is in `user` already; `steal` is a machine next door, and as much in our way as a process here.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _file_system(folder: Path) -> str:
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "an unknown file system"


def _fsync_ms(folder: Path, times: int = 100) -> float:
    sync = getattr(os, "fdatasync", os.fsync)
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(b"x" * 700)
            sync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1_000
