"""A ticket printer on loopback: it takes one connection at a time, says how it is, and runs out of things."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.support.escpos_paper import EscPosPaper, Sheet

PATIENCE_S = 10.0
_WELL = {1: 0x12, 2: 0x12, 4: 0x12}
_NO_PAPER = {1: 0x1A, 2: 0x32, 4: 0x7E}
_TICKET_BEGINS = 0x1B  # the first byte of `ESC @`
_OPEN_COVER = {1: 0x1A, 2: 0x16, 4: 0x12}


class FakePrinter:
    """Set the attributes to what is to go wrong.

    Attributes:
        has_paper, is_closed: Out of paper; an open cover.
        closes_after: Closes the connection after so many bytes of a ticket, once.
        paper_ends_after: Runs out of paper after so many bytes of a ticket, once.
        is_mute: Never says anything.
        never_confirms: Does not know `GS r`.
    """

    def __init__(self, columns: int = 48) -> None:
        self.paper = EscPosPaper(columns)
        self.has_paper = True
        self.is_closed = True
        self.closes_after: int | None = None
        self.paper_ends_after: int | None = None
        self.is_mute = False
        self.never_confirms = False
        self.tries = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._happened = asyncio.Condition()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def sheets(self) -> list[Sheet]:
        return self.paper.sheets

    async def __aenter__(self) -> Self:
        await self.power_on()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.power_off()

    async def power_on(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def power_off(self) -> None:
        """Nothing answers at the address any more."""
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has happened here."""
        async with asyncio.timeout(PATIENCE_S), self._happened:
            await self._happened.wait_for(condition)

    async def printed(self, sheets: int) -> list[Sheet]:
        """Wait for so many sheets."""
        await self.until(lambda: len(self.sheets) >= sheets)
        return self.sheets

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.tries += 1
        taken = 0
        try:
            while data := await reader.read(16):  # small pieces, as a small buffer would take them
                for byte in data:
                    is_ticket = self._take(bytes([byte]))
                    if not is_ticket or (taken == 0 and byte != _TICKET_BEGINS):
                        continue
                    taken += 1
                    if self.closes_after is not None and taken > self.closes_after:
                        self.closes_after = None
                        return
                    if self.paper_ends_after is not None and taken > self.paper_ends_after:
                        self.paper_ends_after, self.has_paper = None, False
                await self._answer(writer)
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            async with self._happened:
                self._happened.notify_all()

    def _take(self, byte: bytes) -> bool:
        """Print a byte; False if it was part of a question. Without paper only questions are heard."""
        before = len(self.paper.asked)
        held = self.paper._held
        if not self.has_paper and not self._is_question(held, byte):
            return False
        self.paper.feed(byte)
        return not self._is_question(held, byte) and len(self.paper.asked) == before

    @staticmethod
    def _is_question(held: bytes, byte: bytes) -> bool:
        return (held + byte)[:1] == b"\x10"

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        asked, self.paper.asked = self.paper.asked, []
        for question in asked:
            if self.is_mute:
                continue
            if question[:2] == b"\x10\x04":
                writer.write(bytes([self._status()[question[2]]]))
            elif not self.never_confirms:
                writer.write(b"\x00")
        await writer.drain()
        async with self._happened:
            self._happened.notify_all()

    def _status(self) -> dict[int, int]:
        if not self.has_paper:
            return _NO_PAPER
        return _WELL if self.is_closed else _OPEN_COVER
