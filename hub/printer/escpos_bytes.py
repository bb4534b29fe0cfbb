"""The bytes of a slip, in ESC/POS, by python-escpos (the extra `comanda[printer]`)."""

from __future__ import annotations

from collections.abc import Iterable

from hub.printer.code_pages import CodePage
from hub.printer.slips import SlipLine


def bytes_of(lines: Iterable[SlipLine], code_page: CodePage) -> bytes:
    """Return the commands that print a slip and cut the paper."""
    from escpos.printer import Dummy

    paper = Dummy()
    paper.hw("INIT")
    paper.charcode(code_page.upper())
    for line in lines:
        paper.set(
            align="center" if line.is_centred else "left",
            bold=line.is_bold,
            invert=line.is_inverse,
            custom_size=True,
            width=line.wide,
            height=line.high,
        )
        paper.text(line.text + "\n")
    paper.set(align="left", bold=False, invert=False, custom_size=True, width=1, height=1)
    paper.cut()
    output: bytes = paper.output
    return output
