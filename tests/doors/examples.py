"""The examples of docs/doors.md: found there, run like a reader's own, compared with what is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scripts.pack_client import stage
from tests.support.processes import ROOT, Process, node_with, program

DEADLINE_S = 30.0
ANYTHING = "…"
_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(?P<language>\w+)(?P<words>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDINGS = {"sh": "sh", "python": "py", "js": "mjs"}


@dataclass(frozen=True, slots=True)
class Example:
    """A block of code, and what it prints.

    Attributes:
        shown: The `text` block behind it, or None if there is none. `…` stands for anything.
        stays: It runs beside the blocks after it (` ```python background`), which begin when it has printed a line.
    """

    language: str
    code: str
    shown: str | None
    stays: bool


@dataclass(frozen=True, slots=True)
class Door:
    """A section of the document, with its examples in order."""

    title: str
    examples: tuple[Example, ...]


def doors(text: str) -> list[Door]:
    """Return the sections of a document that have examples."""
    parts = _SECTION.split(text)[1:]
    found = [Door(title, tuple(_examples(body))) for title, body in zip(parts[::2], parts[1::2], strict=True)]
    return [door for door in found if door.examples]


def _examples(body: str) -> Iterator[Example]:
    blocks = list(_BLOCK.finditer(body))
    for block, follower in zip(blocks, [*blocks[1:], None], strict=True):
        if block["language"] in _ENDINGS:
            is_shown = follower is not None and follower["language"] == "text"
            shown = follower["code"] if follower is not None and is_shown else None
            yield Example(block["language"], block["code"], shown, "background" in block["words"])


def fits(shown: str, printed: str) -> bool:
    """Return True if a text is what the document shows, whatever its `…` stand for."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split(ANYTHING))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def run(door: Door, folder: Path, variables: Mapping[str, str]) -> None:
    """Run the examples of a door, one after another, in a folder of their own.

    Raises:
        AssertionError: One failed, or printed something else than the document shows.
    """
    _bring_packages(folder / "node_modules")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}
    with ExitStack() as stack:
        beside: list[tuple[Example, Process]] = []
        for number, example in enumerate(door.examples, start=1):
            command = _command(example, folder / f"example-{number}.{_ENDINGS[example.language]}")
            if example.stays:
                process = stack.enter_context(Process(*command, env=env, cwd=folder))
                process.wait_for(lambda process=process: "\n" in process.output(), DEADLINE_S, "its first line")  # type: ignore[misc]
                beside.append((example, process))
            else:
                _run_to_its_end(example, command, env, folder)
        for example, process in beside:
            shown = example.shown or ANYTHING
            process.wait_for(lambda s=shown, p=process: fits(s, p.output()), DEADLINE_S, f"it printed {shown!r}")  # type: ignore[misc]


def _bring_packages(folder: Path) -> None:
    """Make the packages of the project, and its JavaScript client, importable below a folder."""
    folder.mkdir()
    for package in (ROOT / "node_modules").glob("[!.]*"):
        (folder / package.name).symlink_to(package)
    stage(folder / "comanda-client")


def _command(example: Example, file: Path) -> tuple[str, ...]:
    file.write_text(example.code)
    match example.language:
        case "sh":
            return (program("bash"), "-euo", "pipefail", str(file))
        case "python":
            return (sys.executable, str(file))
    return (node_with("socket.io-client"), str(file))


def _run_to_its_end(example: Example, command: tuple[str, ...], env: Mapping[str, str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, f"{example.code}\nprinted {done.stdout}\n{done.stderr}"
    if example.shown is not None:
        assert fits(example.shown, done.stdout), f"{example.code}\nprinted\n{done.stdout}\nand not\n{example.shown}"
