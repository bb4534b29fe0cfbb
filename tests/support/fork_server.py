"""A process that has imported the hub and forks for every `comanda` that a test runs: see `forked.py`.

`python -m tests.support.fork_server SOCKET` listens there, and ends when its standard input does. It is sent the files
for standard input, output and errors, and a JSON of arguments, environment and folder; it answers with a line that has
the id of the new process, and one with its exit status.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from hub.cli import app

# What the commands import when they run.
_USED = (
    "uvloop",
    "hub.bootstrap",
    "hub.local_redis.data_copies",
    "hub.ops.announce",
    "hub.ops.backup",
    "hub.ops.cancel_orders",
    "hub.ops.doctor",
    "hub.ops.serve",
    "hub.simulate",
    "hub.telemetry",
)
_LONGEST_BYTES = 65_536  # of one read


@dataclass(frozen=True, slots=True)
class Request:
    """A command to run, and where."""

    arguments: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    stdio: Sequence[int]

    @classmethod
    def read(cls, line: socket.socket) -> Self:
        """Read what a client sends, to its end."""
        text, stdio, _, _ = socket.recv_fds(line, _LONGEST_BYTES, 3)
        while more := line.recv(_LONGEST_BYTES):
            text += more
        return cls(**json.loads(text), stdio=stdio)

    def take_over(self) -> None:
        """Make this process the one that was asked for."""
        os.chdir(self.cwd)
        os.environ.clear()
        os.environ.update(self.env)
        for to, file in enumerate(self.stdio):
            os.dup2(file, to)
        self.close()
        sys.argv = ["comanda", *self.arguments]

    def close(self) -> None:
        for file in self.stdio:
            os.close(file)


class ForkServer:
    """Forks for each client, and tells it how the process ended."""

    def __init__(self, address: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        self._running: dict[int, tuple[int, socket.socket]] = {}  # by the process's file descriptor

    def serve(self) -> Request | None:
        """Serve until standard input ends; return a request in each process that was forked for one."""
        owner = sys.stdin.fileno()
        while True:
            ready, _, _ = select.select([owner, self._listener, *self._running], [], [])
            for ended in self._running.keys() & set(ready):
                self._tell_status(ended)
            if self._listener in ready and (request := self._fork()):
                return request
            if owner in ready:
                return None

    def _fork(self) -> Request | None:
        line, _ = self._listener.accept()
        request = Request.read(line)
        pid = os.fork()
        if pid == 0:
            line.close()
            self._close()
            return request
        request.close()
        assert sys.platform == "linux"
        self._running[os.pidfd_open(pid)] = pid, line
        _tell(line, pid)
        return None

    def _tell_status(self, ended: int) -> None:
        pid, line = self._running.pop(ended)
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        _tell(line, os.waitstatus_to_exitcode(status))
        line.close()

    def _close(self) -> None:
        """Keep nothing of the server in a process that was forked."""
        self._listener.close()
        for file, (_, line) in self._running.items():
            os.close(file)
            line.close()


def _tell(line: socket.socket, number: int) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # nobody waits for it any more
        line.sendall(b"%d\n" % number)


def main() -> None:
    for name in _USED:
        importlib.import_module(name)
    server = ForkServer(sys.argv[1])
    gc.collect()
    gc.freeze()  # or the first collection of each process would copy all of it
    print("ready", flush=True)
    if request := server.serve():
        request.take_over()
        app()


if __name__ == "__main__":
    main()
