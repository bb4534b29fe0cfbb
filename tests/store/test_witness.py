"""A hub's record of the log outlives the hub, and never names more than the log held."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from hub.core.cursor import Cursor
from hub.store.high_water_mark import HighWaterMark
from hub.store.witness import Record, Witness, recall

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST, SECOND = "aaaaaaaa", "bbbbbbbb"


def opened(folder: Path, **options: float) -> tuple[Witness, HighWaterMark]:
    seen = HighWaterMark()
    witness = Witness(folder, seen, **options)
    witness.open()
    return witness, seen


def recalled(folder: Path) -> dict[str, int]:
    seen = HighWaterMark()
    recall(folder, seen)
    return dict(seen.offsets)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_a_process_that_ends_leaves_the_exact_place_to_the_next(tmp_path: Path) -> None:
    witness, seen = opened(tmp_path / "centro")
    seen.note(FIRST, 41)
    seen.note(FIRST, 42)
    witness.close()
    later, its = opened(tmp_path / "centro")
    assert its.latest == Cursor(FIRST, 42)
    assert its.past(Cursor(FIRST, 41))
    assert not its.past(Cursor(FIRST, 42))
    later.close()
    assert [path.name for path in (tmp_path / "centro").iterdir()] == ["1"]


async def test_the_record_follows_while_the_process_runs(tmp_path: Path) -> None:
    witness, seen = opened(tmp_path, write_s=0.005)
    running = asyncio.create_task(witness.run())
    for offset in (1, 7, 9):
        seen.note(FIRST, offset)
        await until(lambda offset=offset: recalled(tmp_path) == {FIRST: offset})  # type: ignore[misc]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    witness.close()


async def test_nothing_is_written_while_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, synced = list[bytes](), list[int]()
    pwrite, fsync = os.pwrite, os.fsync

    def counted_pwrite(file: int, data: bytes, at: int) -> int:
        written.append(data)
        return pwrite(file, data, at)

    def counted_fsync(file: int) -> None:
        synced.append(file)
        fsync(file)

    monkeypatch.setattr(os, "pwrite", counted_pwrite)
    monkeypatch.setattr(os, "fsync", counted_fsync)
    witness, seen = opened(tmp_path, write_s=0.001, sync_s=0.01)
    seen.note(FIRST, 5)
    running = asyncio.create_task(witness.run())
    await until(lambda: len(synced) == 1)
    for _ in range(20):
        await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    witness.close()
    assert (len(written), len(synced)) == (1, 1)


def test_a_process_beside_another_has_a_record_of_its_own_and_reads_both(tmp_path: Path) -> None:
    one, first = opened(tmp_path)
    two, second = opened(tmp_path)
    first.note(FIRST, 10)
    second.note(FIRST, 30)
    one.close()
    two.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    again, seen = opened(tmp_path)
    assert seen.latest == Cursor(FIRST, 30)
    again.close()


def test_there_are_no_more_records_than_processes_at_a_time(tmp_path: Path) -> None:
    for offset in range(1, 10):
        witness, seen = opened(tmp_path)
        seen.note(FIRST, offset)
        witness.close()
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_killed_process_lets_go_of_its_record_and_what_it_wrote_is_there(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hub.store.high_water_mark import HighWaterMark\n"
        "from hub.store.witness import Witness\n"
        "seen = HighWaterMark(); witness = Witness(Path(sys.argv[1]), seen); witness.open()\n"
        "seen.note('aaaaaaaa', 77); witness._write(); print('written', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    witness, seen = opened(tmp_path)
    assert seen.latest == Cursor(FIRST, 77)
    witness.close()
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_earlier_lives_of_the_log_are_kept_too(tmp_path: Path) -> None:
    witness, seen = opened(tmp_path)
    seen.note(FIRST, 10)
    seen.note(SECOND, 12)
    witness.close()
    again, its = opened(tmp_path)
    assert its.past(Cursor(FIRST, 9))
    assert its.latest == Cursor(SECOND, 12)
    again.close()


def test_a_record_fits_a_sector_whatever_it_has_seen(tmp_path: Path) -> None:
    witness, seen = opened(tmp_path)
    for life in range(20):
        seen.note(f"life{life:04}", 9_999_999_999_999_999)
    witness.close()
    assert (tmp_path / "1").stat().st_size == 512
    assert len(recalled(tmp_path)) == 8


WHOLE = Record({FIRST: 9}, 1, 1.5).dump()


@pytest.mark.parametrize("damage", [b"", b"half", bytes(512), WHOLE[:-480], b"0" + WHOLE[1:], b"00000000 ", b"bc 7"])
def test_a_damaged_record_says_nothing_and_is_no_obstacle(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "1").write_bytes(damage)
    with capture_logs() as logs:
        witness, seen = opened(tmp_path)
    assert not seen.offsets
    assert [line["event"] for line in logs] == (["log_record.unreadable"] if damage else [])
    seen.note(FIRST, 3)
    witness.close()
    assert recalled(tmp_path) == {FIRST: 3}


def test_a_record_is_read_as_it_was_written() -> None:
    for lives in ({}, {FIRST: 0}, {FIRST: -42, SECOND: 9_999_999_999_999_999}):
        record = Record(lives, 2**63, 1_764_524_000.123)
        assert Record.load(record.dump()) == record


def left(folder: Path) -> Path:
    """The record of a process that saw 42 offsets and ended."""
    witness, seen = opened(folder)
    seen.note(FIRST, 42)
    witness.close()
    return folder / "1"


def test_a_data_folder_that_was_copied_ends_the_lives_that_its_records_name(tmp_path: Path) -> None:
    shutil.copytree(left(tmp_path / "data").parent, tmp_path / "copy")
    with capture_logs() as logs:
        witness, seen = opened(tmp_path / "copy")
    assert [line["event"] for line in logs] == ["log_record.data_folder_copied"]
    assert seen.past(Cursor(FIRST, 100))
    assert dict(seen.offsets) == {FIRST: -43}
    seen.note(SECOND, 43)
    witness.close()
    # From here on it is this folder's own: what is over stays over, and nothing else ends.
    with capture_logs() as logs:
        again, its = opened(tmp_path / "copy")
    assert not logs
    assert its.past(Cursor(FIRST, 100))
    assert not its.past(Cursor(SECOND, 43))
    again.close()


def test_a_copy_written_over_the_record_long_after_ends_its_lives_too(tmp_path: Path) -> None:
    path = left(tmp_path)
    hour_old = Record({FIRST: 42}, path.stat().st_ino, time.time() - 3_600)
    path.write_bytes(hour_old.dump())
    witness, seen = opened(tmp_path)
    assert seen.past(Cursor(FIRST, 100))
    witness.close()


def test_what_is_over_is_known_also_if_the_hub_ends_before_it_has_reached_redis(tmp_path: Path) -> None:
    shutil.copytree(left(tmp_path / "data").parent, tmp_path / "copy")
    for _ in range(3):
        witness, seen = opened(tmp_path / "copy")
        assert seen.past(Cursor(FIRST, 100))
        witness.close()


def test_a_record_that_a_running_process_holds_is_no_copy_whatever_became_of_its_file(tmp_path: Path) -> None:
    left(tmp_path)
    running, _ = opened(tmp_path)
    path = tmp_path / "1"
    path.write_bytes(Record({FIRST: 42}, path.stat().st_ino, time.time() - 3_600).dump())  # as after `chown`, later
    beside, seen = opened(tmp_path)
    assert not seen.past(Cursor(FIRST, 42))
    for witness in (beside, running):
        witness.close()


@pytest.mark.parametrize("off_s", [-3_600.0, 3_600.0])
def test_a_clock_that_differs_from_the_file_systems_makes_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off_s: float
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + off_s)
    left(tmp_path)
    witness, seen = opened(tmp_path)
    assert not seen.past(Cursor(FIRST, 42))
    witness.close()


def test_a_data_folder_that_was_renamed_is_no_copy(tmp_path: Path) -> None:
    left(tmp_path / "data").parent.rename(tmp_path / "moved")
    witness, seen = opened(tmp_path / "moved")
    assert not seen.past(Cursor(FIRST, 42))
    witness.close()


def test_a_folder_that_cannot_be_written_is_said_and_the_hub_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with capture_logs() as logs:
        witness, seen = opened(tmp_path / "file" / "centro")
    assert [(line["event"], line["log_level"]) for line in logs] == [("log_record.open_failed", "warning")]
    seen.note(FIRST, 3)
    witness.close()


async def test_a_disk_that_refuses_is_said_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, pwrite = list[int](), os.pwrite

    def full(file: int, data: bytes, at: int) -> int:
        tries.append(file)
        if len(tries) < 4:
            raise OSError(28, "No space left on device")
        return pwrite(file, data, at)

    monkeypatch.setattr(os, "pwrite", full)
    witness, seen = opened(tmp_path, write_s=0.001)
    seen.note(FIRST, 3)
    with capture_logs() as logs:
        running = asyncio.create_task(witness.run())
        await until(lambda: recalled(tmp_path) == {FIRST: 3})
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [line["event"] for line in logs] == ["log_record.write_failed"]
    witness.close()
