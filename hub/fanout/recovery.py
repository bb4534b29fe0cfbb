"""Connection state recovery: what is kept of a session while its connection lives, and how it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import StrEnum

import structlog

from hub.domain.errors import ComandaError, Unavailable
from hub.domain.rooms import Cursor
from hub.eventlog.sessions import Held, SessionStore
from hub.fanout.closed import Closed
from hub.fanout.entries import Resumed
from hub.fanout.relay import Relay
from hub.fanout.session import Session
from hub.fanout.stored_session import StoredSession, UnreadableSession, ended_session

logger = structlog.get_logger(__name__)

_ROUNDS = 4  # times that a session is looked at while it would live on without
_RETRY_S = 1.0
_MAX_REASONS = 64  # that are logged


class Return(StrEnum):
    """What became of a client that came back; the metric's label."""

    RECOVERED = "recovered"
    RESET = "reset"  # its rooms are as they were, what happened in them is not all there
    REFUSED = "refused"  # it may not be in one of its rooms any more
    UNKNOWN = "unknown"  # nothing was kept, or for somebody else
    UNREADABLE = "unreadable"  # something was kept that this hub can't make sense of


class Recovery:
    """Keeps sessions in Redis while they live, and resumes them on any hub.

    A session is stored from its first room on, before the answer to the join, and not when its connection ends: a
    killed process could not store it then. It is kept for `keep_s` after it was last seen alive.

    One connection owns a stored session: the last one that resumed it. A connection whose session has another owner
    died unnoticed, and is closed.

    Args:
        keep_s: The longest absence, in seconds, after which a client can resume.
        counted: Called with the outcome for each client that came back.
    """

    def __init__(self, store: SessionStore, relay: Relay, keep_s: float, counted: Callable[[Return], None]) -> None:
        self._store = store
        self._relay = relay
        self._round_s = keep_s / _ROUNDS
        self._ttl_s = keep_s + self._round_s
        self._counted = counted
        self._unreadable: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None

    async def find(self, pid: str | None) -> StoredSession | Return:
        """Return the session with this private id, or the reason why there is none.

        Raises:
            Unavailable: Redis does not answer; the client may try again.
        """
        if not pid or not self._ttl_s:
            return Return.UNKNOWN
        try:
            text = await self._store.find(pid)
            stored = StoredSession.load(text) if text else None
        except ComandaError as error:
            if error.retryable:
                raise
            return self.unreadable(error.code)
        except UnreadableSession as odd:
            return self.unreadable(odd.reason)
        return Return.UNKNOWN if stored is None or stored.ended else stored

    async def resume(self, session: Session, stored: StoredSession, pid: str, cursor: Cursor) -> Resumed:
        """Bring a session back into its rooms. It keeps its private id if it gets all that it missed.

        Raises:
            Unavailable: Redis is away, or another connection resumed it at the same time; the client may try again.
        """
        own_pid = session.pid
        try:
            resumed = await self._relay.resume(session, stored.rooms, cursor, epoch=stored.epoch)
            await self._take_up(session, stored, pid, resumed.recovered)
        except Exception:  # whatever it is, the session is as it was before
            self._relay.leave_all(session.id)
            session.sid, session.pid, session.resumed = session.id, own_pid, False
            raise
        self._counted(Return.RECOVERED if resumed.recovered else Return.RESET)
        return resumed

    async def _take_up(self, session: Session, stored: StoredSession, pid: str, recovered: bool) -> None:
        """Store the session as this connection's, under its former private id or, if events are missing, a new one."""
        session.sid = stored.sid
        if recovered:
            session.pid, session.resumed = pid, True
        else:
            await self._end(pid, session, former=stored.owner)
        if not await self._write(session, former=stored.owner):
            raise Unavailable("another connection has resumed this session")

    def not_resumed(self, why: Return) -> None:
        self._counted(why)

    def unreadable(self, reason: str) -> Return:
        """Log an unreadable stored session, once for each reason; its client begins a new session."""
        if reason not in self._unreadable and len(self._unreadable) < _MAX_REASONS:
            self._unreadable.add(reason)
            logger.warning("recovery.session_unreadable", reason=reason)
        return Return.UNREADABLE

    async def keep(self, session: Session) -> None:
        """Store the session if it has changed since it was stored.

        If another connection has resumed it, close this one instead.

        Raises:
            Unavailable: It could not be stored; the former version stays.
        """
        if not await self._write(session):
            self._taken(session)

    async def _write(self, session: Session, *, former: str = "") -> bool:
        """Store the session as it is; False if another connection owns it."""
        stored = StoredSession.of(session, self._relay)
        text = stored.dump() if stored else ""
        if not self._ttl_s or text == session.kept:
            return True
        if text:
            done = await self._store.keep(session.pid, text, self._ttl_s, owner=session.id, former=former)
        else:
            done = await self._drop(session)
        if done:
            session.kept = text
        return done

    async def _drop(self, session: Session) -> bool:
        """Delete a stored session; False if another connection owns it."""
        if session.resumed:  # the former connection may not know yet that it has lost the session
            return await self._end(session.pid, session)
        return await self._store.forget(session.pid, owner=session.id)

    async def _end(self, pid: str, session: Session, *, former: str = "") -> bool:
        """Replace a stored session by a marker against its return; False if another connection owns it."""
        body = ended_session(session.sid, session.id).dump()
        return await self._store.keep(pid, body, self._ttl_s, owner=session.id, former=former)

    def _taken(self, session: Session) -> None:
        logger.info("recovery.session_taken_over", sid=session.socket.sid)
        session.kept = ""
        session.socket.shut(Closed.REPLACED)

    def part(self, session: Session) -> None:
        """The session is over for good: nobody may come back to it."""
        if session.kept and self._tasks is not None:
            self._tasks.create_task(self._forget(session))

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
        living = [session for session in living if session.kept]
        names = [(session.pid, session.id) for session in living]
        held = await self._store.touch(names, self._ttl_s) if names else []
        for session, answer in zip(living, held, strict=True):
            if answer is Held.TAKEN:
                self._taken(session)
            elif answer is Held.GONE:  # as after a flush
                session.kept = ""
                await self.keep(session)

    async def _forget(self, session: Session) -> None:
        try:
            await self._drop(session)
        except ComandaError as error:
            logger.debug("recovery.not_forgotten", code=error.code)  # it ends by itself
