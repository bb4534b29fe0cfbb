"""What is kept of a session: while it lives, and for a while after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hub.domain.roles import Kind, Principal
from hub.domain.rooms import KITCHEN, Room
from hub.eventlog.sessions import SessionStore
from hub.fanout.frames import Frame
from hub.fanout.recovery import Kept, Recovery
from hub.fanout.replay import Place
from hub.fanout.session import Session
from tests.fanout.house import House, until

ORDER = Room.order("PED1")
KEEP_S = 1.0


class Wire:
    """Stands for a connection."""

    unsent_bytes = 0
    address = "203.0.113.7"

    def deliver(self, frame: Frame) -> None:
        """Nobody is there to read it."""


def a_session(name: str = "ana") -> Session:
    wire: Any = Wire()
    session = Session(name, f"pid-of-{name}", wire)
    session.held = Principal(kind=Kind.CUSTOMER, orders=frozenset({"PED1"}))
    return session


class Office:
    """A recovery over a house, and the sessions that live."""

    def __init__(self, house: House, keep_s: float) -> None:
        self.store = SessionStore(house.log.calls, house.log.keys)
        self.recovery = Recovery(self.store, house.relay, keep_s, lambda outcome: None)
        self.living: list[Session] = []

    async def found(self, session: Session) -> bool:
        return await self.store.find(session.pid) is not None


@asynccontextmanager
async def open_office(house: House, keep_s: float = KEEP_S) -> AsyncIterator[Office]:
    office = Office(house, keep_s)
    running = asyncio.create_task(office.recovery.run(office.living))
    yield office
    running.cancel()
    await asyncio.wait([running])


def test_what_is_kept_is_read_as_it_was_written() -> None:
    rooms = {KITCHEN: Place(7, 3), ORDER: Place(0, 0, frozenset({"order.ready"}))}
    kept = Kept("sid", "u1", frozenset({"PED1"}), frozenset({"C1"}), "abcd1234", rooms)
    assert Kept.load(kept.dump()) == kept


async def test_a_session_is_kept_from_its_first_room_on_with_its_filter_and_what_it_was_shown(house: House) -> None:
    office, session = Office(house, KEEP_S), a_session()
    await office.recovery.keep(session)
    assert not await office.found(session)
    offset = await house.say(KITCHEN)
    await house.enter(session, KITCHEN, only=frozenset({"stock.out"}))
    await office.recovery.keep(session)
    kept = await office.recovery.find(session.pid)
    assert kept is not None
    assert kept.rooms == {KITCHEN: Place(offset, 0, frozenset({"stock.out"}))}
    assert (kept.sid, kept.who, kept.orders) == ("ana", "", {"PED1"})
    house.relay.leave(session.id, KITCHEN)
    await office.recovery.keep(session)
    assert not await office.found(session)


async def test_a_session_stays_kept_while_it_lives_and_not_for_ever_after(house: House) -> None:
    async with open_office(house) as office:
        lives, gone = a_session("lives"), a_session("gone")
        for session in (lives, gone):
            await house.enter(session, KITCHEN)
            await office.recovery.keep(session)
        office.living.append(lives)
        async with asyncio.timeout(10):
            while await office.found(gone):
                await house.log.ping()
        assert await office.found(lives)


async def test_a_redis_that_has_lost_everything_is_told_of_the_sessions_again(house: House) -> None:
    async with open_office(house, keep_s=60) as office:
        session = a_session()
        office.living.append(session)
        await house.enter(session, KITCHEN)
        await office.recovery.keep(session)
        before = session.kept
        await house.redis.flushall()
        await house.say(KITCHEN)
        await until(lambda: session.kept != before)  # its room has begun anew: that is looked at once
        kept = await office.recovery.find(session.pid)
        assert kept is not None
        assert kept.epoch == (await house.log.position()).epoch


async def test_a_goodbye_forgets_the_session(house: House) -> None:
    async with open_office(house, keep_s=60) as office:
        session = a_session()
        await house.enter(session, KITCHEN)
        await office.recovery.keep(session)
        office.recovery.part(session)
        async with asyncio.timeout(10):
            while await office.found(session):
                await house.log.ping()


async def test_recovery_can_be_switched_off(house: House) -> None:
    async with open_office(house, keep_s=0) as office:
        session = a_session()
        await house.enter(session, KITCHEN)
        await office.recovery.keep(session)
        assert not await office.found(session)
        assert await office.recovery.find(session.pid) is None
