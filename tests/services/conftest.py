"""One branch a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.services_harness import Branch, open_branch


@pytest.fixture
async def branch() -> AsyncIterator[Branch]:
    async with open_branch() as opened:
        yield opened
