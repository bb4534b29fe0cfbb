"""The private parts of aiohttp and python-socketio that this package relies on: each is there, and works as assumed."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from aiohttp import web
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.web_protocol import RequestHandler

from hub.socketio import packets
from hub.socketio.aiohttp_internals import Arrivals, TakenOver, frame_reader, take_over, watch_disconnect
from tests.support.wire import BINARY, CLOSE, PING, PONG, frame, wire

SOON_S = 5.0
GET = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Served:
    """An aiohttp server whose only handler is a test's."""

    def __init__(self, handler: Any) -> None:
        app = web.Application()
        app.router.add_get("/", handler)
        self.runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> str:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()


class Echo(asyncio.Protocol):
    """Sends back what arrives."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"<" + data + b">")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def test_a_transport_is_taken_over_with_what_was_sent_early_and_the_server_forgets_it() -> None:
    taken = asyncio.get_running_loop().create_future()

    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0)  # the early bytes are with the server's protocol
        transport = request.transport
        assert transport is not None
        early = take_over(request)
        echo = Echo(transport)
        transport.set_protocol(echo)
        transport.write(b"taken:" + early)
        taken.set_result(echo)
        return TakenOver()

    served = Served(handler)
    async with served as url, wire(url) as client, asyncio.timeout(SOON_S):
        await client.send(UPGRADE + b"early")
        assert await client.reader.readexactly(11) == b"taken:early"
        assert served.runner.server is not None
        assert served.runner.server.connections == []
        await client.send(b"later")
        assert await client.reader.readexactly(7) == b"<later>"
        client.writer.transport.abort()
        await (await taken).lost.wait()


async def test_a_reader_that_leaves_under_an_answer_is_noticed_before_the_next_write() -> None:
    left = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.force_close()
        await response.prepare(request)
        watch_disconnect(request, left.set)
        await left.wait()
        return response

    async with Served(handler) as url, wire(url) as client, asyncio.timeout(SOON_S):
        await client.send(GET)
        await client.reader.readuntil(b"\r\n\r\n")
        await client.send(b"what a reader says is ignored")
        client.writer.transport.abort()
        await left.wait()


def read(data: bytes, message_bytes: int = 100) -> tuple[list[Any], int]:
    """Read frames; return the kinds and contents of the messages, and the close code behind them."""
    arrivals = Arrivals()
    frame_reader(arrivals, message_bytes).feed_data(data)
    messages, code = arrivals.take()
    assert arrivals.take() == ([], 0)
    return [(message.type.name, message.data) for message in messages], code


@pytest.mark.parametrize(
    ("data", "messages", "code"),
    [
        (frame("ñ".encode()), [("TEXT", "ñ")], 0),
        (frame(b"a", fin=False) + frame(b"b", 0), [("TEXT", "ab")], 0),
        (frame(b"x", BINARY), [("BINARY", b"x")], 0),
        (frame(b"p", PING) + frame(b"q", PONG), [("PING", b"p"), ("PONG", b"q")], 0),
        (frame(b"\x03\xe8bye", CLOSE), [("CLOSE", 1000)], 0),
        (frame(b"x" * 100), [("TEXT", "x" * 100)], 0),
        (frame(b"x" * 101), [], 1009),
        (frame(b"ok") + frame(b"\xff"), [("TEXT", "ok")], 1007),
        (frame(b"x", rsv=4), [], 1002),
        (frame(b"x", 5), [], 1002),
    ],
    ids=["text", "parts", "binary", "control", "close", "the largest", "too large", "no text", "packed", "unknown"],
)
def test_frames_are_read_into_arrivals_with_the_code_of_a_violation(
    data: bytes, messages: list[Any], code: int
) -> None:
    assert read(data) == (messages, code)


def test_the_methods_that_are_replaced_exist_with_these_parameters() -> None:
    def parameters(function: Any) -> list[str]:
        return list(inspect.signature(function).parameters)

    assert parameters(RequestHandler.set_parser)[1:2] == ["parser"]
    assert parameters(RequestHandler.connection_lost) == ["self", "exc"]
    assert hasattr(RequestHandler, "transport")
    for name in ("feed_data", "set_exception"):
        assert hasattr(WebSocketDataQueue, name), name
    assert {"prepare", "write_eof"} <= set(vars(web.StreamResponse))


def test_the_packet_types_are_those_of_the_protocols() -> None:
    engine = (packets.OPEN, packets.CLOSE, packets.PING, packets.PONG, packets.MESSAGE, packets.UPGRADE, packets.NOOP)
    assert engine == ("0", "1", "2", "3", "4", "5", "6")
    assert (packets.CONNECT, packets.DISCONNECT, packets.EVENT, packets.ACK, packets.CONNECT_ERROR) == (0, 1, 2, 3, 4)


def test_packets_are_decoded_and_encoded_by_python_socketio_as_assumed() -> None:
    assert packets.decode('27["echo",{"n":1}]') == packets.Packet(packets.EVENT, "/", 7, ["echo", {"n": 1}])
    assert packets.decode("0/admin,") == packets.Packet(packets.CONNECT, "/admin", None, None)
    assert packets.decode('0{"token":"t"}').data == {"token": "t"}
    for text in ("", "9", "2[", "2" + "[" * 30_000, '2٣["x"]'):
        with pytest.raises(packets.MalformedPacket):
            packets.decode(text)
    for text in ('51-["x",{"_placeholder":true,"num":0}]', "61-1[]"):
        with pytest.raises(packets.BinaryPacket):
            packets.decode(text)
