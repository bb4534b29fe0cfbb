"""Hubs to attack: in this process or in one of their own, each behind a proxy that it trusts.

The proxy is the test itself: `X-Forwarded-For` makes a request come from any address.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hub.eventlog import connect
from hub.eventlog.fake import fake_redis
from tests.abuse.target import HubProcess, Target, hub_process, open_target

if TYPE_CHECKING:
    from pathlib import Path

    from hub.eventlog.embedded import EmbeddedRedis

OpenTarget = Callable[..., AbstractAsyncContextManager[Target]]
StartHub = Callable[..., HubProcess]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own settings out of the tests."""
    for name in tuple(os.environ):
        if name.startswith("COMANDA_"):
            monkeypatch.delenv(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def any_redis_url(private_redis: EmbeddedRedis | None) -> AsyncIterator[str]:
    """A real Redis where there is one, else fakeredis's server."""
    async with AsyncExitStack() as stack:
        yield private_redis.url if private_redis else await stack.enter_async_context(fake_redis())


@pytest.fixture
async def redis_url(any_redis_url: str) -> str:
    """The URL of a Redis, emptied for this test."""
    async with connect(any_redis_url) as redis:
        await redis.flushall()
    return any_redis_url


@pytest.fixture
def open_hub(redis_url: str, tmp_path: Path) -> OpenTarget:
    """Open a hub in this process: `async with open_hub(requests_s=5, origins=(...,)) as target`."""
    return partial(open_target, redis_url, tmp_path)


@pytest.fixture
async def hub(open_hub: OpenTarget) -> AsyncIterator[Target]:
    """A hub in this process with the default limits."""
    async with open_hub() as target:
        yield target


@pytest.fixture
def start_hub(tmp_path: Path) -> Iterator[StartHub]:
    """Start hubs in processes of their own: `start_hub(COMANDA_LIMIT_ROOMS="3")`; they end with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(hub_process(tmp_path, **settings))
