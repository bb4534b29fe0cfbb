"""The one table that a benchmark prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

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


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)
