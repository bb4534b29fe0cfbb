"""The Socket.IO door: who is let in, what they are told first, and their commands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError

from hub import __version__
from hub.config import Settings
from hub.domain.commands import Connect, JoinRoom, LeaveRoom
from hub.domain.errors import BadRequest, ComandaError, NotFound, Unavailable, UnreadableDocument
from hub.domain.roles import Principal
from hub.domain.rooms import Cursor, Room, RoomKind
from hub.eventlog.log import EventLog
from hub.fanout.entries import Resumed
from hub.fanout.origins import Connections, Origins
from hub.fanout.recovery import Recovery, Return
from hub.fanout.relay import Relay
from hub.fanout.server import Accepted, After, Answer, Server
from hub.fanout.session import Session
from hub.fanout.siblings import Siblings
from hub.fanout.stored_session import StoredSession
from hub.gateways.answers import as_error, refused
from hub.gateways.caller import Caller, Desk
from hub.gateways.peer import Proxies
from hub.services.access import Access

logger = structlog.get_logger(__name__)

# Clients let in side by side; the others wait. Were two thousand asked about at once, Redis would answer none of them
# within its deadline, and all would come back to ask again.
_ENTERING = 32
_MOVES = (JoinRoom.name, LeaveRoom.name)


class SocketIoDoor:
    """`/socket.io/`, namespace `/`.

    Args:
        siblings: The other processes of the port, if several share it: a long-polling client's requests land on any.
    """

    def __init__(
        self,
        settings: Settings,
        log: EventLog,
        relay: Relay,
        access: Access,
        desk: Desk,
        origins: Origins,
        connections: Connections,
        proxies: Proxies,
        recovery: Recovery,
        *,
        siblings: Siblings | None = None,
    ) -> None:
        self._branch = settings.branch
        self._log = log
        self._relay = relay
        self._access = access
        self._desk = desk
        self.server = Server(
            limits=settings.limits,
            origins=origins,
            connections=connections,
            address=proxies.address,
            on_connect=self._connect,
            on_command=self._command,
            on_disconnect=self._disconnect,
            siblings=siblings,
        )
        self._recovery = recovery
        self._entering = asyncio.Semaphore(_ENTERING)

    def attach(self, app: web.Application) -> None:
        self.server.attach(app)

    async def _connect(self, session: Session, payload: Mapping[str, Any]) -> Accepted:
        try:
            asked = Connect.model_validate(payload)
        except ValidationError as exc:
            raise as_error(exc) from exc
        if asked.branch not in (None, self._branch):
            raise NotFound("there is no such branch here")
        async with self._entering:
            if session.socket.closed:  # it has not waited so long
                raise Unavailable("the connection is gone")
            return await self._admit(session, asked)

    async def _admit(self, session: Session, asked: Connect) -> Accepted:
        principal = replace(await self._access.principal(asked.token), address=session.address)
        session.held = principal
        resumed = await self._resume(session, asked, principal) if asked.pid else None
        position = resumed.cursor if resumed is not None else await self._log.position()
        caller = session.state = Caller(self._desk, principal, session.address)
        caller.held = session.held
        welcome = {
            "branch": self._branch,
            "epoch": position.epoch,
            "principal": principal.public(),
            "server": {"name": "comanda", "version": __version__},
        }
        if resumed is None:
            return Accepted(welcome, str(position), lambda: None)
        # Should it break now, it comes back to where it was: it has been told nothing of what it missed.
        return Accepted(welcome, asked.offset or "", resumed.begin)

    async def _resume(self, session: Session, asked: Connect, principal: Principal) -> Resumed | None:
        """Bring back the session the client had before; None if it has to begin anew.

        Raises:
            RateLimited: The address has read too much. The connection is closed, and the client tries again.
            Unavailable: Not just now; the same.
        """
        stored, cursor = await self._recovery.find(asked.pid), _cursor(asked.offset)
        if isinstance(stored, Return):
            self._recovery.not_resumed(stored)
            return None
        if cursor is None or stored.who != principal.id:
            self._recovery.not_resumed(Return.UNKNOWN)
            return None
        reads = self._desk.reads
        reads.admit(principal, len(stored.rooms))
        try:
            session.held = await self._permit(principal, stored)
            resumed = await self._recovery.resume(session, stored, asked.pid or "", cursor)
            reads.count(principal, resumed.size_bytes)
            return resumed
        except UnreadableDocument:
            self._recovery.not_resumed(self._recovery.unreadable("documents"))
        except ComandaError as error:
            if error.retryable:
                raise
            self._recovery.not_resumed(Return.REFUSED)
        except Exception:  # a fault of ours: closing would bring the client back to the same fault, again and again
            logger.exception("recovery.session_not_resumed", sid=session.id)
            self._recovery.not_resumed(Return.UNREADABLE)
        session.held = principal
        return None

    async def _permit(self, principal: Principal, stored: StoredSession) -> Principal:
        """The principal, if it may still be in all its rooms."""
        held = await self._access.holding(principal, stored.orders, stored.chats)
        # The orders it holds have just been looked at.
        others = [room for room in stored.rooms if room.kind is not RoomKind.ORDER or room.id not in stored.orders]
        await asyncio.gather(*(self._access.require_room(held, room) for room in others))
        return held

    async def _command(self, session: Session, name: str, payload: Any) -> tuple[Answer, After | None]:
        caller: Caller = session.state
        answer, then = await caller.answer(session, name, payload)
        if name in _MOVES and answer["ok"]:
            session.held = caller.held
            try:
                await self._recovery.keep(session)
            except ComandaError as error:
                if name == JoinRoom.name:  # what is not kept would be missing without a word after a return
                    self._relay.leave(session.id, Room.parse(payload["room"]))
                    answer = refused(error)
        return answer, then

    def _disconnect(self, session: Session) -> None:
        self._relay.leave_all(session.id)
        if session.parted:
            self._recovery.part(session)


def _cursor(text: str | None) -> Cursor | None:
    """Where a client says it is; it may say anything."""
    try:
        return Cursor.parse(text) if text else None
    except BadRequest:
        return None
