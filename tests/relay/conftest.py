"""A relay over a Redis, fake and real in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.support.relay_harness import RelayHarness, open_relay


@pytest.fixture
async def house(redis: Redis) -> AsyncIterator[RelayHarness]:
    async with open_relay(redis) as opened:
        yield opened
