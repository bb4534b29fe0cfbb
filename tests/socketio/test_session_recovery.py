"""What is kept of a session: while it lives, and for a while after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.core.cursor import Cursor
from hub.core.errors import Unavailable
from hub.domain.rooms import Room
from hub.relay.direct_writer import DirectWriter
from hub.relay.frames import Batch, Frame
from hub.relay.subscription import SavedSubscription
from hub.socketio.close_reason import CloseReason
from hub.socketio.recovery import Recovery, ResumeOutcome
from hub.socketio.session import Session
from hub.socketio.stored_session import StoredSession
from hub.store.session_store import SessionStore
from tests.support.relay_harness import KITCHEN, PROMOS, RelayHarness, until

ORDER = Room.order("PED1")
KEEP_S = 1.0


class Wire:
    """Stands for a connection."""

    address = "203.0.113.7"
    sid = "wire"

    def __init__(self) -> None:
        self.closed: CloseReason | None = None

    @property
    def buffer(self) -> Wire:
        return self

    unsent_bytes = 0
    writer = DirectWriter(lambda _: b"")

    def deliver_all(self, batch: Batch) -> None:
        """Nobody is there to read them."""

    def close(self, reason: CloseReason) -> None:
        self.closed = reason

    def deliver(self, frame: Frame) -> None:
        """Nobody is there to read it."""


def a_session(name: str = "ana") -> Session:
    wire: Any = Wire()
    session = Session(name, f"pid-of-{name}", wire)
    session.identify({"who": "", "orders": ["PED1"]})
    return session


def reason_of(session: Session) -> CloseReason | None:
    """Return the reason for which a session's connection was closed."""
    wire: Any = session.connection
    reason: CloseReason | None = wire.closed
    return reason


class Office:
    """A recovery over a house, and the sessions that live."""

    def __init__(self, house: RelayHarness, keep_s: float) -> None:
        self.store = SessionStore(house.log.calls, house.log.keys)
        self.recovery = Recovery(self.store, house.relay, keep_s, lambda outcome: None)
        self.living: list[Session] = []

    async def found(self, session: Session) -> bool:
        return await self.store.find(session.pid) is not None

    async def come_back(self, session: Session, cursor: Cursor, name: str) -> Session:
        """Resume a session on another connection."""
        stored = await self.recovery.find(session.pid)
        assert isinstance(stored, StoredSession)
        back = a_session(name)
        resumed = await self.recovery.resume(back, stored, session.pid, cursor)
        resumed.begin()
        return back


@asynccontextmanager
async def open_office(house: RelayHarness, keep_s: float = KEEP_S) -> AsyncIterator[Office]:
    office = Office(house, keep_s)
    running = asyncio.create_task(office.recovery.run(office.living))
    yield office
    running.cancel()
    await asyncio.wait([running])


async def test_a_session_is_kept_from_its_first_room_on_with_its_filter_and_what_it_was_shown(
    house: RelayHarness,
) -> None:
    office, session = Office(house, KEEP_S), a_session()
    await office.recovery.save(session)
    assert not await office.found(session)
    offset = await house.say(KITCHEN)
    await house.enter(session, KITCHEN, only=frozenset({"stock.out"}))
    await office.recovery.save(session)
    kept = await office.recovery.find(session.pid)
    assert isinstance(kept, StoredSession)
    assert kept.rooms == {KITCHEN: SavedSubscription(offset, 0, frozenset({"stock.out"}))}
    assert (kept.sid, kept.identity) == ("ana", {"who": "", "orders": ["PED1"]})
    house.relay.leave(session.id, KITCHEN)
    await office.recovery.save(session)
    assert not await office.found(session)


async def test_a_session_stays_kept_while_it_lives_and_not_for_ever_after(house: RelayHarness) -> None:
    async with open_office(house) as office:
        lives, gone = a_session("lives"), a_session("gone")
        for session in (lives, gone):
            await house.enter(session, KITCHEN)
            await office.recovery.save(session)
        office.living.append(lives)
        async with asyncio.timeout(10):
            while await office.found(gone):
                await house.log.ping()
        assert await office.found(lives)


async def test_a_redis_that_has_lost_everything_is_told_of_the_sessions_again(house: RelayHarness) -> None:
    async with open_office(house, keep_s=60) as office:
        session = a_session()
        office.living.append(session)
        await house.enter(session, KITCHEN)
        await office.recovery.save(session)
        before = session.stored
        await house.redis.flushall()
        await house.say(KITCHEN)
        await until(lambda: session.stored != before)  # its room has begun anew: that is looked at once
        kept = await office.recovery.find(session.pid)
        assert isinstance(kept, StoredSession)
        assert kept.epoch == (await house.log.position()).epoch


async def test_a_goodbye_forgets_the_session(house: RelayHarness) -> None:
    async with open_office(house, keep_s=60) as office:
        session = a_session()
        await house.enter(session, KITCHEN)
        await office.recovery.save(session)
        office.recovery.forget(session)
        async with asyncio.timeout(10):
            while await office.found(session):
                await house.log.ping()


