"""The event log on fakeredis and on a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.store import EventLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.redis import Backend


@pytest.fixture
async def make_log(backend: Backend) -> AsyncIterator[Callable[..., EventLog]]:
    """Event logs of one branch, each as another process would have it."""
    made: list[EventLog] = []

    def make(branch: str = "centro", **options: Any) -> EventLog:
        log = EventLog(backend.client(), branch, **options)
        made.append(log)
        return log

    yield make
    for log in made:
        await log.aclose()


@pytest.fixture
def log(make_log: Callable[..., EventLog]) -> EventLog:
    return make_log()
