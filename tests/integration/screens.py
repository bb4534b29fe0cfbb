"""Stock Socket.IO clients, Python's and npm's, behind one face: what they heard, in the order they heard it."""

from __future__ import annotations

import asyncio
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import socketio
from socketio.exceptions import ConnectionError as Refused

from tests.support.processes import node_with

SOON_S = 15.0
CLIENT = Path(__file__).with_name("client.mjs")
_MOVES = ("connected", "upgraded")
WEBSOCKET: tuple[str, ...] = ("websocket",)


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that reached a client: an event with its arguments, an ack, or a change of its connection."""

    name: str
    args: tuple[Any, ...] = ()

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = self.args[0]
        return event

    @property
    def durable(self) -> bool:
        return len(self.args) == 2 and isinstance(self.args[0], dict) and "offset" in self.args[0]


class Screen(ABC):
    """A client; everything it hears is in `heard`, and can be waited for.

    Attributes:
        other: Where it tries when it has lost its connection, by turns with the address it was given.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.other = ""
        self._read = 0
        self._changed = asyncio.Event()

    @abstractmethod
    async def connect(self, url: str, transports: Sequence[str] = WEBSOCKET, **auth: Any) -> None:
        """Connect and be let in; AssertionError with what it was refused with."""

    @abstractmethod
    async def call(self, name: str, *args: Any) -> dict[str, Any]:
        """Emit, and wait for the ack."""

    @abstractmethod
    async def emit(self, name: str, *args: Any) -> None:
        """Emit without asking for an ack."""

    @abstractmethod
    async def close(self) -> None: ...

    def hear(self, name: str, *args: Any) -> None:
        self.heard.append(Heard(name, args))
        self._changed.set()

    async def until(self, condition: Callable[[], Any]) -> None:
        try:
            async with asyncio.timeout(SOON_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"heard no more than {self.heard[-10:]}") from None

    async def changed(self) -> None:
        """Wait until something more is heard."""
        self._changed.clear()
        await self._changed.wait()

    async def next(self, name: str) -> Heard:
        """The next thing of this name after the one found last."""

        def find() -> int | None:
            return next((n for n in range(self._read, len(self.heard)) if self.heard[n].name == name), None)

        await self.until(lambda: find() is not None)
        found = find()
        assert found is not None
        self._read = found + 1
        return self.heard[found]

    async def join(self, room: str, **options: Any) -> dict[str, Any]:
        """Enter a room: `{room, cursor, recovered, snapshot, events}`."""
        ack = await self.call("room.join", {"room": room, **options})
        assert ack["ok"] is True, ack
        data: dict[str, Any] = ack["data"]
        return data

    def of(self, room: str) -> list[Heard]:
        """The durable events of a room, as they came."""
        return [heard for heard in self.heard if heard.durable and heard.event["room"] == room]


class PythonScreen(Screen):
    """python-socketio's AsyncClient.

    Attributes:
        auth: The payload of its next CONNECT.
    """

    def __init__(self) -> None:
        super().__init__()
        self._http: aiohttp.ClientSession | None = None

    async def connect(self, url: str, transports: Sequence[str] = WEBSOCKET, **auth: Any) -> None:
        self._urls = itertools.cycle((self.other or url, url))
        self.auth = auth
        # A session that it makes for itself is not closed when a connection was refused or broke.
        self._http = aiohttp.ClientSession()
        self.socket = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.2, http_session=self._http)
        self.socket.on("*", self.hear)
        self.socket.on("disconnect", self._gone)
        self.socket.on("connect", lambda: self.hear("connected"))
        refused: list[Any] = []
        self.socket.on("connect_error", refused.append)
        try:
            await self.socket.connect(url, auth=lambda: self.auth, transports=list(transports), wait_timeout=SOON_S)
        except Refused as exc:
            raise AssertionError(json.dumps(refused[-1] if refused else str(exc))) from exc

    async def call(self, name: str, *args: Any) -> dict[str, Any]:
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def answer(*given: Any) -> None:
            self.hear("ack", name, *given)
            answered.set_result(given[0])

        await self.socket.emit(name, args, callback=answer)
        async with asyncio.timeout(SOON_S):
            return await answered

    async def emit(self, name: str, *args: Any) -> None:
        await self.socket.emit(name, args)

    def _gone(self, reason: str) -> None:
        self.hear("disconnected", reason)
        # Its own next try goes to the other address; of two, one is always there.
        self.socket.connection_url = next(self._urls)

    async def upgraded(self) -> None:
        assert self.socket.transport() == "websocket"  # it upgrades before it says that it is connected

    async def close(self) -> None:
        if self._http is not None:
            await self.socket.shutdown()
            await self._http.close()


class NodeScreen(Screen):
    """npm's socket.io-client, in a process of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._acks: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._names: dict[int, str] = {}
        self._ids = itertools.count()

    async def connect(self, url: str, transports: Sequence[str] = WEBSOCKET, **auth: Any) -> None:
        self._process = await asyncio.create_subprocess_exec(
            node_with("socket.io-client"),
            str(CLIENT),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        self._reading = asyncio.create_task(self._read_lines())
        options = {"auth": auth, "transports": list(transports), "reconnectionDelay": 50, "reconnectionDelayMax": 200}
        self._tell(do="connect", url=url, options=options, other=self.other)
        await self.until(lambda: {"connected", "refused"} & {heard.name for heard in self.heard})
        for heard in self.heard:
            assert heard.name != "refused", json.dumps(heard.args[0])

    async def call(self, name: str, *args: Any) -> dict[str, Any]:
        id = next(self._ids)
        self._names[id] = name
        self._acks[id] = asyncio.get_running_loop().create_future()
        self._tell(do="emit", name=name, args=args, ack=id)
        async with asyncio.timeout(SOON_S):
            return await self._acks[id]

    async def emit(self, name: str, *args: Any) -> None:
        self._tell(do="emit", name=name, args=args)

    async def upgraded(self) -> None:
        # It may have upgraded before it was let in.
        await self.until(lambda: any("websocket" in str(h.args) for h in self.heard if h.name in _MOVES))

    async def close(self) -> None:
        if self._process is None or self._reading is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(SOON_S):
            await self._process.wait()
            await self._reading

    def _tell(self, **asked: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")

    async def _read_lines(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "event" in said:
                self.hear(said["event"], *said["args"])
            elif "ack" in said:
                self.hear("ack", self._names[said["ack"]], *said["args"])
                self._acks[said["ack"]].set_result(said["args"][0])
            else:
                self.hear(*next(iter(said.items())))


SCREENS: dict[str, type[PythonScreen | NodeScreen]] = {"python": PythonScreen, "node": NodeScreen}


def check_chain(events: Sequence[Heard], after: int) -> None:
    """Each event once, in order, none missing since `after`, each with its own place as the last argument."""
    for heard in events:
        event, cursor = heard.args
        assert event["prev"] == after, [(h.event["prev"], h.event["offset"]) for h in events]
        assert event["offset"] > after
        assert cursor.rpartition("-")[2] == str(event["offset"])
        assert heard.name == event["type"]
        after = event["offset"]
