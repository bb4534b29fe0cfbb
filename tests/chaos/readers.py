"""Clients with no recovery of their own: python-socketio, which enters its rooms anew from its last cursor, and SSE."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

from tests.chaos.record import Down, Entry, Record, Refused, Reset, Up, Whole, entered, foldable, seen

_AGAIN_S = 0.3
_ANSWER_S = 10.0


class Reader(ABC):
    """A client that keeps its own record."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: list[Entry] = []
        self._volatile = 0
        self._at: dict[str, str] = {}
        self._down_ms: float | None = None
        self._changed = asyncio.Event()
        self.whole = False

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(self, *_exc: object) -> None: ...

    async def reach(self, heads: Mapping[str, int], within_s: float) -> list[str]:
        """Wait until it is back, and this far; what it still lacks, if it does."""
        try:
            async with asyncio.timeout(within_s):
                while self._lacks(heads):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return self._lacks(heads)
        return []

    def record(self) -> Record:
        """What it has seen since this was asked last."""
        taken, self._entries = Record(self.name, self._entries, self._volatile), []
        self._volatile = 0
        return taken

    def _lacks(self, heads: Mapping[str, int]) -> list[str]:
        if not self.whole:
            return [f"{self.name} is not back"]
        return [
            f"{self.name} has {room} up to {at}"
            for room, at in self._at.items()
            if int(at.rpartition("-")[2]) < heads.get(room, 0)
        ]

    def _note(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._changed.set()

    def _hear(self, event: Mapping[str, Any], cursor: str | None) -> None:
        room = event["room"]
        if event["type"] == "room.reset":
            data = event["data"]
            self._at[room] = data["cursor"]
            self._note(Reset(room, data["cursor"], data["snapshot"] if foldable(room) else {}))
        elif "offset" not in event or cursor is None:
            self._volatile += 1
        else:
            self._at[room] = f"{cursor.rpartition('-')[0]}-{event['offset']}"
            self._note(seen(event, cursor, bodies=foldable(room)))

    def _up(self) -> None:
        self._note(Up(_now_ms(), recovered=False))

    def _is_whole(self) -> None:
        away = None if self._down_ms is None else _now_ms() - self._down_ms
        self._down_ms, self.whole = None, True
        self._note(Whole(_now_ms(), away))

    def _down(self, reason: str) -> None:
        if self._down_ms is None:
            self._down_ms = _now_ms()
        self.whole = False
        self._note(Down(_now_ms(), reason))


class PythonReader(Reader):
    """python-socketio's AsyncClient, in any rooms."""

    def __init__(self, name: str, urls: Sequence[str], rooms: Sequence[Mapping[str, str]], **auth: str) -> None:
        super().__init__(name)
        self._urls = itertools.cycle(urls)
        self._rooms = rooms
        self._auth = auth
        self._entering: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        self._socket = socketio.AsyncClient(
            reconnection_delay=0.5, reconnection_delay_max=1, http_session=self._http, handle_sigint=False
        )
        self._socket.on("*", self._heard)
        self._socket.on("connect", self._connected)
        self._socket.on("disconnect", self._lost)
        await self._socket.connect(lambda: next(self._urls), auth=self._auth, transports=["websocket"], wait_timeout=10)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._entering.cancel()
        await self._socket.shutdown()
        await self._http.close()

    def _heard(self, name: str, event: Mapping[str, Any], cursor: str | None = None) -> None:
        if name != "hub.welcome":
            self._hear(event, cursor)

    def _connected(self) -> None:
        self._up()
        self._entering.cancel()
        # Not here: answers are read only when this has returned.
        self._entering = asyncio.get_running_loop().create_task(self._enter_all())

    def _lost(self, reason: str) -> None:
        self._entering.cancel()
        self._down(reason)

    async def _enter_all(self) -> None:
        for asked in self._rooms:
            await self._enter(asked)
        self._is_whole()

    async def _enter(self, asked: Mapping[str, str]) -> None:
        room = asked["room"]
        while True:
            after = {"after": self._at[room]} if room in self._at else {}
            try:
                answer = await self._ask({**asked, **after})
            except (SocketIOError, TimeoutError):
                await asyncio.sleep(_AGAIN_S)
                continue
            if answer["ok"]:
                return
            self._note(Refused(_now_ms(), room, answer["error"]["code"]))
            assert answer["error"]["retryable"], answer
            await asyncio.sleep(_AGAIN_S)

    async def _ask(self, asked: Mapping[str, str]) -> Any:
        """Join; its answer is noted where it comes in, for the events that follow it are right behind it."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def answer(given: Any) -> None:
            if answered.done():
                return
            if given["ok"]:
                data = given["data"]
                self._note(entered(data, bodies=foldable(data["room"])))
                self._at[data["room"]] = data["cursor"]
            answered.set_result(given)

        await self._socket.emit("room.join", dict(asked), callback=answer)
        async with asyncio.timeout(_ANSWER_S):
            return await answered


class SseReader(Reader):
    """A browser's EventSource, in one room: it comes back by itself, with the id of the last event."""

    def __init__(self, name: str, urls: Sequence[str], room: str, token: str = "") -> None:
        super().__init__(name)
        self._urls = itertools.cycle(urls)
        self._room = room
        self._params = {"token": token} if token else {}

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=40)
        self._http = aiohttp.ClientSession(timeout=timeout, read_bufsize=2**20)
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._http.close()

    async def _read(self) -> None:
        while True:
            try:
                await self._listen(f"{next(self._urls)}/api/rooms/{self._room}/events")
                reason = "it ended"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = type(error).__name__
            if self.whole:
                self._down(reason)
            await asyncio.sleep(_AGAIN_S)

    async def _listen(self, url: str) -> None:
        headers = {"Accept": "text/event-stream"}
        if self._room in self._at:
            headers["Last-Event-ID"] = self._at[self._room]
        async with self._http.get(url, headers=headers, params=self._params) as response:
            if response.status != 200:
                self._note(Refused(_now_ms(), self._room, str(response.status)))
                return
            self._up()
            self._is_whole()
            block: dict[str, str] = {}
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line:
                    field, _, value = line.partition(":")
                    block[field] = value.removeprefix(" ")
                elif block:
                    if "data" in block:
                        self._hear(json.loads(block["data"]), block.get("id"))
                    block = {}


@asynccontextmanager
async def reading(readers: Sequence[Reader]) -> AsyncIterator[None]:
    """They read meanwhile."""
    async with AsyncExitStack() as stack:
        for reader in readers:
            await stack.enter_async_context(reader)
        yield


def _now_ms() -> float:
    return time.time() * 1000
