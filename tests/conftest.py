"""Fixtures that any test may use."""

from __future__ import annotations

import gc
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hub.local_redis.data_folder import StartError
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.local_redis.fake_server import fake_redis
from hub.store import connect
from tests.support.redis import Backend, no_real_redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis


gc.disable()  # until the tests are collected: a third of that was spent on looking through what stays
_LONG = frozenset({"browser", "chaos", "deploy", "slow"})


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files whose tests take seconds first: begun last, they would keep one process busy at the end."""
    long = {item.path for item in items if _LONG.intersection(mark.name for mark in item.iter_markers())}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """Collect garbage again, of what comes from now on."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own settings out of the tests."""
    for name in tuple(os.environ):
        if name.startswith("COMANDA_"):
            monkeypatch.delenv(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def private_redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis | None]:
    """A private Redis for the whole session, on a folder of its own; None where there is no server."""
    try:
        async with EmbeddedRedis(tmp_path_factory.mktemp("data")) as redis:
            yield redis if redis.durable else None
    except StartError:
        yield None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def any_redis_url(private_redis: EmbeddedRedis | None) -> AsyncIterator[str]:
    """A real Redis where there is one, else fakeredis's server: the gateways look the same from here."""
    async with AsyncExitStack() as stack:
        yield private_redis.url if private_redis else await stack.enter_async_context(fake_redis())


@pytest.fixture
async def empty_redis_url(any_redis_url: str) -> str:
    """The URL of a Redis of either kind, emptied for this test."""
    async with connect(any_redis_url) as redis:
        await redis.flushall()
    return any_redis_url


@pytest.fixture
async def real_redis_url(private_redis: EmbeddedRedis | None) -> str:
    """The URL of a real Redis, emptied for this test."""
    if private_redis is None:
        no_real_redis("neither redis-server nor valkey-server on PATH, and no wheel with one")
        raise AssertionError
    backend = Backend("real", private_redis.url)
    await backend.client().flushall()
    await backend.aclose()
    return private_redis.url


@pytest.fixture
async def fake_backend() -> AsyncIterator[Backend]:
    """An empty fakeredis."""
    backend = Backend("fakeredis")
    yield backend
    await backend.aclose()


@pytest.fixture
async def real_backend(real_redis_url: str) -> AsyncIterator[Backend]:
    """An empty real Redis."""
    backend = Backend("real", real_redis_url)
    yield backend
    await backend.aclose()


@pytest.fixture(params=["fakeredis", "real"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of the two in turn."""
    name = "fake_backend" if request.param == "fakeredis" else "real_backend"
    found: Backend = request.getfixturevalue(name)
    return found


@pytest.fixture
def redis(backend: Backend) -> Redis:
    """A client of each of the two in turn."""
    return backend.client()
