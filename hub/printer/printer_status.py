"""What a printer says of itself: `DLE EOT n` at once, `GS r n` after everything before it is on paper.

Source: Epson's reference of ESC/POS commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

ASK_STATUS = bytes.fromhex("100401 100402 100404")  # the printer, the cause of an offline state, the paper
STATUS_BYTES = 3
CONFIRM = bytes.fromhex("1d7201")  # the paper sensor, in its turn behind the ticket

_COVER, _PAPER_STOP, _ERROR = 0x04, 0x20, 0x40  # of the cause of an offline state
_OFFLINE = 0x08
_PAPER_END = 0x60
CONFIRMED_PAPER_END = 0x0C  # of the answer to `CONFIRM`


class Trouble(StrEnum):
    """The reason why a printer does not print."""

    OFF = "off"  # no power, no network, or in use by another program
    SILENT = "silent"  # it answered before, and does not now
    PAPER = "paper"
    COVER = "cover"
    ERROR = "error"  # the cutter, the temperature
    OFFLINE = "offline"


class NotReady(Exception):
    """The printer cannot print now; nothing was sent to it."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"the printer does not print: {trouble}")
        self.trouble = trouble


class Interrupted(Exception):
    """The slip may be on paper, wholly or in part."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"the printer stopped in the middle: {trouble}")
        self.trouble = trouble


def status_bytes(said: bytes) -> bytes:
    """Return the answers to `DLE EOT` among what a printer says."""
    return bytes(byte for byte in said if byte & 0x93 == 0x12)


def confirmation(said: bytes) -> int | None:
    """Return the answer to `GS r` among what a printer says; None if there is none."""
    return next((byte for byte in said if byte & 0x90 == 0x00), None)


def trouble_in(status: Sequence[int]) -> Trouble | None:
    """Return the reason why a printer does not print, from its answers to `ASK_STATUS`; None if it does."""
    printer, cause, paper = status
    if cause & _PAPER_STOP or paper & _PAPER_END == _PAPER_END:
        return Trouble.PAPER
    if cause & _COVER:
        return Trouble.COVER
    if cause & _ERROR:
        return Trouble.ERROR
    return Trouble.OFFLINE if printer & _OFFLINE else None
