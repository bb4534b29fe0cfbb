"""The Socket.IO gateway: accepts clients, resumes their sessions, and carries out their commands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError

from hub.config import Settings
from hub.core.cursor import Cursor
from hub.core.errors import BadRequest, ComandaError, NotFound, Unavailable, UnreadableDocument
from hub.domain.commands import Connect, JoinRoom, LeaveRoom
from hub.domain.roles import Principal
from hub.domain.rooms import Room, RoomKind
from hub.gateways.command_session import CommandContext, CommandSession
from hub.gateways.envelope import as_error, refused
from hub.gateways.peer import Proxies
from hub.gateways.stored_identity import StoredIdentity, identity_fields, stored_rooms
from hub.gateways.welcome import welcome_of
from hub.relay.join import Resume
from hub.relay.relay import Relay
from hub.services.auth.access import Access
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.handler import Accepted, Answer, Then
from hub.socketio.limits import ServerLimits
from hub.socketio.origins import Origins
from hub.socketio.recovery import Recovery, ResumeOutcome
from hub.socketio.server import SocketIoServer
from hub.socketio.session import Session
from hub.socketio.siblings import Siblings
from hub.socketio.stored_session import UnreadableSession
from hub.store.log import EventLog

logger = structlog.get_logger(__name__)

# Clients accepted concurrently; the others wait. With two thousand lookups at once, Redis would answer none of them
# within its deadline, and all clients would reconnect and ask again.
_MAX_CONNECTING = 32
_ROOM_COMMANDS = (JoinRoom.name, LeaveRoom.name)


class SocketIoGateway:
    """Serves `/socket.io/`, namespace `/`; the handler of the server's sessions.

    Args:
        siblings: The other processes of the port, if several share it: a long-polling client's requests land on any.

    Attributes:
        server: The Socket.IO server.
    """

    def __init__(
        self,
        settings: Settings,
        log: EventLog,
        relay: Relay,
        access: Access,
        context: CommandContext,
        origins: Origins,
        connections: ConnectionCounter,
        proxies: Proxies,
        recovery: Recovery,
        *,
        siblings: Siblings | None = None,
    ) -> None:
        self._branch = settings.branch
        self._log = log
        self._relay = relay
        self._access = access
        self._context = context
        self._recovery = recovery
        self._connecting = asyncio.Semaphore(_MAX_CONNECTING)
        limits = ServerLimits(
            message_bytes=settings.limits.message_bytes,
            unsent_bytes=settings.limits.unsent_bytes,
            connect_s=settings.limits.connect_s,
        )
        self.server = SocketIoServer(self, limits, origins, connections, address=proxies.address, siblings=siblings)

    def attach(self, app: web.Application) -> None:
        """Serve an application."""
        self.server.attach(app)

    # The handler of the server's sessions

    async def connect(self, session: Session, payload: Mapping[str, Any]) -> Accepted:
        """Accept a client, and resume the session that it had before, if it names one."""
        try:
            asked = Connect.model_validate(payload)
        except ValidationError as exc:
            raise as_error(exc) from exc
        if asked.branch not in (None, self._branch):
            raise NotFound("there is no such branch here")
        async with self._connecting:
            if session.connection.closed:  # the client left during the wait
                raise Unavailable("the connection is gone")
            return await self._admit(session, asked)

    async def command(self, session: Session, name: str, payload: Any) -> tuple[Answer, Then | None]:
        """Carry out a command, and store the session if it has entered or left a room."""
        commands: CommandSession = session.state
        answer, then = await commands.answer(session, name, payload)
        if name in _ROOM_COMMANDS and answer["ok"]:
            session.identify(identity_fields(commands.held))
            try:
                await self._recovery.save(session)
            except ComandaError as error:
                if (
                    name == JoinRoom.name
                ):  # a room that is not stored would be missing after a reconnection, without notice
                    self._relay.leave(session.id, payload["room"])
                    answer = refused(error)
        return answer, then

    def disconnected(self, session: Session) -> None:
        """Take the session out of its rooms; forget its stored form if it will not be resumed."""
        self._relay.leave_all(session.id)
        if session.parted:
            self._recovery.forget(session)

    # CONNECT

    async def _admit(self, session: Session, asked: Connect) -> Accepted:
        shown = await self._access.principal(asked.token)
        principal = replace(shown, address=shown.address or session.address)
        session.identify(identity_fields(principal))
        resumed, held = await self._resume(session, asked, principal) if asked.pid else (None, principal)
        position = resumed.cursor if resumed is not None else await self._log.position()
        caller = replace(principal, caller=f"session {session.id}")  # a resumed session has its id of before
        session.attach_state(CommandSession(self._context, caller, session.address, held))
        welcome = welcome_of(self._branch, position.epoch, principal, self._context.clock())
        if resumed is None:
            return Accepted(welcome, str(position), lambda: None)
        # If the connection breaks now, the client resumes from the same cursor: it has received no missed event yet.
        return Accepted(welcome, asked.offset or "", resumed.begin)

    async def _resume(self, session: Session, asked: Connect, principal: Principal) -> tuple[Resume | None, Principal]:
        """Resume the session the client had before.

        Returns:
            None if the client has to begin anew. Also the principal, with the capabilities that the session holds.

        Raises:
            RateLimited: The address has read too much. The connection is closed, and the client tries again.
            Unavailable: Redis is away; the same.
        """
        stored, cursor = await self._recovery.find(asked.pid), _cursor(asked.offset)
        if isinstance(stored, ResumeOutcome):
            self._recovery.count_unresumed(stored)
            return None, principal
        try:
            identity, rooms = StoredIdentity.of(stored), stored_rooms(stored)
        except UnreadableSession as odd:
            self._recovery.count_unresumed(self._recovery.unreadable(odd.reason))
            return None, principal
        if cursor is None or identity.who != principal.id:
            self._recovery.count_unresumed(ResumeOutcome.UNKNOWN)
            return None, principal
        reads = self._context.reads
        reads.admit(principal, len(rooms))
        try:
            held = await self._permit(principal, identity, rooms)
            session.identify(identity_fields(held))
            resumed = await self._recovery.resume(session, stored, asked.pid or "", cursor)
            reads.count(principal, resumed.size_bytes)
            return resumed, held
        except UnreadableDocument:
            self._recovery.count_unresumed(self._recovery.unreadable("documents"))
        except ComandaError as error:
            if error.retryable:
                raise
            self._recovery.count_unresumed(ResumeOutcome.REFUSED)
        except (
            Exception
        ):  # a fault of the hub: after a close, the client would reconnect into the same fault, again and again
            logger.exception("recovery.session_not_resumed", sid=session.id)
            self._recovery.count_unresumed(ResumeOutcome.UNREADABLE)
        session.identify(identity_fields(principal))
        return None, principal

    async def _permit(self, principal: Principal, identity: StoredIdentity, rooms: list[Room]) -> Principal:
        """Return the principal with its capabilities, if it may still be in all its rooms.

        Raises:
            ComandaError: It may not.
        """
        held = await self._access.holding(principal, identity.orders, identity.chats)
        # The orders that it holds have just been checked.
        others = [room for room in rooms if room.kind is not RoomKind.ORDER or room.id not in identity.orders]
        if others:
            await asyncio.gather(*(self._access.require_room(held, room) for room in others))
        return held


def _cursor(text: str | None) -> Cursor | None:
    """Return the place that a client names, if it is one; it may say anything."""
    try:
        return Cursor.parse(text) if text else None
    except BadRequest:
        return None
