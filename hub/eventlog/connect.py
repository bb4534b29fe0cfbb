"""One client of Redis, set up for the event log."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def connect(url: str, *, deadline_s: float = 2.0, max_connections: int = 32, decode_responses: bool = True) -> Redis:
    """A client that never repeats a command by itself: a lost reply is not a lost command.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        deadline_s: For connecting, and for a free connection. Not for replies: whoever calls sets the limit
            around the call. (A `socket_timeout` costs a task a command on Python 3.11.)
        decode_responses: The event log wants text; a pub/sub reader may prefer bytes.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=deadline_s,
        socket_timeout=None,
        socket_connect_timeout=deadline_s,
        retry=Retry(NoBackoff(), 0),
        # RESP2 needs no HELLO, and its replies have one shape with every server.
        protocol=2,
        driver_info=None,
        decode_responses=decode_responses,
    )
    return Redis.from_pool(pool)
