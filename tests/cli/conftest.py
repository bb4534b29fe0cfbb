"""The command `comanda` as an operator has it: a process, a folder of its own, no settings but the test's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.processes import COMANDA, Process, environment, free_port, run_comanda

READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it printed where."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one clear line on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("comanda: ")
        assert "Traceback" not in self.err + self.out
        return lines[0].removeprefix("comanda: ")


class Folder:
    """An operator's folder: a data folder, settings, and commands run in it."""

    def __init__(self, path: Path, **settings: str) -> None:
        self.path = path
        self.data = path / "data"
        self.env = {"COMANDA_DATA_DIR": str(self.data), **settings}

    def run(self, *arguments: str, stdin: bytes = b"", deadline_s: float = 45.0, **settings: str) -> Said:
        """One command, to its end."""
        env = {**environment(), **self.env, **settings}
        done = run_comanda(*arguments, env=env, cwd=self.path, input=stdin, timeout=deadline_s)
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def process(self, *arguments: str, **settings: str) -> Process:
        return Process(COMANDA, *arguments, env={**self.env, **settings}, cwd=self.path, name=arguments[0])


@dataclass(frozen=True, slots=True)
class Served:
    """A hub that has announced itself."""

    process: Process
    port: int
    folder: Folder

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pin(self) -> str | None:
        """The manager's PIN, if this start made one: in a file that the output names, as that is no terminal."""
        found = re.findall(r"log in as Carmen with the PIN in (\S+)", self.process.output())
        assert len(found) <= 1
        return Path(found[0]).read_text().strip() if found else None


def get(url: str, token: str = "") -> int:
    """The status of a GET."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=5) as response:
            return int(response.status)
    except HTTPError as refused:
        refused.close()
        return refused.code


Serve = Callable[..., Served]


def serve_in(stack: ExitStack, folder: Folder, *options: str, **settings: str) -> Served:
    """`comanda serve`, once it has said where it is."""
    port = free_port()
    arguments = ("serve", "--port", str(port), "--no-agent", "--no-notifier", *options)
    process = stack.enter_context(folder.process(*arguments, **settings))
    process.wait_for(lambda: "Redis: " in process.output(), READY_S, "it announces itself")
    return Served(process, port, folder)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def serve(folder: Folder) -> Iterator[Serve]:
    """Starts hubs in the test's folder."""
    with ExitStack() as stack:
        yield lambda *options, **settings: serve_in(stack, folder, *options, **settings)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub that the module's tests share, and leave as they found it."""
    with ExitStack() as stack:
        yield serve_in(stack, Folder(tmp_path_factory.mktemp("served")))
