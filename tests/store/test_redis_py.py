"""The private parts of redis-py and fakeredis that Comanda relies on: these fail on a version that has changed them."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from fakeredis import FakeAsyncRedis
from redis.exceptions import MovedError, ReadOnlyError, ResponseError

from hub.store import connect
from hub.store.redis import redis_py
from hub.store.redis.address import Node
from hub.store.redis.open_connection import ReplyProtocol, open_connection

if TYPE_CHECKING:
    from tests.support.redis import Backend

HINT = "this version of redis-py or fakeredis is not the one that hub/store/redis/redis_py.py was written for"


class Received(ReplyProtocol):
    """Keeps what comes, as bytes from a socket or as an object from a fakeredis."""

    def __init__(self) -> None:
        self.replies: asyncio.Queue[Any] = asyncio.Queue()
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.replies.put_nowait(data)

    def reply_received(self, reply: Any) -> None:
        self.replies.put_nowait(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def test_a_connection_of_redis_py_hands_over_its_transport(real_backend: Backend) -> None:
    protocol = Received()
    connection = await open_connection(real_backend.client(), protocol)
    async with asyncio.timeout(5):
        connection.transport.write(b"*1\r\n$4\r\nPING\r\n")
        assert await protocol.replies.get() == b"+PONG\r\n", HINT
        connection.close()
        await protocol.lost.wait()


async def test_a_client_closes_its_free_connections_and_those_in_use_at_once(real_backend: Backend) -> None:
    client = real_backend.client()
    free, used = [await client.connection_pool.get_connection() for _ in range(2)]
    await client.connection_pool.release(free)
    redis_py.discard_all(client)
    assert not free.is_connected, HINT
    assert not used.is_connected, HINT


async def test_a_fakeredis_hands_over_its_queue_of_replies() -> None:
    for decode, told in ((True, "1"), (False, b"1")):
        protocol = Received()
        connection = await open_connection(FakeAsyncRedis(decode_responses=True), protocol, decode=decode)
        async with asyncio.timeout(5):
            connection.transport.write(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n")
            connection.transport.write(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
            connection.transport.write(b"*1\r\n$7\r\nNOTHING\r\n")
            await protocol.replies.get()
            assert await protocol.replies.get() == told, HINT
            assert isinstance(await protocol.replies.get(), ResponseError), HINT
            connection.close()
            await protocol.lost.wait()


async def test_a_connection_has_the_parts_that_are_taken_from_it() -> None:
    client = connect("redis://127.0.0.1:7000")
    connection = redis_py.new_connection(client)
    assert redis_py.node_of(connection) == Node("127.0.0.1", 7000), HINT
    assert redis_py.encoding_of(connection) == ("utf-8", "strict"), HINT
    parse = redis_py.error_parser(connection)
    assert type(parse("MOVED 1 127.0.0.1:7001")) is MovedError, HINT
    assert type(parse("READONLY You can't write against a read only replica.")) is ReadOnlyError, HINT
    for part in ("_writer", "_reader", "_parser", "_close"):
        assert hasattr(connection, part), HINT
    assert inspect.iscoroutinefunction(connection.connect), HINT
    redis_py.discard(connection)
    await client.aclose()
