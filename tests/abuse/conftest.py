"""Hubs to attack: in this process or in one of their own, each behind a proxy that it trusts.

The proxy is the test itself: `X-Forwarded-For` makes a request come from any address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.abuse.target import HubProcess, Target, hub_process, open_target

if TYPE_CHECKING:
    from pathlib import Path


OpenTarget = Callable[..., AbstractAsyncContextManager[Target]]
StartHub = Callable[..., HubProcess]


@pytest.fixture
def open_hub(empty_redis_url: str, tmp_path: Path) -> OpenTarget:
    """Open a hub in this process: `async with open_hub(requests_s=5, origins=(...,)) as target`."""
    return partial(open_target, empty_redis_url, tmp_path)


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
