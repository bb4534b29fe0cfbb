"""The queue of slips and its file."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path

import pytest

from hub.printer import print_spool
from hub.printer.print_job import PrintJob, SlipKind, job_of
from hub.printer.print_spool import PrintSpool, SpoolUnusable
from tests.printer.samples import AT, an_order


def slip(number: int, kind: SlipKind = SlipKind.TICKET) -> PrintJob:
    return job_of(kind, an_order(id=f"PED{number}"), AT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "printer.json"


async def test_slips_and_cursor_are_there_after_a_restart(file: Path) -> None:
    async with PrintSpool(file) as spool:
        await spool.add([slip(1), slip(2)], "e-7")
        assert (await spool.first()).id == slip(1).id
        await spool.done(slip(1))
    async with PrintSpool(file) as spool:
        assert (spool.cursor, spool.waiting) == ("e-7", (slip(2),))
        assert spool.has_printed(slip(1).id)
        assert not spool.has_printed(slip(2).id)


async def test_a_slip_is_taken_once(file: Path) -> None:
    async with PrintSpool(file) as spool:
        await spool.add([slip(1)], "e-1")
        await spool.add([slip(1)], "e-1")
        await spool.done(slip(1))
        await spool.add([slip(1)], "e-2")
        assert spool.waiting == ()


async def test_a_slip_that_was_begun_when_the_process_died_is_doubtful(file: Path) -> None:
    async with PrintSpool(file) as spool:
        await spool.add([slip(1), slip(2)], "e-1")
        assert await spool.begin(slip(1))
    async with PrintSpool(file) as spool:
        assert [job.is_doubtful for job in spool.waiting] == [True, False]
        assert spool.has_printed(slip(1).id)


async def test_a_dropped_slip_is_not_begun(file: Path) -> None:
    async with PrintSpool(file) as spool:
        await spool.add([slip(1)], "e-1")
        await spool.drop([slip(1).id, "another"])
        assert not await spool.begin(slip(1))
        assert spool.knows(slip(1).id)


async def test_a_full_queue_is_not_filled_further(file: Path) -> None:
    async with PrintSpool(file, max_waiting=2) as spool:
        await spool.add([slip(1), slip(2)], "e-2")
        adding = asyncio.ensure_future(spool.add([slip(3)], "e-3"))
        await asyncio.wait([adding], timeout=0.05)
        assert (adding.done(), spool.cursor) == (False, "e-2")
        await spool.done(slip(1))
        await adding
        assert (spool.waiting, spool.cursor) == ((slip(2), slip(3)), "e-3")


async def test_the_list_of_what_was_printed_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(print_spool, "MAX_HANDLED", 3)
    async with PrintSpool(file) as spool:
        for number in range(5):
            await spool.add([slip(number)], f"e-{number}")
            await spool.done(slip(number))
        assert [spool.knows(slip(number).id) for number in range(5)] == [False, False, True, True, True]


def test_the_file_is_for_its_owner_only(file: Path) -> None:
    asyncio.run(filled(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_two_processes_do_not_print_from_one_file(file: Path) -> None:
    async with PrintSpool(file):
        with pytest.raises(SpoolUnusable, match="another process"):
            async with PrintSpool(file):
                pass


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"waiting": [{"id": 7}]}', b"\xff"])
def test_a_damaged_file_is_said_and_left_alone(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(SpoolUnusable, match="damaged"):
        asyncio.run(filled(file))
    assert file.read_bytes() == content


def test_the_file_is_replaced_as_one_step(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(filled(file))
    monkeypatch.setattr(os, "fsync", _disk_full)
    with pytest.raises(OSError, match="full"):
        asyncio.run(filled(file, 2))
    assert json.loads(file.read_bytes())["cursor"] == "e-1"


async def filled(file: Path, number: int = 1) -> None:
    async with PrintSpool(file) as spool:
        await spool.add([slip(number)], f"e-{number}")


def _disk_full(_descriptor: int) -> None:
    raise OSError("the disk is full")
