"""Runs of `comanda` by forking a process that has imported it already: a start takes 20 ms instead of 700.

It is as real as any other: a process with an id, an environment, a folder and files of its own, which signals end. Only
the interpreter's start and the imports are not its own.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
_READY_S = 60.0


def can_run(env: Mapping[str, str]) -> bool:
    """Return True if a command with this environment can be forked.

    Libraries of macOS may break in a process that was forked. An interpreter reads its settings when it starts.
    """
    return sys.platform == "linux" and _of_interpreter(env) == _of_interpreter(os.environ)


def _of_interpreter(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith("PYTHON")}


class Forked:
    """A `comanda` that runs, or has ended; used like `subprocess.Popen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        stdio: tuple[IO[Any], IO[Any], IO[Any]],
    ) -> None:
        self.returncode: int | None = None
        self._arguments = tuple(arguments)
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(_server())
        wanted = {"arguments": self._arguments, "env": dict(env), "cwd": str(cwd or Path.cwd())}
        text = json.dumps(wanted).encode()
        socket.send_fds(self._line, [text[:1]], [file.fileno() for file in stdio])
        self._line.sendall(text[1:])
        self._line.shutdown(socket.SHUT_WR)
        self._answers = self._line.makefile()
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        """Return the exit status; None if it runs."""
        return self.returncode if self._ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit status.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired(("comanda", *self._arguments), timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, 9)

    def _ended(self, timeout: float | None) -> bool:
        if self.returncode is None:
            if not select.select([self._line], [], [], timeout)[0]:
                return False
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._line.close()
        return True


def run(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, input: bytes = b"", timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, as `subprocess.run` does with `capture_output`.

    Raises:
        subprocess.TimeoutExpired: It did not end in time, and was killed.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(input)
        given.seek(0)
        command = Forked(arguments, env=env, cwd=cwd, stdio=(given, out, err))
        try:
            code = command.wait(timeout)
        except subprocess.TimeoutExpired:
            command.kill()
            command.wait()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(("comanda", *arguments), code, out.read(), err.read())


@cache
def _server() -> str:
    """Start the server of this process; return its address."""
    folder = tempfile.mkdtemp(prefix="comanda-fork-")
    address = f"{folder}/socket"
    command = [sys.executable, "-m", "tests.support.fork_server", address]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    if not select.select([server.stdout], [], [], _READY_S)[0] or server.stdout.readline() != b"ready\n":
        raise RuntimeError("the process that forks hubs did not start")
    atexit.register(_stop, server, folder)
    return address


def _stop(server: subprocess.Popen[bytes], folder: str) -> None:
    server.communicate()  # it ends with its input
    shutil.rmtree(folder, ignore_errors=True)
