"""Connection state recovery: what is kept of a session while its connection lives, and how it comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from hub.domain.errors import ComandaError
from hub.domain.rooms import Cursor, Room
from hub.eventlog.sessions import SessionStore
from hub.fanout.entries import Resumed
from hub.fanout.relay import Relay
from hub.fanout.replay import Place
from hub.fanout.session import Session

logger = structlog.get_logger(__name__)

_ROUNDS = 4  # times that a session is looked at while it would live on without
_RETRY_S = 1.0


class Return(StrEnum):
    """What became of a client that came back; the metric's label."""

    RECOVERED = "recovered"
    RESET = "reset"  # its rooms are as they were, what happened in them is not all there
    REFUSED = "refused"  # it may not be in one of its rooms any more
    UNKNOWN = "unknown"  # nothing was kept, or for somebody else


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept.

    Attributes:
        sid: What the client is called.
        who: The id of the principal; empty for customers.
        orders, chats: What it has shown a capability for.
        epoch: The life of the log in which it has been given the views of its rooms.
    """

    sid: str
    who: str
    orders: frozenset[str]
    chats: frozenset[str]
    epoch: str
    rooms: Mapping[Room, Place]

    @classmethod
    def of(cls, session: Session, relay: Relay) -> Kept | None:
        """What there is to keep of a session; nothing before it is in a room."""
        seats = [seat for seat in relay.rooms_of(session.id).values() if seat.settled]
        if not seats:
            return None
        epochs = {seat.epoch for seat in seats}
        return cls(
            sid=session.sid,
            who=session.held.id,
            orders=session.held.orders,
            chats=session.held.chats,
            # While some rooms have begun anew and others not yet, nobody can go on.
            epoch=epochs.pop() if len(epochs) == 1 else "",
            rooms={Room.parse(seat.room): Place(seat.since, seat.floor, seat.only) for seat in seats},
        )

    @classmethod
    def load(cls, text: str) -> Kept:
        kept: dict[str, Any] = json.loads(text)
        return cls(
            sid=kept["sid"],
            who=kept["who"],
            orders=frozenset(kept["orders"]),
            chats=frozenset(kept["chats"]),
            epoch=kept["epoch"],
            rooms={
                Room.parse(name): Place(since, floor, None if only is None else frozenset(only))
                for name, (since, floor, only) in kept["rooms"].items()
            },
        )

    def dump(self) -> str:
        rooms = {
            str(room): (place.since, place.floor, None if place.only is None else sorted(place.only))
            for room, place in self.rooms.items()
        }
        kept = {
            "sid": self.sid,
            "who": self.who,
            "orders": sorted(self.orders),
            "chats": sorted(self.chats),
            "epoch": self.epoch,
            "rooms": rooms,
        }
        return json.dumps(kept, separators=(",", ":"))


class Recovery:
    """Keeps sessions in Redis while they live, and brings them back on any hub.

    Not at a goodbye: a process that is killed says none. A session is kept from its first room on, before the answer
    to the join, and for `keep_s` after it was last seen alive.

    Args:
        keep_s: How long a client may stay away.
        counted: Told what became of each client that came back.
    """

    def __init__(self, store: SessionStore, relay: Relay, keep_s: float, counted: Callable[[Return], None]) -> None:
        self._store = store
        self._relay = relay
        self._round_s = keep_s / _ROUNDS
        self._ttl_s = keep_s + self._round_s
        self._counted = counted
        self._tasks: asyncio.TaskGroup | None = None

    async def find(self, pid: str | None) -> Kept | None:
        """What is kept of the session with this private id."""
        text = await self._store.find(pid) if pid and self._ttl_s else None
        return Kept.load(text) if text else None

    async def resume(self, session: Session, kept: Kept, pid: str, cursor: Cursor) -> Resumed:
        """Bring a session back into its rooms; it has its private id again if it gets all it missed.

        Raises:
            Unavailable: Not just now; the client may try again.
        """
        session.sid = kept.sid
        resumed = await self._relay.resume(session, kept.rooms, cursor, epoch=kept.epoch)
        if resumed.recovered:
            session.pid = pid
        else:
            await self._store.forget(pid)
        await self.keep(session)
        self._counted(Return.RECOVERED if resumed.recovered else Return.RESET)
        return resumed

    def not_resumed(self, why: Return) -> None:
        self._counted(why)

    async def keep(self, session: Session) -> None:
        """Keep the session as it is now, if that is not what is kept already.

        Raises:
            Unavailable: It could not be kept: what is kept is what it was before.
        """
        kept = Kept.of(session, self._relay)
        text = kept.dump() if kept else ""
        if not self._ttl_s or text == session.kept:
            return
        if text:
            await self._store.keep(session.pid, text, self._ttl_s)
        else:
            await self._store.forget(session.pid)
        session.kept = text

    def part(self, session: Session) -> None:
        """The session is over for good: nobody may come back to it."""
        if session.kept and self._tasks is not None:
            self._tasks.create_task(self._forget(session.pid))

    async def run(self, sessions: Iterable[Session]) -> None:
        """Keep alive the sessions of this process, until cancelled; those whose rooms have begun anew, at once."""
        told = False
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                await self._wait()
                try:
                    await self._look(sessions)
                    told = False
                except ComandaError as error:
                    if not told:
                        logger.warning("recovery.not_kept", code=error.code)
                    told = True
                    await asyncio.sleep(_RETRY_S)
                    self._relay.restarted.set()
                except Exception:  # the task's root
                    logger.exception("recovery.not_kept")

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._round_s or None):
                await self._relay.restarted.wait()
        except TimeoutError:
            pass
        self._relay.restarted.clear()

    async def _look(self, sessions: Iterable[Session]) -> None:
        living = [session for session in sessions if session.kept]
        for session in living:
            await self.keep(session)
        there = await self._store.touch([session.pid for session in living], self._ttl_s) if living else []
        for session, is_there in zip(living, there, strict=True):
            if not is_there:  # as after a flush
                session.kept = ""
                await self.keep(session)

    async def _forget(self, pid: str) -> None:
        try:
            await self._store.forget(pid)
        except ComandaError as error:
            logger.debug("recovery.not_forgotten", code=error.code)  # it ends by itself
