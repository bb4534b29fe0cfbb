"""A branch on fakeredis for the agent's tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakeredis import FakeAsyncRedis

from tests.support.chat import Branch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.redis import Backend

# LlamaIndex's workflow looks through the attributes of its agent, pydantic's deprecated ones among them.
_INSPECTED = [
    f"ignore::pydantic.warnings.{name}:inspect" for name in ("PydanticDeprecatedSince20", "PydanticDeprecatedSince211")
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for line in _INSPECTED:
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture
async def branch(fake_backend: Backend) -> AsyncIterator[Branch]:
    # As `connect` has it: with a socket_timeout redis-py uses `wait_for`, which on Python 3.11 may swallow
    # a cancellation; and these tests kill workers by cancelling them.
    redis = FakeAsyncRedis(server=fake_backend.server, decode_responses=True, socket_timeout=None)
    branch = Branch(redis)
    yield branch
    await branch.log.aclose()
    await redis.aclose()
