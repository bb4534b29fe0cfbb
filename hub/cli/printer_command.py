"""`comanda printer`: tickets on paper."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hub.cli.common import WRONG_USAGE, fail, run
from hub.config import Settings
from hub.config.printer_settings import PaperWidth
from hub.ops.agent_extra import is_installed

if TYPE_CHECKING:
    from hub.printer.printer_device import Device
    from hub.printer.slips import Look

MISSING = "tickets need python-escpos: pip install 'comanda[printer]'"
USB_MISSING = "a printer on USB needs pyusb: pip install pyusb"


def printer(
    address: Annotated[str, typer.Argument(metavar="PRINTER", help="tcp://192.168.1.50:9100 or usb://04b8:0e15")],
    hub: Annotated[str, typer.Option(help="The hub's root; default: COMANDA_PRINTER_HUB.")] = "",
    width: Annotated[int | None, typer.Option(help="Of the paper in mm, 58 or 80.")] = None,
    lang: Annotated[str, typer.Option(help="es or en; default: COMANDA_LANG.")] = "",
    labels: Annotated[bool | None, typer.Option(help="A label for the bag behind each ticket.")] = None,
    state: Annotated[Path | None, typer.Option(help="The file that keeps what was printed.")] = None,
    again: Annotated[str, typer.Option("--reprint", metavar="CODE", help="Print this order again, and end.")] = "",
) -> None:
    """Print the kitchen's orders as they come. The token is in COMANDA_PRINTER_TOKEN, or in a file that
    COMANDA_PRINTER_TOKEN_FILE names."""
    if not is_installed("escpos.escpos"):
        fail(MISSING)
    if address.startswith("usb:") and not is_installed("usb.core"):
        fail(USB_MISSING)
    from hub.bootstrap import CannotStart
    from hub.printer import FAILURES, print_kitchen, reprint

    device = _device(address)

    async def print_(settings: Settings) -> None:
        look = _look(settings, width, lang, labels)
        url, token = hub or settings.printer.hub, _token(settings)
        file = state or settings.data_dir / f"printer-{device.name}.json"
        try:
            if again:
                await reprint(url, token, device, look, again)
            else:
                await _until_stopped(print_kitchen(url, token, device, file, look))
        except* FAILURES as failures:
            raise CannotStart(str(failures.exceptions[0])) from None

    run(print_, logs=not again)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Do work until it ends or SIGTERM stops it."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def _device(address: str) -> Device:
    from hub.printer.printer_device import device_at

    try:
        return device_at(address)
    except ValueError as exc:
        fail(str(exc), code=WRONG_USAGE)


def _look(settings: Settings, width: int | None, lang: str, labels: bool | None) -> Look:
    from hub.printer.slips import Look

    if lang not in ("", "es", "en"):
        fail("--lang is es or en", code=WRONG_USAGE)
    if width is not None and width not in set(PaperWidth):
        fail("--width is 58 or 80", code=WRONG_USAGE)
    return Look(
        lang="en" if (lang or settings.lang) == "en" else "es",
        zone=ZoneInfo(settings.timezone),
        width_mm=int(width or settings.printer.width),
        code_page=settings.printer.code_page,
        with_labels=settings.printer.labels if labels is None else labels,
    )


def _token(settings: Settings) -> str:
    """Return the token from the environment or its file; exit with code 2 if there is none."""
    given, file = settings.printer.token, settings.printer.token_file
    if given is not None and given.get_secret_value():
        return given.get_secret_value().strip()
    if file is None:
        fail("set COMANDA_PRINTER_TOKEN or COMANDA_PRINTER_TOKEN_FILE; see comanda token", code=WRONG_USAGE)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        fail(f"COMANDA_PRINTER_TOKEN_FILE: {exc}", code=WRONG_USAGE)
