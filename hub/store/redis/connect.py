"""A client of Redis, set up for the event log."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError, NoPermissionError, RedisError, ResponseError

from hub.store.redis.address import Engine, Node, RedisAddress, parse_address
from hub.store.redis.locator import ClusterLocator, Locator, SentinelLocator
from hub.store.redis.redis_py import LOCATOR, discard_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


def connect(
    url: str,
    *,
    branch: str = "",
    deadline_s: float = 2.0,
    max_connections: int = 32,
    decode_responses: bool = True,
) -> Redis:
    """Return a client that never repeats a command by itself: a lost reply is not a lost command.

    Args:
        url: See `parse_address`. Behind Sentinels, each connection goes to the present primary; in a cluster, to the
            present owner of the branch's slot.
        branch: The branch whose keys are used; a cluster needs it.
        deadline_s: For connecting, and for a free connection. Not for replies: callers set that limit
            around the call. (A `socket_timeout` costs a task a command on Python 3.11.)
        decode_responses: The event log wants text; a pub/sub reader may prefer bytes.

    Raises:
        ValueError: The URL is wrong.
    """
    options = connection_options(parse_address(url), branch, deadline_s) | {"decode_responses": decode_responses}
    pool = BlockingConnectionPool(max_connections=max_connections, timeout=deadline_s, **options)
    return Redis.from_pool(pool)


@asynccontextmanager
async def connected(url: str, *, branch: str = "", deadline_s: float) -> AsyncIterator[Redis]:
    """A client for a few commands; the arguments are those of `connect`.

    Its connections are closed when the context ends, even if a cancellation or a timeout ends it. redis-py's own
    context closes them in a task: a cancellation leaves that task behind, and its connections open.
    """
    redis = connect(url, branch=branch, deadline_s=deadline_s)
    try:
        yield redis
    finally:
        discard_all(redis)


def check_url(url: str) -> None:
    """Check a Redis URL without connecting.

    Raises:
        ValueError: The URL is wrong.
    """
    connection_options(parse_address(url), "", 1.0)


def connection_options(address: RedisAddress, branch: str, deadline_s: float) -> dict[str, Any]:
    """Return redis-py's keyword arguments for a client of an address.

    Raises:
        ValueError: An option of the URL is unknown, or its value is wrong.
    """
    ours = _of_ours(deadline_s)
    options = dict(address.options) | ours
    locator = _locator(address, branch, ours)
    if locator is not None:
        own = LocatedTlsConnection if options.get("connection_class") is SSLConnection else LocatedConnection
        options |= {"connection_class": own, LOCATOR: locator}
    _check(options)
    return options


def _of_ours(deadline_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": None,
        "socket_connect_timeout": deadline_s,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        # RESP2 needs no HELLO, and its replies have one shape with every server.
        "protocol": 2,
        "driver_info": None,
    }


def _check(options: Mapping[str, Any]) -> None:
    """Make a connection that is never opened: redis-py refuses options that it does not know."""
    kind = options.get("connection_class", Connection)
    try:
        kind(**{key: value for key, value in options.items() if key != "connection_class"})
    except TypeError as exc:
        name = re.search(r"unexpected keyword argument '(\w+)'", str(exc))
        raise ValueError(f"a Redis URL has no option {name[1]!r}" if name else str(exc)) from exc
    except RedisError as exc:
        raise ValueError(str(exc)) from exc


def _locator(address: RedisAddress, branch: str, ours: Mapping[str, Any]) -> Locator | None:
    if address.engine is Engine.SINGLE:
        return None
    about_nodes = address.sentinel_options if address.engine is Engine.SENTINEL else address.options
    options = {**about_nodes, **ours, "decode_responses": True}
    kind = options.pop("connection_class", Connection)

    async def ask(node: Node, commands: Sequence[Sequence[str]]) -> list[Any]:
        return await _ask(kind(host=node.host, port=node.port, **options), commands)

    if address.engine is Engine.SENTINEL:
        _check({**options, "connection_class": kind})
        return SentinelLocator(address.nodes, address.primary_name, ask)
    return ClusterLocator(address.nodes, key_slot(f"{{{branch}}}".encode()), ask)


async def _ask(connection: Connection, commands: Sequence[Sequence[str]]) -> list[Any]:
    """Send commands over a connection of their own; a reply that is an error is returned as one."""
    replies: list[Any] = []
    try:
        async with asyncio.timeout(connection.socket_connect_timeout):
            await connection.connect()  # type: ignore[no-untyped-call]
            for command in commands:
                await connection.send_command(*command)
                try:
                    replies.append(await connection.read_response())
                except ResponseError as error:
                    replies.append(error)
    finally:
        await connection.disconnect(nowait=True)
    return replies


class LocatedConnection(Connection):
    """A connection to the server that its locator names when it connects, and only if that server takes writes."""

    def __init__(self, *, locator: Locator, **options: Any) -> None:
        super().__init__(**options)
        self._locator = locator

    async def connect(self) -> None:
        """Connect to the current primary; does nothing if connected."""
        if self.is_connected:
            return
        node = await self._locator.locate()
        primary = await self._connect_to(node)
        if primary is not None:
            # An operator made it a replica. Sentinels take some twenty seconds to notice, so follow it to its primary.
            node = primary
            if await self._connect_to(node) is not None:
                raise ConnectionError(f"{node} is a replica, or not ready yet")
        self._locator.reached(node)

    async def _connect_to(self, node: Node) -> Node | None:
        """Connect to a server, and stay connected if it takes writes.

        Returns:
            The server's primary if it is a replica; otherwise None.

        Raises:
            RedisError, OSError: There is nothing to connect to, or a replica without its primary.
        """
        self.host, self.port = node.host, node.port
        await super().connect()  # type: ignore[no-untyped-call]
        stays = False
        try:
            await self.send_command("ROLE")
            role = [_text(part) for part in await self.read_response()]
            stays = role[0] == "master"
        except NoPermissionError:
            stays = True
        finally:
            if not stays:
                await self.disconnect(nowait=True)
        if stays:
            return None
        if role[0] != "slave" or role[3] != "connected":
            raise ConnectionError(f"{node} is a replica, or not ready yet")
        return Node(role[1], int(role[2]))


class LocatedTlsConnection(LocatedConnection, SSLConnection):
    """The same with TLS."""


def _text(part: Any) -> str:
    return part.decode() if isinstance(part, bytes) else str(part)
