"""A TCP proxy before a Redis, that can be a bad line: slow, dead, forgetful or cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from types import TracebackType
from typing import Self, cast

_SUBSCRIBE = b"SUBSCRIBE\r\n"


class Which(StrEnum):
    """Whose line is bad."""

    ALL = "all"
    COMMANDS = "commands"
    PUBSUB = "pubsub"  # connections on which somebody has subscribed to something


class Proxy:
    """Listens on a port of loopback and passes everything on to Redis, as well as it may.

    While the line is dead, what is sent is kept and comes when it is healed, as with TCP after a lost route; the ends
    do not learn of each other's end either.
    """

    def __init__(self, port: int, redis_port: int) -> None:
        self.port = port
        self._redis_port = redis_port
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.delay_s = 0.0
        self.held: Which | None = None
        self.forgetting: Which | None = None
        self.forgetting_to: tuple[bytes, ...] = ()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Link(self).client, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # The line

    def delay(self, seconds: float) -> None:
        """Each way takes so much longer."""
        self.delay_s = seconds

    def black_hole(self, which: Which = Which.ALL) -> None:
        """Nothing arrives any more, and nobody is told."""
        self.held = which

    def drop_replies(self, which: Which = Which.COMMANDS, to: Sequence[bytes] = ()) -> None:
        """Commands arrive and are carried out; their answers are lost, and the connection with them in the end.

        Args:
            to: Only on connections over which something with all of these words in it was sent from now on.
        """
        self.forgetting, self.forgetting_to = which, tuple(to)

    def reset(self, which: Which = Which.ALL) -> None:
        """Break the connections there are."""
        for link in tuple(self._links):
            if link.is_one_of(which):
                link.abort()

    def heal(self) -> None:
        """A good line again; a connection that lost an answer can't go on."""
        self.delay_s, self.held, self.forgetting = 0.0, None, None
        for link in tuple(self._links):
            if link.forgot:
                link.abort()
            else:
                link.flow()

    # From the links

    async def reach(self, link: _Link) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: link.redis, "127.0.0.1", self._redis_port)
        except OSError:
            link.abort()

    def opened(self, link: _Link) -> None:
        self._links.add(link)
        task = asyncio.get_running_loop().create_task(self.reach(link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def closed(self, link: _Link) -> None:
        self._links.discard(link)


class _Link:
    """A client's connection and ours to Redis for it."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.client = _Side(self)
        self.redis = _Side(self)
        self.client.other, self.redis.other = self.redis, self.client
        self.pubsub = False
        self.forgot = False

    def is_one_of(self, which: Which | None) -> bool:
        return which is not None and which in (Which.ALL, Which.PUBSUB if self.pubsub else Which.COMMANDS)

    @property
    def held(self) -> bool:
        return self.is_one_of(self.proxy.held)

    def asks(self, data: bytes) -> None:
        """The client has sent something."""
        if _SUBSCRIBE in data:
            self.pubsub = True
        if self.is_one_of(self.proxy.forgetting) and all(word in data for word in self.proxy.forgetting_to):
            self.forgot = True

    def flow(self) -> None:
        self.client.flow()
        self.redis.flow()

    def abort(self) -> None:
        self.proxy.closed(self)
        for side in (self.client, self.redis):
            if side.transport is not None:
                side.transport.abort()


class _Side(asyncio.Protocol):
    """What one end sends, on its way to the other; None is its end."""

    def __init__(self, link: _Link) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side = self
        self._link = link
        self._waiting: deque[tuple[float, bytes | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self is self._link.client:
            self._link.proxy.opened(self._link)
        self.other.flow()

    def data_received(self, data: bytes) -> None:
        if self is self._link.client:
            self._link.asks(data)
        elif self._link.forgot:
            return
        self._send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._send(None)

    def _send(self, data: bytes | None) -> None:
        self._waiting.append((asyncio.get_running_loop().time() + self._link.proxy.delay_s, data))
        self.flow()

    def flow(self) -> None:
        """Pass on what may go now."""
        loop = asyncio.get_running_loop()
        while self._waiting and not self._link.held and self.other.transport is not None:
            due, data = self._waiting[0]
            if due > loop.time():
                if self._timer is None or self._timer.cancelled() or self._timer.when() < loop.time():
                    self._timer = loop.call_at(due, self.flow)
                return
            self._waiting.popleft()
            if data is None:
                self._link.proxy.closed(self._link)
                self.other.transport.close()
            elif not self.other.transport.is_closing():
                self.other.transport.write(data)
