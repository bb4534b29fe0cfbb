"""Redis for tests: the same code on fakeredis and on a real one."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from hub.store import connect

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Backend:
    """One empty Redis, and any number of clients of it; `url` is empty for fakeredis, which has none."""

    def __init__(self, name: str, url: str = "") -> None:
        self.name = name
        self.url = url
        self.server = FakeServer()
        self._clients = AsyncExitStack()

    def client(self, *, decode_responses: bool = True) -> Redis:
        """A client of its own, closed with the test."""
        client = (
            connect(self.url, decode_responses=decode_responses)
            if self.url
            # As `connect` has it: with a socket_timeout redis-py uses `wait_for`, which on Python 3.11 may swallow a
            # cancellation, and tests cancel what they have started.
            else FakeAsyncRedis(server=self.server, decode_responses=decode_responses, socket_timeout=None)
        )
        self._clients.push_async_callback(client.aclose)
        return client

    async def aclose(self) -> None:
        await self._clients.aclose()


def no_real_redis(reason: str) -> None:
    """Skip on a developer's machine; fail where the checks must be complete."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"no real Redis: {reason}")
    pytest.skip(f"no real Redis: {reason}")
