"""Connection state recovery: sessions are stored while their connections live, and resumed on any process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import StrEnum

import structlog

from hub.core.cursor import Cursor
from hub.core.errors import ComandaError, Unavailable
from hub.relay.join import Resume
from hub.relay.relay import Relay
from hub.socketio.close_reason import CloseReason
from hub.socketio.session import Session
from hub.socketio.stored_session import StoredSession, UnreadableSession, ended_session
from hub.store.session_store import Held, SessionStore

logger = structlog.get_logger(__name__)

_ROUNDS = 4  # refreshes of a stored session within its lifetime
_RETRY_S = 1.0
_MAX_LOGGED_REASONS = 64


class ResumeOutcome(StrEnum):
    """The outcome for a client that asks to resume a session; a label of metrics."""

    RECOVERED = "recovered"  # it gets everything that it missed
    RESET = "reset"  # it is in its rooms again, and events are missing: each room sends a reset
    REFUSED = "refused"  # it may not be in one of its rooms any more
    UNKNOWN = "unknown"  # nothing is stored, or the session of another principal
    UNREADABLE = "unreadable"  # the stored value is not a session that this hub can read


class Recovery:
    """Stores sessions in Redis while they live, and resumes them on any process.

    A session is stored from its first room on, before the answer to the join, and not when its connection ends: a
    killed process could not store it then. It stays stored for `keep_s` after it was last seen alive.

    One connection owns a stored session: the last one that resumed it. A connection whose session has another owner
    died unnoticed, and is closed.

    Example:
        stored = await recovery.find(pid)
        if isinstance(stored, StoredSession):
            resumed = await recovery.resume(session, stored, pid, cursor)
            ...  # answer the CONNECT
            resumed.begin()

    Args:
        keep_s: The longest absence, in seconds, after which a client can resume; 0 stores nothing.
        counted: Called with the outcome for each client that asks to resume.
    """

    def __init__(
        self, store: SessionStore, relay: Relay, keep_s: float, counted: Callable[[ResumeOutcome], None]
    ) -> None:
        self._store = store
        self._relay = relay
        self._round_s = keep_s / _ROUNDS
        self._ttl_s = keep_s + self._round_s
        self._counted = counted
        self._unreadable: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None

    async def find(self, pid: str | None) -> StoredSession | ResumeOutcome:
        """Return the session with this private id, or the reason why there is none.

        Raises:
            Unavailable: Redis does not answer; the client may try again.
        """
        if not pid or not self._ttl_s:
            return ResumeOutcome.UNKNOWN
        try:
            text = await self._store.find(pid)
            stored = StoredSession.load(text) if text else None
        except ComandaError as error:
            if error.retryable:
                raise
            return self.unreadable(error.code)
        except UnreadableSession as odd:
            return self.unreadable(odd.reason)
        return ResumeOutcome.UNKNOWN if stored is None or stored.ended else stored

    async def resume(self, session: Session, stored: StoredSession, pid: str, cursor: Cursor) -> Resume:
        """Bring a session back into its rooms. It keeps its private id if it gets everything that it missed.

        Raises:
            Unavailable: Redis is away, or another connection resumed it at the same time; the client may try again.
        """
        own_pid = session.pid
        try:
            resumed = await self._relay.resume(session, stored.rooms, cursor, epoch=stored.epoch)
            await self._take_up(session, stored, pid, resumed.recovered)
        except Exception:  # on any error, restore the session as it was before
            self._relay.leave_all(session.id)
            session.undo_resume(own_pid)
            raise
        self._counted(ResumeOutcome.RECOVERED if resumed.recovered else ResumeOutcome.RESET)
        return resumed

    async def _take_up(self, session: Session, stored: StoredSession, pid: str, recovered: bool) -> None:
        """Store the session as this connection's, under its former private id or, if events are missing, a new one."""
        session.resume_as(stored.sid, pid if recovered else None)
        if not recovered:
            await self._end(pid, session, former=stored.owner)
        if not await self._write(session, former=stored.owner):
            raise Unavailable("another connection has resumed this session")

    def count_unresumed(self, outcome: ResumeOutcome) -> None:
        """Count a client that begins a new session instead."""
        self._counted(outcome)

    def unreadable(self, reason: str) -> ResumeOutcome:
        """Log an unreadable stored session, once for each reason; its client begins a new session."""
        if reason not in self._unreadable and len(self._unreadable) < _MAX_LOGGED_REASONS:
            self._unreadable.add(reason)
            logger.warning("recovery.session_unreadable", reason=reason)
        return ResumeOutcome.UNREADABLE

    async def save(self, session: Session) -> None:
        """Store the session if it has changed since it was stored.

        If another connection has resumed it, close this one instead.

        Raises:
            Unavailable: It could not be stored; the former version stays.
        """
        if not await self._write(session):
            self._close_replaced(session)

    async def _write(self, session: Session, *, former: str = "") -> bool:
        """Store the session as it is; False if another connection owns it."""
        stored = StoredSession.of(session, self._relay)
        text = stored.dump() if stored else ""
        if not self._ttl_s or text == session.stored:
            return True
        if text:
            done = await self._store.keep(session.pid, text, self._ttl_s, owner=session.id, former=former)
        else:
            done = await self._drop(session)
        if done:
            session.mark_stored(text)
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

    def _close_replaced(self, session: Session) -> None:
        logger.info("recovery.session_taken_over", sid=session.connection.sid)
        session.mark_stored("")
        session.connection.close(CloseReason.REPLACED)

    def forget(self, session: Session) -> None:
        """Delete the stored session, in the background: it is over for good."""
        if session.stored and self._tasks is not None:
            self._tasks.create_task(self._forget(session))

    async def run(self, sessions: Iterable[Session]) -> None:
        """Keep the sessions of this process stored, until cancelled; those whose rooms were reset, at once.

        Args:
            sessions: Read again at each round.
        """
        is_failing = False
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                await self._wait()
                try:
                    await self._save_all(sessions)
                    is_failing = False
                except ComandaError as error:
                    if not is_failing:
                        logger.warning("recovery.save_failed", code=error.code)
                    is_failing = True
                    await asyncio.sleep(_RETRY_S)
                    self._relay.restarted.set()
                except Exception:  # the task's root
                    logger.exception("recovery.save_failed")

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._round_s or None):
                await self._relay.restarted.wait()
        except TimeoutError:
            pass
        self._relay.restarted.clear()

    async def _save_all(self, sessions: Iterable[Session]) -> None:
        """Store each session that has changed, and let none of them expire."""
        living = [session for session in sessions if session.stored]
        for session in living:
            await self.save(session)
        living = [session for session in living if session.stored]
        names = [(session.pid, session.id) for session in living]
        answers = await self._store.touch(names, self._ttl_s) if names else []
        for session, answer in zip(living, answers, strict=True):
            if answer is Held.TAKEN:
                self._close_replaced(session)
            elif answer is Held.GONE:  # as after a flush
                session.mark_stored("")
                await self.save(session)

    async def _forget(self, session: Session) -> None:
        try:
            await self._drop(session)
        except ComandaError as error:
            logger.debug("recovery.forget_failed", code=error.code)  # it expires by itself
