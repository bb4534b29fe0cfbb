"""Real programs under test: found, started on loopback, waited for, and ended by their own id."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TypeVar

import pytest

from tests.support import forked

ROOT = Path(__file__).resolve().parents[2]
COMANDA = str(Path(sys.executable).with_name("comanda"))
POLL_S = 0.02

T = TypeVar("T")


_TAKEN: list[int] = []  # descriptors of the lock files of this process's ports; they go with it


def free_port() -> int:
    """A TCP port on loopback that nobody has, and that no connection is given by chance before it is used.

    Other test processes of this machine are not given it while this one lives.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # systems give connections ports from 32768 on
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _TAKEN.append(_locked(port))
            return port


def _locked(port: int) -> int:
    """Take a port's lock file; return its descriptor.

    Raises:
        BlockingIOError: Another process has it, or this one.
    """
    folder = Path(tempfile.gettempdir()) / f"comanda-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = os.open(folder / str(port), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise
    return file


def lacking(what: str) -> NoReturn:
    """Skip on a developer's machine; fail where the checks must be complete."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def program(name: str) -> str:
    """The path of a program of the system; without it the test is skipped, in CI it fails."""
    # Servers' programs are not on a plain user's PATH everywhere; Node.js may have come as a wheel.
    own = Path(sys.executable).parent
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{own}:/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        lacking(f"{name} is not installed")
    return found


def node_with(package: str) -> str:
    """The path of Node.js, where `node_modules` holds a package; otherwise as with `program`."""
    node = program("node")
    if not (ROOT / "node_modules" / package / "package.json").is_file():
        lacking(f"node_modules has no {package}; run make setup")
    return node


def wait_until(condition: Callable[[], T], deadline_s: float, what: str = "the condition") -> T:
    """What `condition` gives as soon as it is true; an OSError of it counts as not yet.

    Raises:
        TimeoutError: It did not become true in time.
    """
    until = time.monotonic() + deadline_s
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come true within {deadline_s} s")
        time.sleep(POLL_S)


def listening(port: int) -> bool:
    """Whether somebody takes connections on a port of loopback."""
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def environment() -> dict[str, str]:
    """This process's environment, without any `COMANDA_…` setting; no load balancer is waited for."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("COMANDA_")}
    return {**own, "COMANDA_DRAIN_S": "0"}


class Process:
    """One program, from its start to its end; what it printed joins the report of a test that fails.

    `COMANDA` is forked from a process that has imported it, where that works: see `forked.py`.

    Args:
        command: The program and its arguments.
        env: Added to this process's environment, of which no `COMANDA_…` setting is handed on.
        cwd: Where it runs; an empty folder keeps a developer's `.env` out of the test.
    """

    def __init__(
        self, *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, name: str = ""
    ) -> None:
        self.command = command
        self.name = name or Path(command[0]).name
        self._env = {**environment(), **(env or {})}
        self._cwd = cwd
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._child: subprocess.Popen[bytes] | forked.Forked | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if exc is not None:
            exc.add_note(f"--- {self.name} printed:\n{self.output()[-4000:]}")
        self._log.close()

    def start(self) -> None:
        if self.command[0] == COMANDA and forked.can_run(self._env):
            with open(os.devnull) as nothing:
                stdio = (nothing, self._log, self._log)
                self._child = forked.Forked(self.command[1:], env=self._env, cwd=self._cwd, stdio=stdio)
            return
        self._child = subprocess.Popen(
            self.command,
            env=self._env,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def output(self) -> str:
        """All that it printed so far, on both streams."""
        size = os.fstat(self._log.fileno()).st_size
        # The child writes at the file's shared position: it must not be moved by reading.
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def wait_for(self, condition: Callable[[], T], deadline_s: float, what: str = "") -> T:
        """Wait until the program has come so far; not a moment longer than it lives."""

        def alive_and_true() -> T:
            if not self.running:
                raise RuntimeError(f"{self.name} ended before {what or 'its time'}:\n{self.output()[-4000:]}")
            return condition()

        return wait_until(alive_and_true, deadline_s, f"{self.name}: {what or 'the condition'}")

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def stop(self, deadline_s: float = 10.0) -> int | None:
        """End it politely; what does not end in time is killed. Gives the exit status."""
        if self._child is None:
            return None
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._child.returncode


def run_comanda(
    *arguments: str, env: Mapping[str, str], cwd: Path, timeout: float, input: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of `comanda` to its end, with what it printed."""
    if forked.can_run(env):
        return forked.run(arguments, env=env, cwd=cwd, input=input, timeout=timeout)
    return subprocess.run(
        [COMANDA, *arguments], env=env, cwd=cwd, input=input, capture_output=True, timeout=timeout, check=False
    )
