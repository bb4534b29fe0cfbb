"""An event stream over a transport: its reader takes what it is sent, or nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.domain.roles import ANONYMOUS
from hub.gateways.event_stream import EventStream
from hub.gateways.peer import ADDRESS, PRINCIPAL
from hub.gateways.streams import Streams
from hub.socketio.close_reason import CloseReason
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.heartbeats import Heartbeats


class Transport(asyncio.Transport):
    """A transport whose reader takes bytes when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent_bytes = 0
        self.aborted = False

    def write(self, data: Any) -> None:
        self.unsent_bytes += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def is_closing(self) -> bool:
        return self.aborted

    def close(self) -> None: ...

    def abort(self) -> None:
        self.aborted = True


class Reader:
    """A stream, its transport, and what became of it."""

    def __init__(self) -> None:
        self.streams = Streams(1_000_000, ConnectionCounter(0))
        self.transport = Transport()
        self.closed: list[EventStream] = []
        request: Any = {ADDRESS: "203.0.113.7", PRINCIPAL: ANONYMOUS}
        self.stream = EventStream(self.streams, Heartbeats(60, 60), request, self.closed.append)
        self.streams.open.admit("203.0.113.7")
        self.streams.opened(self.stream)
        self.stream.use(self.transport, is_chunked=True)


async def test_a_reader_that_takes_nothing_is_cut_off_after_a_while() -> None:
    reader = Reader()
    reader.stream.send(b"m" * 100_000)
    for _ in range(3):
        assert not reader.stream.closed
        reader.stream.ping()
    assert reader.closed == [reader.stream]
    assert reader.transport.aborted
    assert reader.streams.open.closed == {CloseReason.UNSENT: 1}


@pytest.mark.parametrize("unsent_bytes", [100_000, 0])
async def test_a_reader_that_takes_a_little_stays(unsent_bytes: int) -> None:
    reader = Reader()
    reader.stream.send(b"m" * unsent_bytes)
    for _ in range(10):
        reader.stream.ping()
        reader.transport.unsent_bytes = max(0, reader.transport.unsent_bytes - 1_000)
    assert not reader.stream.closed
    reader.stream.close(CloseReason.CLIENT)
