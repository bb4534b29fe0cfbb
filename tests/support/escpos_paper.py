"""A small interpreter of ESC/POS: what a printer would put on paper, as lines and as a picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from PIL import Image, ImageDraw, ImageFont

CELL = (12, 24)  # of a character of font A, in dots
_PAGES = {0: "cp437", 2: "cp850", 16: "cp1252", 19: "cp858"}
_MARGIN = 8
_ESC, _GS, _DLE = 0x1B, 0x1D, 0x10
# Commands with one byte behind them, and what it changes.
_ONE_BYTE = {b"\x1bt": "page", b"\x1ba": "align", b"\x1bE": "bold", b"\x1bd": "feed", b"\x1d!": "size"}
_ONE_BYTE |= {b"\x1dB": "inverse", b"\x1dV": "cut"}


@dataclass(frozen=True)
class Style:
    page: int = 0
    align: int = 0
    bold: bool = False
    inverse: bool = False
    wide: int = 1
    high: int = 1


@dataclass(frozen=True)
class PaperText:
    """One printed line."""

    text: str
    style: Style


@dataclass
class Sheet:
    """What lies between two cuts."""

    columns: int
    lines: list[PaperText] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(line.text.rstrip() for line in self.lines)

    def line_with(self, text: str) -> PaperText:
        [found] = [line for line in self.lines if text in line.text]
        return found

    def picture(self) -> Image.Image:
        """The sheet, a dot a pixel."""
        width = self.columns * CELL[0]
        height = sum(CELL[1] * line.style.high for line in self.lines)
        image = Image.new("L", (width + 2 * _MARGIN, height + 2 * _MARGIN), 255)
        y = _MARGIN
        for line in self.lines:
            self._draw(image, line, y)
            y += CELL[1] * line.style.high
        return image

    def _draw(self, image: Image.Image, line: PaperText, y: int) -> None:
        style, cell = line.style, (CELL[0] * line.style.wide, CELL[1] * line.style.high)
        left = (self.columns * CELL[0] - len(line.text) * cell[0]) // 2 if style.align == 1 else 0
        for number, char in enumerate(line.text):
            glyph = Image.new("L", CELL, 255)
            draw = ImageDraw.Draw(glyph)
            draw.text((CELL[0] / 2, 19), char, font=_font(), fill=0, anchor="ms", stroke_width=0.5 if style.bold else 0)
            glyph = glyph.resize(cell)
            if style.inverse:
                glyph = glyph.point(lambda dot: 255 - dot)
            image.paste(glyph, (_MARGIN + left + number * cell[0], y))


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font like a printer's; where there is none, the library's own, which lacks accents."""
    try:
        return ImageFont.truetype("DejaVuSansMono.ttf", 20)
    except OSError:
        return ImageFont.load_default(17)


class EscPosPaper:
    """Takes a printer's bytes in any pieces, and keeps the sheets that were cut and the one in the making.

    Raises:
        AssertionError: A command that no ticket needs, a character without meaning, or a line that does not fit.
    """

    def __init__(self, columns: int = 48) -> None:
        self.columns = columns
        self.sheets: list[Sheet] = []
        self.open = Sheet(columns)
        self.asked: list[bytes] = []
        self._style = Style()
        self._text = b""
        self._held = b""

    def feed(self, data: bytes) -> None:
        data, self._held = self._held + data, b""
        while data:
            used = self._one(data)
            if used == 0:
                self._held = data
                return
            data = data[used:]

    def _one(self, data: bytes) -> int:
        """Interpret one character or command; return its length, 0 if the rest of it is still to come."""
        if data[0] in (_ESC, _GS, _DLE):
            return self._command(data)
        if data[:1] == b"\n":
            self._line()
        else:
            assert data[0] >= 0x20, f"the control character {data[0]:#x} on a ticket"
            self._text += data[:1]
        return 1

    def _command(self, data: bytes) -> int:
        if len(data) < 2:
            return 0
        name = data[:2]
        if name == b"\x1b@":
            self._style, self._text = Style(), b""
            return 2
        if len(data) < 3:
            return 0
        if name in (b"\x10\x04", b"\x1dr"):
            self.asked.append(data[:3])
            return 3
        assert name in _ONE_BYTE, f"the command {name!r}"
        self._set(_ONE_BYTE[name], data[2])
        return 3

    def _set(self, what: str, value: int) -> None:
        match what:
            case "size":
                self._style = replace(self._style, wide=(value >> 4) + 1, high=(value & 15) + 1)
            case "cut":
                self.sheets.append(self.open)
                self.open = Sheet(self.columns)
            case "feed":
                assert not self._text, "text before a feed has no end of line"
            case "page":
                self._style = replace(self._style, page=value)
            case "align":
                self._style = replace(self._style, align=value)
            case "bold":
                self._style = replace(self._style, bold=bool(value))
            case "inverse":
                self._style = replace(self._style, inverse=bool(value))

    def _line(self) -> None:
        text, self._text = self._text.decode(_PAGES[self._style.page]), b""
        assert len(text) * self._style.wide <= self.columns, f"{text!r} does not fit on the paper"
        self.open.lines.append(PaperText(text, self._style))
