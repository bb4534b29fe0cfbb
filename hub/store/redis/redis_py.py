"""Everything that Comanda relies on in redis-py and fakeredis beyond their documented interfaces.

`tests/store/test_redis_py.py` fails on a version that has changed any of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, cast

from redis.exceptions import ConnectionError, RedisError, ResponseError

from hub.store.redis.address import Node
from hub.store.redis.locator import FixedLocator, Locator

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from hub.store.redis.open_connection import ReplyProtocol

LOCATOR = "locator"  # the keyword argument of connections that look up their server (see `connect`)
_FIXED = FixedLocator()


class Transport(Protocol):
    """The part of asyncio's transports that is used here."""

    def write(self, data: bytes) -> None:
        """Send these bytes, or buffer them."""

    def abort(self) -> None:
        """Close the connection at once; unsent bytes are lost."""

    def is_closing(self) -> bool:
        """Return True once the connection is closed or closing."""

    def pause_reading(self) -> None:
        """Stop reading from the connection."""

    def resume_reading(self) -> None:
        """Read from the connection again."""


def locator_of(redis: Redis) -> Locator:
    """Return the locator of a client's connections."""
    pool: Any = redis.connection_pool
    found: Locator = pool.connection_kwargs.get(LOCATOR, _FIXED)
    return found


def new_connection(redis: Redis, **options: Any) -> Any:
    """Return a connection like those of a client's pool, but outside the pool, and not connected yet."""
    pool: Any = redis.connection_pool
    return pool.connection_class(**(pool.connection_kwargs | options))


def node_of(connection: Any) -> Node | None:
    """Return the server of a TCP connection; None for a Unix socket."""
    host = getattr(connection, "host", None)
    return Node(host, int(connection.port)) if host else None


def error_parser(connection: Any) -> Callable[[str], Exception]:
    """Return the function that makes redis-py's exception from the text of an error reply."""
    parse: Callable[[str], Exception] = connection._parser.parse_error
    return parse


def encoding_of(connection: Any) -> tuple[str, str]:
    """Return the encoding of texts and the way to handle bytes that are no text."""
    encoder = connection.encoder
    return encoder.encoding, encoder.encoding_errors


def take_over(connection: Any, protocol: ReplyProtocol, *, decode: bool) -> Transport:
    """Give a connected connection's transport to a protocol, which receives everything from here on."""
    writer = connection._writer
    if isinstance(writer, asyncio.StreamWriter):
        writer.transport.set_protocol(protocol)
        return cast("Transport", writer.transport)
    return _FakeTransport(connection, protocol, decode=decode)


def discard(connection: Any) -> None:
    """Close a connection at once."""
    connection._close()


def discard_all(redis: Redis) -> None:
    """Close all connections of a client at once."""
    pool: Any = redis.connection_pool
    for connection in (*pool._available_connections, *pool._in_use_connections):
        discard(connection)


class _FakeTransport:
    """A transport to a fakeredis within this process, which has queues of Python objects in place of sockets."""

    def __init__(self, connection: Any, protocol: ReplyProtocol, *, decode: bool) -> None:
        self._connection = connection
        self._protocol = protocol
        self._decode = decode
        self._writer = connection._writer
        self._closing = False
        self._reading = asyncio.create_task(self._read(), name="fakeredis")

    def write(self, data: bytes) -> None:
        self._writer.writelines([data])

    def abort(self) -> None:
        self._closing = True
        self._reading.cancel()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    async def _read(self) -> None:
        lost: Exception = ConnectionError("the connection is gone")
        try:
            while True:
                try:
                    reply = await self._connection.read_response(disable_decoding=not self._decode)
                except ResponseError as error:
                    reply = error
                self._protocol.reply_received(reply)
        except (RedisError, OSError) as error:
            lost = error
        finally:
            self._closing = True
            discard(self._connection)
            self._protocol.connection_lost(lost)
