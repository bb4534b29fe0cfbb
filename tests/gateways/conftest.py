"""A hub in this process, over an empty Redis."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hub.eventlog import connect
from hub.eventlog.fake import fake_redis
from tests.gateways.house import House, open_house

if TYPE_CHECKING:
    from hub.eventlog.embedded import EmbeddedRedis

Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own settings do not reach the tests."""
    for name in tuple(os.environ):
        if name.startswith("COMANDA_"):
            monkeypatch.delenv(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def any_redis_url(private_redis: EmbeddedRedis | None) -> AsyncIterator[str]:
    """A real Redis where there is one, else fakeredis's server: the doors look the same from here."""
    async with AsyncExitStack() as stack:
        yield private_redis.url if private_redis else await stack.enter_async_context(fake_redis())


@pytest.fixture
async def empty_redis_url(any_redis_url: str) -> str:
    async with connect(any_redis_url) as redis:
        await redis.flushall()
    return any_redis_url


@pytest.fixture
def open_hub(empty_redis_url: str, tmp_path: Path) -> Open:
    """Opens a hub with these limits and settings."""
    return partial(open_house, empty_redis_url, tmp_path)


@pytest.fixture
async def house(open_hub: Open) -> AsyncIterator[House]:
    """A hub that is in no hurry: its rates are off, its other limits as they are."""
    async with open_hub() as opened:
        yield opened
