"""A house over a Redis, fake and real in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop
from redis.asyncio import Redis

from tests.support.relay_harness import RelayHarness, open_relay


@pytest.fixture
async def house(redis: Redis) -> AsyncIterator[RelayHarness]:
    async with open_relay(redis) as opened:
        yield opened


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A hub runs on uvloop, the tests on asyncio's own loop; where bytes meet a transport, on both."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name == "test_websocket.py":
        factories["uvloop"] = uvloop.new_event_loop
    return factories
