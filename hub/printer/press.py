"""Sends one slip to a printer, and finds out what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hub.printer.printer_device import Device, Wire
from hub.printer.printer_status import (
    ASK_STATUS,
    CONFIRM,
    CONFIRMED_PAPER_END,
    STATUS_BYTES,
    Interrupted,
    NotReady,
    Trouble,
    confirmation,
    status_bytes,
    trouble_in,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a printer is waited for.

    Attributes:
        status_s: For its state.
        confirm_s: For the end of a slip, from a printer that is well and says nothing.
        again_s: Until the next try of a printer that cannot print.
    """

    status_s: float = 2.0
    confirm_s: float = 15.0
    again_s: float = 3.0


USUAL = Patience()


class Press:
    """Prints slips on one printer. It asks before each one, and waits until the printer says that it is on paper.

    A printer that never says anything is taken at its word: what the network took is printed. Before the first slip,
    the press asks for a confirmation without a slip, to find out whether the printer gives any.
    """

    def __init__(self, device: Device, patience: Patience = USUAL) -> None:
        self._device = device
        self._patience = patience
        self._has_answered = False
        self._confirms: bool | None = None

    async def print(self, data: bytes, begin: Callable[[], Awaitable[bool]]) -> bool:
        """Print a slip.

        Args:
            begin: Called before the first byte is sent; nothing is sent if it returns False.

        Returns:
            True if the slip was sent and nothing speaks against its being on paper.

        Raises:
            NotReady: The printer cannot print; nothing was sent.
            Interrupted: Something went wrong after the first byte.
        """
        async with self._device.connect() as wire:
            try:
                trouble = await self._trouble(wire, bytearray())
                if trouble is None and self._has_answered and self._confirms is None:
                    await wire.write(CONFIRM)
                    self._confirms = confirmation(await wire.read(self._patience.status_s)) is not None
            except OSError as exc:
                raise NotReady(Trouble.OFF) from exc
            if trouble is not None:
                raise NotReady(trouble)
            if not await begin():
                return False
            try:
                await wire.write(data + CONFIRM)
                await self._until_confirmed(wire)
            except OSError as exc:
                raise Interrupted(Trouble.OFF) from exc
            return True

    async def _trouble(self, wire: Wire, heard: bytearray) -> Trouble | None:
        """Return the reason why the printer cannot print; None if it can, or has never said anything.

        Args:
            heard: Gets all that the printer says.
        """
        await wire.write(ASK_STATUS)
        clock, status = asyncio.get_running_loop(), b""
        until = clock.time() + self._patience.status_s
        while len(status) < STATUS_BYTES and (left_s := until - clock.time()) > 0:
            said = await wire.read(left_s)
            heard += said
            status += status_bytes(said)
        if len(status) >= STATUS_BYTES:
            self._has_answered = True
            return trouble_in(status[:STATUS_BYTES])
        return Trouble.SILENT if self._has_answered else None

    async def _until_confirmed(self, wire: Wire) -> None:
        """Wait until the printer has come to the end of the slip.

        Raises:
            Interrupted: It has stopped, or does not say that it has come to the end, although it can.
        """
        if not self._has_answered:
            return
        clock, heard = asyncio.get_running_loop(), bytearray()
        until = clock.time() + self._patience.confirm_s
        while clock.time() < until:
            heard += await wire.read(self._patience.status_s)
            if (answer := confirmation(bytes(heard))) is not None:
                if answer & CONFIRMED_PAPER_END:
                    raise Interrupted(Trouble.PAPER)
                return
            if (trouble := await self._trouble(wire, heard)) is not None:
                raise Interrupted(trouble)
        if self._confirms:
            raise Interrupted(Trouble.SILENT)