async def test_recovery_can_be_switched_off(house: RelayHarness) -> None:
    async with open_office(house, keep_s=0) as office:
        session = a_session()
        await house.enter(session, KITCHEN)
        await office.recovery.save(session)
        assert not await office.found(session)
        assert await office.recovery.find(session.pid) is ResumeOutcome.UNKNOWN


async def test_a_dead_connection_does_not_write_over_the_one_that_took_its_place(house: RelayHarness) -> None:
    office, dead = Office(house, KEEP_S), a_session()
    await house.enter(dead, KITCHEN)
    await office.recovery.save(dead)
    alive = await office.come_back(dead, await house.log.position(), "alive")
    stored = await office.store.find(dead.pid)
    await house.enter(dead, PROMOS)
    await office.recovery.save(dead)
    assert await office.store.find(dead.pid) == stored
    assert (dead.stored, reason_of(dead)) == ("", CloseReason.REPLACED)
    assert (alive.pid, reason_of(alive)) == (dead.pid, None)


async def test_a_dead_connection_is_closed_when_its_session_lives_elsewhere(house: RelayHarness) -> None:
    async with open_office(house, keep_s=0.2) as office:
        dead = a_session()
        await house.enter(dead, KITCHEN)
        await office.recovery.save(dead)
        await office.come_back(dead, await house.log.position(), "alive")
        office.living.append(dead)
        await until(lambda: reason_of(dead) is not None)
        assert reason_of(dead) is CloseReason.REPLACED


async def test_the_late_goodbye_of_a_dead_connection_ends_nothing(house: RelayHarness) -> None:
    async with open_office(house, keep_s=60) as office:
        dead, last = a_session(), a_session("last")
        for session in (dead, last):
            await house.enter(session, KITCHEN)
            await office.recovery.save(session)
        await office.come_back(dead, await house.log.position(), "alive")
        office.recovery.forget(dead)
        office.recovery.forget(last)  # in this order
        async with asyncio.timeout(10):
            while await office.found(last):
                await house.log.ping()
        assert await office.found(dead)


@pytest.mark.parametrize("how", ["goodbye", "left its rooms", "reset"])
async def test_a_dead_connection_does_not_bring_back_what_ended_elsewhere(house: RelayHarness, how: str) -> None:
    async with open_office(house, keep_s=60) as office:
        dead = a_session()
        await house.enter(dead, KITCHEN)
        await office.recovery.save(dead)
        position = await house.log.position()
        cursor = Cursor("another", 1) if how == "reset" else position
        alive = await office.come_back(dead, cursor, "alive")
        if how == "goodbye":
            office.recovery.forget(alive)
            async with asyncio.timeout(10):
                while await office.recovery.find(dead.pid) is not ResumeOutcome.UNKNOWN:
                    await house.log.ping()
        elif how == "left its rooms":
            house.relay.leave(alive.id, KITCHEN)
            await office.recovery.save(alive)
        assert await office.recovery.find(dead.pid) is ResumeOutcome.UNKNOWN
        await house.enter(dead, PROMOS)
        await office.recovery.save(dead)
        assert await office.recovery.find(dead.pid) is ResumeOutcome.UNKNOWN
        assert reason_of(dead) is CloseReason.REPLACED


async def test_of_two_connections_that_take_up_one_session_at_once_one_is_told_to_come_again(
    house: RelayHarness,
) -> None:
    office, session = Office(house, KEEP_S), a_session()
    await house.enter(session, KITCHEN)
    await office.recovery.save(session)
    stored, position = await office.recovery.find(session.pid), await house.log.position()
    assert isinstance(stored, StoredSession)
    first, second = a_session("first"), a_session("second")
    (await office.recovery.resume(first, stored, session.pid, position)).begin()
    with pytest.raises(Unavailable):
        await office.recovery.resume(second, stored, session.pid, position)
    assert not house.relay.rooms_of(second.id)
    assert (second.sid, second.pid) == ("second", "pid-of-second")
    again = await office.recovery.find(session.pid)
    assert isinstance(again, StoredSession)
    assert again.owner == first.id


async def test_a_reason_why_a_session_cannot_be_read_is_logged_once(house: RelayHarness) -> None:
    office = Office(house, KEEP_S)
    key, calls = house.log.keys.session("p"), house.log.calls
    with capture_logs() as logs:
        for stored in ('{"sid":"a"}', '{"sid":"b"}', '{"sid":"c","rooms":{}}', "["):
            await calls.call("SET", key, stored)
            assert await office.recovery.find("p") is ResumeOutcome.UNREADABLE
        await calls.call("DEL", key)
        await calls.call("HSET", key, "a", "b")
        assert await office.recovery.find("p") is ResumeOutcome.UNREADABLE
    reasons = [log["reason"] for log in logs if log["event"] == "recovery.session_unreadable"]
    assert reasons == ["rooms: missing", "rooms: none", "session: json_invalid", "internal"]
