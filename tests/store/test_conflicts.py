"""An attempt is repeated after a version conflict, and after nothing else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from hub.core.errors import Conflict, Unavailable
from hub.store import DocKey, Document, EventLog, Write
from hub.store.conflicts import TRIES, TryAgain, VersionConflict, retry_on_conflict

KEY = DocKey("match", "final")


async def test_of_many_writers_at_once_each_one_gets_through(log: EventLog) -> None:
    async def add_one() -> int:
        found = await log.document(KEY)
        version, goals = (found.version, json.loads(found.body)) if found else (0, 0)
        document = Document(KEY, version + 1, json.dumps(goals + 1))
        await log.commit(replace(Write(documents=(document,)), expects=((KEY, version),)))
        return version + 1

    versions = await asyncio.gather(*(retry_on_conflict(add_one) for _ in range(5)))
    assert sorted(versions) == [1, 2, 3, 4, 5]


async def test_after_eight_conflicts_the_caller_is_told_to_come_back() -> None:
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        raise VersionConflict("somebody was quicker")

    with pytest.raises(Unavailable):
        await retry_on_conflict(attempt)
    assert tries == TRIES


async def test_an_attempt_may_ask_for_another_one() -> None:
    again = [TryAgain()]

    async def attempt() -> str:
        if again:
            raise again.pop()
        return "done"

    assert await retry_on_conflict(attempt) == "done"


async def test_a_conflict_that_the_attempt_decided_on_is_not_retried() -> None:
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        raise Conflict("the match is over")

    with pytest.raises(Conflict, match="over"):
        await retry_on_conflict(attempt)
    assert tries == 1
