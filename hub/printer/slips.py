"""The layout of slips: lines of text with their sizes. No bytes, and no printer, here."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from hub.domain.texts import Lang
from hub.printer import slip_texts as texts
from hub.printer.code_pages import CodePage, printable
from hub.printer.paper_order import PaperLine, PaperOrder
from hub.printer.print_job import PrintJob, SlipKind

COLUMNS = {58: 32, 80: 48}  # characters in a line, by the paper's width in mm
HUGE, LARGE, NORMAL = 6, 2, 1
_INDENT = "   "


@dataclass(frozen=True, slots=True)
class Look:
    """The paper and the language of slips.

    Attributes:
        width_mm: Of the paper: 58 or 80.
        zone: Of the times on slips.
        code_page: The printer's characters; others are replaced.
        with_labels: Each ticket is followed by a label for the bag.
    """

    lang: Lang
    zone: tzinfo
    width_mm: int = 80
    code_page: CodePage = "cp858"
    with_labels: bool = False

    @property
    def columns(self) -> int:
        """The characters in a line of normal size."""
        return COLUMNS[self.width_mm]


@dataclass(frozen=True, slots=True)
class SlipLine:
    """One line. It fits on the paper: `text` has at most the columns divided by `wide`.

    Attributes:
        wide, high: The size of its characters, in those of normal size.
        is_inverse: White on black.
    """

    text: str
    wide: int = NORMAL
    high: int = NORMAL
    is_bold: bool = False
    is_centred: bool = False
    is_inverse: bool = False


def slip_of(job: PrintJob, look: Look, *, is_late: bool) -> tuple[SlipLine, ...]:
    """Return the lines of a slip.

    Args:
        is_late: Say that it is about something that happened a while ago.
    """
    return tuple(_lines(job, look, is_late))


def _lines(job: PrintJob, look: Look, is_late: bool) -> Iterator[SlipLine]:
    order = job.order
    yield from _marks(job, look, is_late)
    yield from _centred(order.code, look, HUGE)
    yield from _centred(order.customer, look, LARGE)
    if job.kind is SlipKind.LABEL:
        return
    kind = texts.DELIVERY if order.is_delivery else texts.PICKUP
    yield from _centred(kind.in_(look.lang), look, NORMAL)
    if job.reason:
        yield from _labelled(texts.REASON.in_(look.lang), job.reason, look)
    yield _rule(look)
    for line in order.lines:
        yield from _dish(line, order.currency, look)
    yield _rule(look)
    yield from _end(order, look)


def _marks(job: PrintJob, look: Look, is_late: bool) -> Iterator[SlipLine]:
    """Yield what must be seen first."""
    if (heading := texts.HEADINGS.get(job.kind)) is not None:
        yield from _inverse(heading.in_(look.lang), look)
    if job.is_doubtful:
        yield from _inverse(texts.POSSIBLE_COPY.in_(look.lang), look)
    if is_late:
        yield from _inverse(texts.LATE.in_(look.lang).format(time=_clock(job.at, look)), look)


def _dish(line: PaperLine, currency: str, look: Look) -> Iterator[SlipLine]:
    """Yield a dish with its price at the end of its first line, then its options and notes."""
    price = _money(line.qty * line.unit_price, currency)
    first, *more = _wrapped(f"{line.qty} x {line.name}", look, look.columns - len(price) - 1, _INDENT)
    yield SlipLine(first.ljust(look.columns - len(price)) + price, high=LARGE, is_bold=True)
    for text in more:
        yield SlipLine(text, high=LARGE, is_bold=True)
    for option in line.options:
        yield from map(SlipLine, _wrapped(f"{_INDENT}+ {option}", look, look.columns, _INDENT * 2))
    if line.notes:
        for text in _wrapped(f"{_INDENT}» {line.notes}", look, look.columns, _INDENT * 2):
            yield SlipLine(text, is_bold=True)


def _end(order: PaperOrder, look: Look) -> Iterator[SlipLine]:
    """Yield what concerns the whole order."""
    if order.allergies:
        yield from _inverse(f"{texts.ALLERGIES.in_(look.lang)}: {', '.join(order.allergies)}", look)
    if order.note:
        yield from _labelled(texts.NOTE.in_(look.lang), order.note, look)
    if order.address:
        yield from _labelled(texts.ADDRESS.in_(look.lang), order.address, look)
    total, sum_ = texts.TOTAL.in_(look.lang), _money(order.total, order.currency)
    wide = LARGE if len(total) + len(sum_) < look.columns // LARGE else NORMAL
    yield SlipLine(total.ljust(look.columns // wide - len(sum_)) + sum_, wide, LARGE, is_bold=True)
    placed = order.placed_at.astimezone(look.zone)
    yield SlipLine(f"{texts.PLACED.in_(look.lang)} {placed:%d/%m %H:%M}")


def _centred(text: str, look: Look, size: int) -> Iterator[SlipLine]:
    for part in _wrapped(text, look, look.columns // size):
        yield SlipLine(part, size, size, is_bold=size > NORMAL, is_centred=True)


def _inverse(text: str, look: Look) -> Iterator[SlipLine]:
    for part in _wrapped(text, look, look.columns // LARGE - 2):
        yield SlipLine(f" {part} ", LARGE, LARGE, is_bold=True, is_centred=True, is_inverse=True)


def _labelled(label: str, text: str, look: Look) -> Iterator[SlipLine]:
    for part in _wrapped(f"{label}: {text}", look, look.columns, _INDENT):
        yield SlipLine(part, high=LARGE)


def _rule(look: Look) -> SlipLine:
    return SlipLine("-" * look.columns)


def _wrapped(text: str, look: Look, columns: int, indent: str = "") -> list[str]:
    """Return a text in lines of at most so many characters; words that are longer are broken."""
    lines: list[str] = []
    for paragraph in printable(text, look.code_page).splitlines():
        within = textwrap.TextWrapper(columns, subsequent_indent=indent if len(indent) < columns else "")
        lines += within.wrap(paragraph.rstrip())
    return lines or [""]


def _money(minor: int, currency: str) -> str:
    sign = "$" if currency == "MXN" else f"{currency} "
    return f"{sign}{minor / 100:,.2f}"


def _clock(at: datetime, look: Look) -> str:
    return f"{at.astimezone(look.zone):%H:%M}"
