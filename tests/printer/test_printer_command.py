"""`comanda printer` as a process: killed at the worst moment, started wrongly, started again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Folder
from tests.printer.test_printing import codes
from tests.support.fake_printer import FakePrinter
from tests.support.hub_harness import HubHarness, running_hub
from tests.support.processes import ROOT, Process

NOBODY = "tcp://127.0.0.1:1"


@pytest.fixture
async def house(empty_redis_url: str, tmp_path: Path) -> AsyncIterator[HubHarness]:
    async with partial(running_hub, empty_redis_url, tmp_path / "hub")() as house:
        yield house


@pytest.fixture
async def printer() -> AsyncIterator[FakePrinter]:
    async with FakePrinter(columns=32) as printer:
        yield printer


def printing(house: HubHarness, printer: FakePrinter, folder: Path) -> Process:
    """The program, with its token in a file and its settings in the environment."""
    token_file = folder / "token"
    token_file.write_text(house.token("kitchen", name="printer") + "\n")
    env = {
        "COMANDA_DATA_DIR": str(folder),
        "COMANDA_PRINTER_TOKEN_FILE": str(token_file),
        "COMANDA_PRINTER_HUB": house.url,
        "COMANDA_PRINTER_WIDTH": "58",
        "COMANDA_LANG": "en",
    }
    return Folder(folder, **env).process("printer", printer.address)


async def order(house: HubHarness) -> str:
    return str((await house.placed())["order"]["code"])


async def test_a_kill_between_a_ticket_and_its_cursor_loses_nothing_and_marks_the_copy(
    house: HubHarness, printer: FakePrinter, tmp_path: Path
) -> None:
    printer.never_confirms = True
    orders = []
    with printing(house, printer, tmp_path) as first:
        orders.append(await order(house))
        await printer.printed(1)  # on paper; the program still waits for the printer's word
        first.kill()
    orders += [await order(house) for _ in range(3)]
    printer.never_confirms = False
    with printing(house, printer, tmp_path):
        sheets = await printer.printed(5)
        assert codes(sheets) == [orders[0], *orders]
    assert ["POSSIBLE COPY" in sheet.text for sheet in sheets] == [False, True, False, False, False]


async def test_nothing_is_printed_twice_after_a_kill_between_tickets(
    house: HubHarness, printer: FakePrinter, tmp_path: Path
) -> None:
    kept = tmp_path / f"printer-127.0.0.1-{printer.port}.json"
    with printing(house, printer, tmp_path) as first:
        orders = [await order(house) for _ in range(3)]
        await printer.printed(3)
        async with asyncio.timeout(10):
            while json.loads(kept.read_bytes())["waiting"]:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)
        first.kill()
    orders.append(await order(house))
    with printing(house, printer, tmp_path):
        assert codes(await printer.printed(4)) == orders
    assert not any("COPY" in sheet.text for sheet in printer.sheets)


async def test_a_stop_finishes_the_slip_in_hand_and_ends_well(
    house: HubHarness, printer: FakePrinter, tmp_path: Path
) -> None:
    printer.never_confirms = True
    with printing(house, printer, tmp_path) as first:
        orders = [await order(house)]
        await printer.printed(1)
        assert await asyncio.to_thread(first.stop, 30.0) == 0
    printer.never_confirms = False
    orders.append(await order(house))
    with printing(house, printer, tmp_path):
        assert codes(await printer.printed(2)) == orders
    assert not any("COPY" in sheet.text for sheet in printer.sheets)


async def test_two_processes_do_not_print_the_same(house: HubHarness, printer: FakePrinter, tmp_path: Path) -> None:
    with printing(house, printer, tmp_path) as first:
        await order(house)
        await printer.printed(1)
        second = printing(house, printer, tmp_path)
        with second:
            async with asyncio.timeout(20):
                while second.running:  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.02)
            assert "another process prints" in second.output()
        assert first.running


def test_without_python_escpos_the_command_says_what_is_missing(tmp_path: Path) -> None:
    package = tmp_path / "shadow" / "escpos"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    said = Folder(tmp_path, PYTHONPATH=f"{package.parent}:{ROOT}").run("printer", NOBODY)
    assert (said.code, said.line) == (1, "tickets need python-escpos: pip install 'comanda[printer]'")


@pytest.mark.parametrize(
    ("arguments", "env", "code", "words"),
    [
        (("kitchen",), {}, 2, "tcp://192.168.1.50:9100"),
        ((NOBODY,), {}, 2, "COMANDA_PRINTER_TOKEN"),
        ((NOBODY,), {"COMANDA_PRINTER_TOKEN_FILE": "nothing"}, 2, "COMANDA_PRINTER_TOKEN_FILE"),
        ((NOBODY,), {"COMANDA_PRINTER_WIDTH": "72"}, 2, "COMANDA_PRINTER_WIDTH"),
        ((NOBODY, "--width", "72"), {"COMANDA_PRINTER_TOKEN": "x"}, 2, "58 or 80"),
        ((NOBODY, "--lang", "fr"), {"COMANDA_PRINTER_TOKEN": "x"}, 2, "es or en"),
        ((NOBODY, "--reprint", "3Q9X"), {"COMANDA_PRINTER_TOKEN": "x", "COMANDA_PRINTER_HUB": NOBODY}, 1, ""),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], env: dict[str, str], code: int, words: str
) -> None:
    said = Folder(tmp_path, **env).run("printer", *arguments)
    assert said.code == code
    assert words in said.line


async def test_a_wrong_token_ends_the_program_with_one_line(
    house: HubHarness, printer: FakePrinter, tmp_path: Path
) -> None:
    env = {"COMANDA_PRINTER_TOKEN": "a.b.c", "COMANDA_PRINTER_HUB": house.url}
    said = await asyncio.to_thread(Folder(tmp_path, **env).run, "printer", printer.address)
    assert (said.code, said.line) == (1, "unauthorized: the token is not valid")


async def test_an_order_is_printed_again_by_its_code(house: HubHarness, printer: FakePrinter, tmp_path: Path) -> None:
    code = await order(house)
    env = {"COMANDA_PRINTER_TOKEN": house.token("kitchen"), "COMANDA_PRINTER_HUB": house.url}
    run = Folder(tmp_path, **env).run
    said = await asyncio.to_thread(run, "printer", printer.address, "--width", "58", "--lang", "en", "--reprint", code)
    assert (said.code, said.err) == (0, "")
    assert codes(printer.sheets) == [code]
    assert "REPRINT" in printer.sheets[0].text
    printer.has_paper = False
    said = await asyncio.to_thread(run, "printer", printer.address, "--reprint", code)
    assert (said.code, said.line) == (1, "the printer does not print: paper")
