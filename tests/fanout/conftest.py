"""A house over a Redis, fake and real in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.fanout.house import House, open_house


@pytest.fixture
async def house(redis: Redis) -> AsyncIterator[House]:
    async with open_house(redis) as opened:
        yield opened
