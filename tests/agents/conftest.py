"""A branch on fakeredis for the agent's tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
    branch = Branch(fake_backend.client())
    yield branch
    await branch.log.aclose()
