"""A hub in this process, over an empty Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.support.hub_harness import HubHarness, running_hub

Open = Callable[..., AbstractAsyncContextManager[HubHarness]]


@pytest.fixture
def open_hub(empty_redis_url: str, tmp_path: Path) -> Open:
    """Opens a hub with these limits and settings."""
    return partial(running_hub, empty_redis_url, tmp_path)


@pytest.fixture
async def house(open_hub: Open) -> AsyncIterator[HubHarness]:
    """A hub that is in no hurry: its rates are off, its other limits as they are."""
    async with open_hub() as opened:
        yield opened
