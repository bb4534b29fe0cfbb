"""A connection to the hub that can hold messages back, or die without notice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536
_HELD_S = 60.0  # what is held longer than any test lasts is let go


class Line:
    """Passes everything on between a browser and a hub, from a port of its own.

    Threads, not tasks: while Playwright's loop runs, no other does.
    """

    def __init__(self, port: int, *, at: int = 0) -> None:
        self._hub = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", at))
        self.port: int = self._listener.getsockname()[1]
        self._held_from = b""
        self._open = threading.Event()
        self._open.set()
        self._is_dead = False
        self._dead: set[socket.socket] = set()  # what is sent on these is lost
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()  # no connection comes after this
        for one in self._sockets:
            with suppress(OSError):  # it was closed from the other end
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def hold(self, word: bytes) -> None:
        """Keep back what the hub says on a connection, from the next time it says this word on it."""
        self._held_from = word
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def go_dead(self) -> None:
        """Drop every byte from now on, on old and new connections, without telling either end."""
        self._is_dead = True
        self._dead.update(self._sockets)

    def revive(self, *, silent: bool = False) -> None:
        """Let new connections through. What was lost stays lost, and so do the connections that it was lost on.

        Args:
            silent: Do not tell either end of these that they are lost; the browser gives them up after eight seconds.
        """
        self._is_dead = False
        if not silent:
            for one in tuple(self._dead):
                with suppress(OSError):  # it was closed from the other end
                    one.shutdown(socket.SHUT_RDWR)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            hub = socket.create_connection(self._hub, timeout=5)
            hub.settimeout(None)
            self._sockets += [client, hub]
            if self._is_dead:
                self._dead |= {client, hub}
            self._run(partial(self._pass_on, client, hub, from_hub=False))
            self._run(partial(self._pass_on, hub, client, from_hub=True))

    def _pass_on(self, source: socket.socket, target: socket.socket, *, from_hub: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if from_hub and not self._open.is_set() and self._held_from in chunk:
                    self._open.wait(_HELD_S)
                if target not in self._dead:
                    target.sendall(chunk)
        if target in self._dead:
            return
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
