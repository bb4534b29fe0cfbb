"""Following a room from where no relay runs: each event once, in order, for as long as was asked."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import Unavailable
from hub.store import EventLog, NewEvent, Write
from hub.store.follow import Follower

if TYPE_CHECKING:
    from tests.support.redis import Backend

ROOM = "order:PED1"


async def said(log: EventLog, type_: str, room: str = ROOM) -> int:
    body = f'{{"type":"{type_}","at":"2026-11-20T21:30:00.123Z","data":{{}}}}'
    return (await log.commit(Write(events=(NewEvent(type_, body, (room,)),)))).cursor.offset


async def test_what_was_said_before_and_what_comes_is_heard_once_in_order(backend: Backend, log: EventLog) -> None:
    follower, heard = Follower(log), []
    after = await said(log, "order.received")
    await said(log, "order.preparing")
    async with asyncio.timeout(10), aclosing(follower.follow(ROOM, after, 8)) as entries:
        async for entry in entries:
            heard.append(entry.type)
            if len(heard) == 1:  # from here on it hears by the channel
                await said(log, "order.received", "order:PED2")
                await said(log, "order.ready")
                await said(log, "order.delivered")
            if len(heard) == 3:
                break
    assert heard == ["order.preparing", "order.ready", "order.delivered"]


async def test_it_ends_with_the_last_event_or_with_its_time(backend: Backend, log: EventLog) -> None:
    follower, last = Follower(log), frozenset({"order.delivered"})
    for type_ in ("order.ready", "order.delivered", "notice.sent"):
        await said(log, type_)
    async with asyncio.timeout(10):
        until_the_end = [entry.type async for entry in follower.until(ROOM, 0, 8, last)]
        in_no_time = [entry async for entry in follower.until("order:PED2", 0, 0.05, last)]
    assert until_the_end == ["order.ready", "order.delivered"]
    assert in_no_time == []


async def test_a_redis_that_is_gone_is_said_so(fake_backend: Backend) -> None:
    log = EventLog(fake_backend.client(), "centro", deadline_s=0.2)
    fake_backend.server.connected = False
    with pytest.raises(Unavailable):
        async with asyncio.timeout(10):
            _ = [entry async for entry in Follower(log).follow(ROOM, 0, 1)]
    fake_backend.server.connected = True
    await log.aclose()
