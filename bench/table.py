"""The one table that a benchmark prints."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from bench.comparison import OURS, Comparison
from bench.figure import Figure

_WIDTH = 118
_INDENT = "  "


def render(figures: Sequence[Figure]) -> Iterator[str]:
    """The table's lines: a figure each, and under it how it was taken."""
    wide = max((len(figure.what) for figure in figures), default=0)
    yield f"{'figure':<{wide}}  {'target':>14}  {'measured (min–max of runs)':>32}"
    yield "─" * _WIDTH
    for figure in figures:
        target = f"{figure.better.value} {figure.target:,g} {figure.unit}"
        spread = f"({figure.show(min(figure.runs))}–{figure.show(max(figure.runs))} of {len(figure.runs)})"
        measured = f"{figure.show(figure.measured)} {figure.unit} {spread}"
        yield f"{figure.what:<{wide}}  {target:>14}  {measured:>32}  {'met' if figure.met else 'MISSED'}"
        for line in figure.how:
            yield from _wrapped(line)
        for fault in figure.faults:
            yield from _wrapped(f"FAULT: {fault}")
        yield ""


def side_by_side(comparison: Comparison, names: Mapping[str, str]) -> Iterator[str]:
    """A comparison's lines: a contender each, ours first, with what ours is to it.

    Args:
        names: What each contender calls itself.
    """
    measure = comparison.measure
    yield f"{measure.name}: {measure.what}. {measure.unit[0].upper()}{measure.unit[1:]}"
    yield from _wrapped(measure.how)
    headings = list(next(iter(comparison.runs.values()))[0].columns)
    lines = [["", "median (min–max)", "Comanda ÷ it", "wanted", *headings]]
    for contender in comparison.runs:
        columns = comparison.middle(contender).columns
        cells = [_spread(comparison.values(contender), measure.digits), _ratio(comparison, contender)]
        cells += [_wanted(comparison, contender), *(columns.get(heading, "") for heading in headings)]
        lines.append([names.get(contender, contender), *cells])
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        rest = (f"{cell:>{width}}" for cell, width in zip(line[1:], wide[1:], strict=True))
        yield "  ".join([f"{line[0]:<{wide[0]}}", *rest]).rstrip()
        if not number:
            yield "─" * (sum(wide) + 2 * len(wide) - 2)
    for fault in comparison.faults():
        yield from _wrapped(f"FAULT: {fault}")
    yield ""


def _spread(values: Sequence[float], digits: int) -> str:
    low, mid, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return mid if len(values) == 1 else f"{mid} ({low}–{high})"


def _ratio(comparison: Comparison, contender: str) -> str:
    ratios = comparison.ratios(contender)
    return _spread(ratios, 2) if ratios else ""


def _wanted(comparison: Comparison, contender: str) -> str:
    wanted = comparison.wanted(contender)
    if wanted is None:
        return ""
    target, met = wanted
    shown = comparison.measure.show(target) if contender == OURS else f"{target:g} ×"
    return f"{comparison.measure.better.value} {shown} {'met' if met else 'MISSED'}"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)
