"""The line to a hub: one plain WebSocket, opened again whenever it is lost."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import aiohttp

from comanda.errors import ComandaError, Refused, Unreachable, error_in, lost, not_a_hub
from comanda.patience import ATTEMPT_S, backoff_s
from comanda.shapes import Event

ANSWER_S = 8.0  # a command without an answer for so long: the connection is taken for dead
CLOSE_S = 2.0
MAX_MESSAGE_BYTES = 8 * 1024 * 1024  # a room's state and what was missed of it, at the hub's default limits: 1.3 MB

Token = str | Callable[[], Awaitable[str]]
Data = dict[str, Any]


class Reader(Protocol):
    """A room, as the line sees it."""

    def offer(self, event: Event, cursor: str | None) -> bool:
        """Take an event; False: there is no room for more, leave."""

    def lost(self) -> None:
        """Learn that the connection is gone."""


class Link:
    """Sends commands, gives answers to whoever asked, and events to the rooms that are read.

    Args:
        url: The hub's root, without a slash at its end.
        token: Shown at each new connection.
        heartbeat_s: The pause between two pings; a connection that leaves one unanswered for half as long is dropped.
        on_retry: Called before each new try to connect.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        token: Token | None,
        heartbeat_s: float,
        on_retry: Callable[[], None],
    ) -> None:
        self._http = http
        self._url = url
        self._token = token
        self._heartbeat_s = heartbeat_s
        self._on_retry = on_retry
        self._rooms: dict[str, Reader] = {}
        self._waiting: dict[int, Callable[[Mapping[str, Any]], None]] = {}
        self._asked: set[asyncio.Future[Data]] = set()
        self._ids = itertools.count(1)
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._settled = asyncio.Event()  # there is a connection, or there will be none any more
        self._refusal: Refused | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """True while there is a connection."""
        return self._ws is not None

    async def headers(self) -> dict[str, str]:
        """Return the header that shows the token."""
        token = self._token if self._token is None or isinstance(self._token, str) else await self._token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def add(self, name: str, room: Reader) -> None:
        """Give the events of a room to this reader from now on.

        Raises:
            ValueError: The room has a reader.
        """
        if name in self._rooms:
            raise ValueError(f"{name} is being read already")
        self._rooms[name] = room

    async def remove(self, name: str) -> None:
        """Give the events of a room to nobody any more."""
        if self._rooms.pop(name, None) is not None:
            await self._leave(name)

    async def connected(self) -> None:
        """Wait until there is a connection; the first call makes one.

        Raises:
            Refused: There will be none: the token is not valid, or this is no hub, or the client was closed.
        """
        if self._task is None and self._refusal is None:
            self._task = asyncio.create_task(self._run(), name="comanda")
        await self._settled.wait()
        if self._refusal is not None:
            raise self._refusal

    async def ask(
        self, command: str, payload: Mapping[str, Any], on_answer: Callable[[Data], None] | None = None
    ) -> Data:
        """Send a command over the connection, and return the data of its answer.

        Args:
            on_answer: Gets the data before anything that arrives behind it is looked at.

        Raises:
            Refused: The hub will not do it.
            Unreachable: No answer, or one that asks for patience.
        """
        await self.connected()
        number = next(self._ids)
        future: asyncio.Future[Data] = asyncio.get_running_loop().create_future()

        def answered(message: Mapping[str, Any]) -> None:
            if future.done():
                return
            if message["ok"]:
                if on_answer is not None:
                    on_answer(message["data"])
                future.set_result(message["data"])
            else:
                future.set_exception(error_in(message))

        self._waiting[number] = answered
        self._asked.add(future)
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._send({"id": number, "command": command, "data": payload})
                return await future
        except TimeoutError:
            await self._drop()
            raise lost("no answer") from None
        finally:
            self._waiting.pop(number, None)
            self._asked.discard(future)

    async def close(self) -> None:
        """End the connection; everything that waits for it is told."""
        self._end(Refused("closed", "this client was closed"))
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        failures = 0
        problem = Refused("internal", "the line to the hub has broken down")
        try:
            while True:
                try:
                    if await self._one_connection():
                        failures = 0
                except Refused as refused:
                    problem = refused
                    return
                except (Unreachable, aiohttp.ClientError, OSError, TimeoutError, ValueError, LookupError, TypeError):
                    pass  # away for a while, or not the hub's words: come back
                await asyncio.sleep(backoff_s(failures))
                failures += 1
                self._on_retry()
        finally:
            self._end(problem)

    async def _one_connection(self) -> bool:
        """Use one connection to its end; True if anything came over it."""
        ws, has_heard = await self._opened(), False
        try:
            self._ws = ws
            self._settled.set()
            async for message in ws:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                await self._take(json.loads(message.data))
                has_heard = True
        finally:
            self._lost()
            async with asyncio.timeout(CLOSE_S):
                await ws.close()
        return has_heard

    async def _opened(self) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self._http.ws_connect(
                    f"{self._url}/ws",
                    headers=await self.headers(),
                    heartbeat=self._heartbeat_s,
                    max_msg_size=MAX_MESSAGE_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )
        except aiohttp.WSServerHandshakeError as exc:
            raise _refused_handshake(exc.status) from exc

    async def _take(self, message: Mapping[str, Any]) -> None:
        if "event" in message:
            event: Event = message["event"]
            room = self._rooms.get(event["room"])
            if room is not None and not room.offer(event, message.get("cursor")):
                await self._leave(event["room"])
        elif (answered := self._waiting.get(message["ack"])) is not None:
            answered(message)

    async def _leave(self, name: str) -> None:
        with suppress(Unreachable):
            await self._send({"command": "room.leave", "data": {"room": name}})

    async def _send(self, message: Mapping[str, Any]) -> None:
        if self._ws is None:
            raise lost("the connection is gone")
        try:
            await self._ws.send_str(json.dumps(message))
        except (aiohttp.ClientError, OSError) as exc:
            raise lost("the connection is gone") from exc

    async def _drop(self) -> None:
        """Close a connection that does not answer, so that another is made."""
        if self._ws is not None:
            await self._ws.close()

    def _lost(self) -> None:
        self._ws = None
        if self._refusal is None:
            self._settled.clear()
        self._tell(lost("the connection was lost"))

    def _end(self, refusal: Refused) -> None:
        self._refusal = self._refusal or refusal
        self._settled.set()
        self._tell(self._refusal)

    def _tell(self, problem: ComandaError) -> None:
        for future in self._asked:
            if not future.done():
                future.set_exception(problem)
        for room in self._rooms.values():
            room.lost()


def _refused_handshake(status: int) -> ComandaError:
    match status:
        case 401:
            return Refused("unauthorized", "the token is not valid")
        case 403:
            return Refused("forbidden", "this program may not connect here")
        case 429:
            return Unreachable("rate_limited", "too many connections", retryable=True)
    return not_a_hub(status)
