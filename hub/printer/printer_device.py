"""The wire to a printer: a TCP connection, or a USB cable by python-escpos."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol

from hub.printer.printer_status import NotReady, Trouble

CONNECT_S = 5.0
WRITE_S = 30.0
USB_READ_MS = 500
_READ_BYTES = 64
_ADDRESS = re.compile(
    r"(tcp)://([^/:]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?/?|(usb)://([0-9a-fA-F]{4}):([0-9a-fA-F]{4})/?"
)
RAW_PORT = 9100


class Wire(Protocol):
    """An open connection to a printer. Its methods raise OSError when it breaks."""

    async def write(self, data: bytes) -> None:
        """Send bytes; return when the printer, or the network, has taken them."""

    async def read(self, within_s: float) -> bytes:
        """Return what the printer says within a time; an empty text if it says nothing."""


class Device(Protocol):
    """A printer at an address."""

    name: str

    def connect(self) -> AbstractAsyncContextManager[Wire]:
        """Return an open connection, which is closed when the context ends.

        Raises:
            NotReady: There is no printer at the address now.
        """


def device_at(address: str) -> Device:
    """Return the printer at `tcp://host[:9100]` or `usb://vendor:product`, the ids in hexadecimal.

    Raises:
        ValueError: It is no such address.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[3] or 1) not in range(1, 65_536):
        raise ValueError("write the printer as tcp://192.168.1.50:9100 or usb://04b8:0e15")
    if match[1]:
        return TcpDevice(match[2].strip("[]"), int(match[3] or RAW_PORT))
    return UsbDevice(int(match[5], 16), int(match[6], 16))


class TcpDevice:
    """A printer in the network, which takes one connection at a time on its raw port."""

    def __init__(self, host: str, port: int) -> None:
        self.name = f"{host}-{port}"
        self._host = host
        self._port = port

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Wire]:
        """Return an open connection, which is closed when the context ends."""
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as exc:
            raise NotReady(Trouble.OFF) from exc
        try:
            yield _TcpWire(reader, writer)
        finally:
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_S):
                    await writer.wait_closed()


class _TcpWire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(WRITE_S):  # TimeoutError is an OSError
            await self._writer.drain()

    async def read(self, within_s: float) -> bytes:
        try:
            async with asyncio.timeout(within_s):
                said = await self._reader.read(_READ_BYTES)
        except TimeoutError:
            return b""
        if not said:
            raise ConnectionResetError("the printer closed the connection")
        return said


class UsbDevice:
    """A printer on this machine's USB; needs pyusb, and the right to use the device."""

    def __init__(self, vendor: int, product: int) -> None:
        self.name = f"usb-{vendor:04x}-{product:04x}"
        self._vendor = vendor
        self._product = product

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Wire]:
        """Return an open connection, which is closed when the context ends."""
        from escpos.exceptions import DeviceNotFoundError
        from escpos.printer import Usb

        printer = Usb(self._vendor, self._product, timeout=round(WRITE_S * 1_000))
        try:
            await asyncio.to_thread(printer.open)
        except DeviceNotFoundError as exc:
            raise NotReady(Trouble.OFF) from exc
        try:
            yield _UsbWire(printer)
        finally:
            await asyncio.to_thread(printer.close)


class _UsbWire:
    def __init__(self, printer: Any) -> None:
        self._printer = printer

    async def write(self, data: bytes) -> None:
        await asyncio.to_thread(self._printer._raw, data)  # the library's only call that sends bytes

    async def read(self, within_s: float) -> bytes:
        try:
            said = await asyncio.to_thread(
                self._printer.device.read, self._printer.in_ep, _READ_BYTES, round(within_s * 1_000)
            )
        except TimeoutError:  # pyusb's USBTimeoutError is an OSError, and says so by its number
            return b""
        except OSError as exc:
            if "timed out" in str(exc).lower() or "timeout" in type(exc).__name__.lower():
                return b""
            raise
        return bytes(said)
