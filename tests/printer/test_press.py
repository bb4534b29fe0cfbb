"""One slip on a printer that is well, and on printers that are not."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator

import pytest
from escpos.exceptions import DeviceNotFoundError

from hub.printer.escpos_bytes import bytes_of
from hub.printer.press import Patience, Press
from hub.printer.print_job import SlipKind, job_of
from hub.printer.printer_device import device_at
from hub.printer.printer_status import Interrupted, NotReady, Trouble
from hub.printer.slips import slip_of
from tests.printer.samples import AT, LOOK, an_order
from tests.support.escpos_paper import EscPosPaper
from tests.support.fake_printer import FakePrinter

PATIENCE = Patience(status_s=0.3, confirm_s=0.9, again_s=0.02)
TICKET = bytes_of(slip_of(job_of(SlipKind.TICKET, an_order(), AT), LOOK, is_late=False), "cp858")


@pytest.fixture
async def printer() -> AsyncIterator[FakePrinter]:
    async with FakePrinter() as printer:
        yield printer


class Begun:
    """Counts what was begun."""

    def __init__(self, answer: bool = True) -> None:
        self.times = 0
        self.answer = answer

    async def __call__(self) -> bool:
        self.times += 1
        return self.answer


def press_of(printer: FakePrinter) -> Press:
    return Press(device_at(printer.address), PATIENCE)


async def test_a_slip_is_on_paper_when_the_printer_says_so(printer: FakePrinter) -> None:
    assert await press_of(printer).print(TICKET, Begun())
    [sheet] = printer.sheets
    assert "3Q9X" in sheet.text


async def test_a_slip_that_was_dropped_meanwhile_is_not_sent(printer: FakePrinter) -> None:
    assert not await press_of(printer).print(TICKET, Begun(answer=False))
    assert printer.sheets == []
    assert printer.paper.open.lines == []


async def test_a_printer_that_is_off_gets_nothing(printer: FakePrinter) -> None:
    await printer.power_off()
    begun = Begun()
    with pytest.raises(NotReady) as refused:
        await press_of(printer).print(TICKET, begun)
    assert (refused.value.trouble, begun.times) == (Trouble.OFF, 0)


@pytest.mark.parametrize("trouble", [Trouble.PAPER, Trouble.COVER])
async def test_a_printer_that_cannot_print_says_why_and_gets_nothing(printer: FakePrinter, trouble: Trouble) -> None:
    printer.has_paper, printer.is_closed = trouble is not Trouble.PAPER, trouble is not Trouble.COVER
    begun = Begun()
    with pytest.raises(NotReady) as refused:
        await press_of(printer).print(TICKET, begun)
    assert (refused.value.trouble, begun.times) == (trouble, 0)
    assert printer.paper.open.lines == []


@pytest.mark.parametrize("after", [0, 1, 40, len(TICKET) - 1])
async def test_a_connection_that_is_lost_in_mid_ticket_is_an_interruption(printer: FakePrinter, after: int) -> None:
    printer.closes_after = after
    with pytest.raises(Interrupted):
        await press_of(printer).print(TICKET, Begun())


async def test_paper_that_ends_in_mid_ticket_is_an_interruption(printer: FakePrinter) -> None:
    printer.paper_ends_after = 40
    with pytest.raises(Interrupted) as stopped:
        await press_of(printer).print(TICKET, Begun())
    assert stopped.value.trouble is Trouble.PAPER
    assert printer.sheets == []


async def test_a_printer_that_knows_no_confirmation_is_asked_how_it_is(printer: FakePrinter) -> None:
    printer.never_confirms = True
    assert await press_of(printer).print(TICKET, Begun())
    assert len(printer.sheets) == 1


async def test_a_printer_that_confirms_and_then_does_not_has_lost_the_slip(printer: FakePrinter) -> None:
    press = press_of(printer)
    await press.print(TICKET, Begun())
    printer.never_confirms = True
    with pytest.raises(Interrupted) as stopped:
        await press.print(TICKET, Begun())
    assert stopped.value.trouble is Trouble.SILENT


async def test_a_printer_that_never_says_anything_is_believed(printer: FakePrinter) -> None:
    printer.is_mute = True
    assert await press_of(printer).print(TICKET, Begun())
    assert len(await printer.printed(1)) == 1


async def test_a_printer_that_has_fallen_silent_is_not_believed(printer: FakePrinter) -> None:
    press = press_of(printer)
    await press.print(TICKET, Begun())
    printer.is_mute = True
    with pytest.raises(NotReady) as refused:
        await press.print(TICKET, Begun())
    assert refused.value.trouble is Trouble.SILENT


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("tcp://192.168.1.50:9100", "192.168.1.50-9100"),
        ("tcp://kitchen", "kitchen-9100"),
        ("tcp://[::1]:9101", "::1-9101"),
        ("usb://04b8:0E15", "usb-04b8-0e15"),
    ],
)
def test_a_printer_has_an_address(address: str, name: str) -> None:
    assert device_at(address).name == name


@pytest.mark.parametrize("address", ["", "kitchen", "tcp://", "tcp://h:0", "tcp://h:65536", "usb://1:2", "http://h"])
def test_other_addresses_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="tcp://"):
        device_at(address)


class FakeUsb:
    """python-escpos's printer on a USB cable, as far as the program uses it."""

    in_ep = 0x82
    is_plugged = True
    paper = EscPosPaper()

    def __init__(self, vendor: int, product: int, timeout: int) -> None:
        assert (vendor, product, timeout > 0) == (0x04B8, 0x0E15, True)
        self._answers = b""
        self.device = self

    def open(self) -> None:
        if not self.is_plugged:
            raise DeviceNotFoundError("no such device")

    def close(self) -> None:
        pass

    def _raw(self, data: bytes) -> None:
        self.paper.feed(data)
        for question in self.paper.asked:
            self._answers += b"\x12" if question[:1] == b"\x10" else b"\x00"
        self.paper.asked.clear()

    def read(self, endpoint: int, size: int, timeout_ms: int) -> array[int]:
        assert (endpoint, size > 0, timeout_ms > 0) == (self.in_ep, True, True)
        if not self._answers:
            raise OSError("[Errno 110] Operation timed out")
        said, self._answers = self._answers, b""
        return array("B", said)


async def test_a_printer_on_usb_is_asked_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escpos.printer.Usb", FakeUsb)
    press = Press(device_at("usb://04b8:0e15"), PATIENCE)
    assert await press.print(TICKET, Begun())
    [sheet] = FakeUsb.paper.sheets
    assert "3Q9X" in sheet.text
    monkeypatch.setattr(FakeUsb, "is_plugged", False)
    with pytest.raises(NotReady) as refused:
        await press.print(TICKET, Begun())
    assert refused.value.trouble is Trouble.OFF
