"""The one place where a connection that redis-py has made changes hands: its transport is read here from then on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hub.store.redis import redis_py

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from hub.store.redis.address import Node
    from hub.store.redis.redis_py import Transport


class ReplyProtocol(asyncio.Protocol):
    """Receives what a connection brings: bytes from a socket, or finished replies from a fakeredis in this process.

    Reading where the bytes arrive saves two switches of tasks a reply.

    Attributes:
        connection: The connection whose transport this protocol reads; set by `open_connection`.
    """

    connection: OpenConnection

    def reply_received(self, reply: Any) -> None:
        """Take one reply of a fakeredis. An error reply comes as an exception of redis-py."""
        raise NotImplementedError


class OpenConnection:
    """An open connection to Redis, authenticated and with its database chosen.

    Attributes:
        transport: Its transport.
        node: Its server; None for a Unix socket or a fakeredis.
        parse_error: Makes redis-py's exception from the text of an error reply.
        encoding: The encoding of texts, and the way to handle bytes that are no text.
    """

    def __init__(self, connection: Any, protocol: ReplyProtocol, *, decode: bool) -> None:
        self._connection = connection  # redis-py has no nameable type for its connections
        self.node: Node | None = redis_py.node_of(connection)
        self.parse_error = redis_py.error_parser(connection)
        self.encoding = redis_py.encoding_of(connection)
        protocol.connection = self
        self.transport: Transport = redis_py.take_over(connection, protocol, decode=decode)

    def close(self) -> None:
        """Close it at once; the protocol's `connection_lost` follows."""
        self.transport.abort()
        redis_py.discard(self._connection)


async def open_connection(redis: Redis, protocol: ReplyProtocol, *, decode: bool = True) -> OpenConnection:
    """Open a connection outside the client's pool, and let a protocol read it.

    redis-py makes the connection (its server, TLS, user, password and database), with RESP2 so that replies have one
    shape with every server. It never reconnects by itself.

    Args:
        redis: From `connect`.
        decode: Replies of a fakeredis are text; otherwise bytes. A protocol decodes what it reads from a socket.

    Raises:
        RedisError, OSError: There is nothing to connect to.
    """
    connection = redis_py.new_connection(redis)
    try:
        await connection.connect()
    except BaseException:
        redis_py.discard(connection)
        raise
    return OpenConnection(connection, protocol, decode=decode)
