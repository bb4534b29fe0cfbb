"""The tables of `docs/protocol.md`, and the shapes in their cells."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"

Row = dict[str, str]
# A field's name, with its "?" if it is optional, and the fields of what it holds, if they are named.
Shape = dict[str, "Shape | None"]

_SPAN = re.compile(r"`([^`]+)`")
_FIELD = re.compile(r"\s*([A-Za-z_]\w*\??)\s*(:?)\s*")


@dataclass(frozen=True, slots=True)
class Table:
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def key(self) -> str:
        """The header of the first column."""
        return self.header[0]


@dataclass(frozen=True, slots=True)
class Document:
    """The page's tables by their section's heading and the header of their first column."""

    tables: dict[tuple[str, str], Table]

    @classmethod
    def read(cls, path: Path = PROTOCOL) -> Document:
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> Document:
        tables: dict[tuple[str, str], Table] = {}
        heading, lines = "", []
        for line in [*text.splitlines(), ""]:
            if line.startswith("|"):
                lines.append(_cells(line))
                continue
            if lines:
                table = _table(lines)
                assert (heading, table.key) not in tables, f"two tables of {table.key!r} under {heading!r}"
                tables[heading, table.key] = table
                lines = []
            if line.startswith("#"):
                heading = line.lstrip("# ")
        return cls(tables)

    def rows(self, section: str, key: str) -> tuple[Row, ...]:
        """A table's rows, by the headers of their columns."""
        return self.tables[section, key].rows

    def by_name(self, section: str, key: str) -> dict[str, Row]:
        """The same, by the name in the first column."""
        rows = self.rows(section, key)
        named = {name(row[key]): row for row in rows}
        assert len(named) == len(rows), f"a name stands twice under {section!r}"
        return named

    def without(self, section: str, key: str, number: int) -> Document:
        """The page as it would be without this row."""
        rows = self.rows(section, key)
        return self._with_rows(section, key, (*rows[:number], *rows[number + 1 :]))

    def with_row(self, section: str, key: str, first: str) -> Document:
        """The page as it would be with one more row: the table's first, under another name."""
        rows = self.rows(section, key)
        return self._with_rows(section, key, (*rows, {**rows[0], key: first}))

    def with_cell(self, section: str, key: str, number: int, column: str, text: str) -> Document:
        """The page as it would be with another text in this cell."""
        rows = list(self.rows(section, key))
        rows[number] = {**rows[number], column: text}
        return self._with_rows(section, key, tuple(rows))

    def _with_rows(self, section: str, key: str, rows: tuple[Row, ...]) -> Document:
        table = self.tables[section, key]
        return Document({**self.tables, (section, key): replace(table, rows=rows)})


def spans(cell: str) -> list[str]:
    """Return the spans of a cell that stand in backticks."""
    return _SPAN.findall(cell)


def name(cell: str) -> str:
    """The one name in backticks that a cell begins with."""
    found = spans(cell)
    assert cell.startswith("`"), f"{cell!r} begins with no name"
    return str(found[0])


def shape(cell: str) -> Shape:
    """The fields of the first `{…}` in a cell; none if there is no such thing."""
    found = [span for span in spans(cell) if span.startswith("{")]
    if not found:
        return {}
    fields, rest = _fields(found[0])
    assert not rest, f"{cell!r} goes on with {rest!r}"
    return fields


def _fields(text: str) -> tuple[Shape, str]:
    """The fields of an object, and what stands behind it."""
    fields: Shape = {}
    text = text.removeprefix("{")
    while not text.startswith("}"):
        found = _FIELD.match(text)
        assert found, f"no field at {text!r}"
        assert found[1] not in fields, f"{found[1]!r} stands twice"
        text = text[found.end() :]
        inner: Shape | None = None
        if found[2]:
            inner, text = _value(text)
        fields[found[1]] = inner
        text = text.lstrip().removeprefix(",").lstrip()
    return fields, text[1:]


def _value(text: str) -> tuple[Shape, str]:
    """An object, or a list of them."""
    if text.startswith("["):
        fields, rest = _fields(text[1:])
        return fields, rest.removeprefix("]")
    return _fields(text)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def _table(lines: list[tuple[str, ...]]) -> Table:
    header, _, *rows = lines
    for row in rows:
        assert len(row) == len(header), f"{row} has other columns than {header}"
    return Table(header, tuple(dict(zip(header, row, strict=True)) for row in rows))
