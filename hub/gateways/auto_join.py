"""Joins customers to the rooms of the orders that their chat begins to follow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import structlog

from hub.core.errors import ComandaError
from hub.domain.commands import JoinRoom
from hub.domain.events import ChatTrackingStarted
from hub.domain.rooms import Room
from hub.gateways.command_session import CommandSession
from hub.gateways.plain_connection import PlainConnection
from hub.gateways.stored_identity import identity_fields
from hub.relay.frames import Frame
from hub.relay.member import Member
from hub.relay.relay import Relay
from hub.socketio.recovery import Recovery
from hub.socketio.session import Session

logger = structlog.get_logger(__name__)

_CONCURRENT_JOINS = 16
MAX_UNDER_WAY = 1_000  # joins; further clients use the link in the event


class AutoJoin:
    """Listens for `chat.tracking_started`, and joins the chat's customers in this process to the order's room.

    This is for connections by Socket.IO and plain WebSocket; a stream of server-sent events has one room only. Staff
    in the chat are not joined. A client that was away joins by the order's link, which is in the event.
    """

    def __init__(self, relay: Relay, recovery: Recovery) -> None:
        self._relay = relay
        self._recovery = recovery
        self._slots = asyncio.Semaphore(_CONCURRENT_JOINS)
        self._tasks: asyncio.TaskGroup | None = None
        self._under_way = 0
        relay.listen(ChatTrackingStarted.model_fields["type"].default, self._started)

    async def run(self) -> None:
        """Join members until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.get_running_loop().create_future()

    def _started(self, frame: Frame, members: Sequence[Member]) -> None:
        if self._tasks is None:
            return
        try:
            started = ChatTrackingStarted.model_validate(json.loads(frame.raw)["data"])
        except (ValueError, KeyError, TypeError):  # a ValidationError is a ValueError
            logger.error("auto_join.event_unreadable", offset=frame.offset)
            return
        command = JoinRoom(room=str(Room.order(started.order_id)), token=started.tracking.token)
        for member in members:
            session = _commands_of(member)
            if session is None or session.principal.is_staff:
                continue
            if self._under_way >= MAX_UNDER_WAY:
                logger.warning("auto_join.too_many", under_way=self._under_way)
                return
            self._under_way += 1
            self._tasks.create_task(self._join_later(member, session, command, frame.room))

    async def _join_later(self, member: Member, session: CommandSession, command: JoinRoom, chat: str) -> None:
        try:
            async with self._slots:
                if chat in self._relay.rooms_of(member.id):  # it may have left meanwhile
                    await self._join(member, session, command)
        except ComandaError as error:
            logger.info("auto_join.failed", member=member.id, code=error.code)
        except Exception:  # the task's root
            logger.exception("auto_join.failed", member=member.id)
        finally:
            self._under_way -= 1

    async def _join(self, member: Member, session: CommandSession, command: JoinRoom) -> None:
        join = await session.server_join(member, command)
        if join is None:
            return
        try:
            if isinstance(member, Session) and not member.over:
                member.identify(identity_fields(session.held))
                await self._recovery.save(member)  # before the client sees the order, as before the answer to a join
        except ComandaError:
            self._relay.leave(member.id, command.room)
            raise
        finally:
            join.show()


def _commands_of(member: Member) -> CommandSession | None:
    """Return the commands of a member that can give any."""
    if isinstance(member, PlainConnection):
        return member.commands
    state = member.state if isinstance(member, Session) else None
    return state if isinstance(state, CommandSession) else None
