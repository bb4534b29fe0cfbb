"""README.md, CONTRIBUTING.md and docs/ name only what exists: files, classes, events, metrics, settings, links.

tests/protocol compares docs/protocol.md with the code; here only its links are checked.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

from tests.setup.test_files import files
from tests.support.processes import ROOT

FILE = re.compile(r"[\w./-]+(?:\.(?:c|conf|js|json|lua|md|mjs|py|toml|txt|yml)|/)")
DOTTED = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
CLASS = re.compile(r"([A-Z]\w*[a-z]\w*)(\.\w+)?(?:\(.*\))?")
METRIC = re.compile(r"(comanda_\w+?)(?:_total)?(?:\{.*\})?")
SETTING = re.compile(r"COMANDA_\w+")
SOURCES = ("agents", "bench", "examples", "hub", "tests")

# Names of other projects, files that a running hub makes, and what an example in CONTRIBUTING.md makes up.
FOREIGN = frozenset({"AsyncRedisManager", "EventSource", "Origin", "StreamResponse", "WebSocketResponse", "gc.freeze"})
MADE_AT_RUN_TIME = frozenset({"manifest.json", "witness/"})
EXAMPLES = frozenset({"order.note", "order.noted", "socket.recovered"})


class Names(NamedTuple):
    """What the Python sources define: `names` of classes, functions and variables, and `members` as `Class.member`."""

    names: set[str]
    members: set[str]
    strings: set[str]


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def prose(document: Path) -> str:
    """Return a document without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def spans(pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield what stands in backticks and matches as a whole, with its document's name."""
    for document in documents():
        if document.name != "protocol.md":
            for span in re.findall(r"`([^`\n]+)`", prose(document)):
                if span not in FOREIGN | MADE_AT_RUN_TIME | EXAMPLES and (match := pattern.fullmatch(span)):
                    yield document.name, match


def absent(pattern: re.Pattern[str], exists: Callable[[re.Match[str]], bool]) -> list[str]:
    return [f"{document}: {match[0]}" for document, match in spans(pattern) if not exists(match)]


@cache
def paths() -> frozenset[str]:
    """Return all files and folders of the project, each also by the ends of its path."""
    found: set[str] = set()
    for file in files():
        path = PurePosixPath(file.relative_to(ROOT))
        for part in (path, *path.parents):
            found.update("/".join(part.parts[start:]) for start in range(len(part.parts)))
    return frozenset(found)


@cache
def defined() -> Names:
    found = Names(set(), set(), set())
    for file in files():
        if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in SOURCES:
            for node in ast.walk(ast.parse(file.read_text())):
                found.names.update(_names(node))
                if isinstance(node, ast.ClassDef):
                    found.members.update(f"{node.name}.{name}" for child in node.body for name in _names(child))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.strings.add(node.value)
    return found


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def test_the_documents_name_files_that_are_there() -> None:
    assert len(list(spans(FILE))) > 100
    assert absent(FILE, lambda file: file[0].rstrip("/") in paths()) == []


def test_the_documents_name_modules_events_and_commands_that_are_there() -> None:
    """A dotted name in small letters is a module, or a string in the code: an event, a command, a log event."""

    def exists(name: re.Match[str]) -> bool:
        module = name[0].replace(".", "/")
        return name[0] in defined().strings or bool({module, f"{module}.py"} & paths())

    assert len(list(spans(DOTTED))) > 20
    assert [line for line in absent(DOTTED, exists) if not FILE.fullmatch(line.partition(": ")[2])] == []


def test_the_documents_name_classes_that_are_there() -> None:
    def exists(name: re.Match[str]) -> bool:
        return name[1] in defined().names and (name[2] is None or name[1] + name[2] in defined().members)

    assert len(list(spans(CLASS))) > 10
    assert absent(CLASS, exists) == []


def test_the_documents_name_metrics_and_settings_that_are_there() -> None:
    protocol = (ROOT / "docs/protocol.md").read_text()
    assert absent(METRIC, lambda metric: metric[1] in defined().strings) == []
    assert absent(SETTING, lambda setting: f"`{setting[0]}`" in protocol) == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        linked = document.parent / name if name else document
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_architecture_shows_the_example_as_it_is() -> None:
    example = (ROOT / "examples/scoreboard.py").read_text()
    shown = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown
    assert [excerpt for excerpt in shown if excerpt not in example] == []
