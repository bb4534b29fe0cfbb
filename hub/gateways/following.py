"""Customers are brought into the rooms of the orders that their chat begins to follow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import structlog

from hub.domain.commands import JoinRoom
from hub.domain.errors import ComandaError
from hub.domain.events import ChatTrackingStarted
from hub.domain.rooms import Room
from hub.fanout.frames import Frame
from hub.fanout.recovery import Recovery
from hub.fanout.relay import Relay
from hub.fanout.seats import Member
from hub.fanout.session import Session
from hub.gateways.caller import Caller
from hub.gateways.outbox import Outbox

logger = structlog.get_logger(__name__)

_AT_ONCE = 16
_MOST = 1_000  # that are on their way; more find their own, by the link in the event


class Following:
    """Hears `chat.tracking_started` for the members of this process, and has each of them enter the order's room.

    By Socket.IO and plain WebSocket alike; a stream of server-sent events is of one room. Staff who look on stay
    where they are. Who was away then has the event to go by: the order's link is in it.
    """

    def __init__(self, relay: Relay, recovery: Recovery) -> None:
        self._relay = relay
        self._recovery = recovery
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: asyncio.TaskGroup | None = None
        self._under_way = 0
        relay.listen(ChatTrackingStarted.model_fields["type"].default, self._started)

    async def run(self) -> None:
        """Bring members in, until cancelled."""
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
            caller = member.state if isinstance(member, Session | Outbox) else None
            if not isinstance(caller, Caller) or caller.principal.is_staff:
                continue
            if self._under_way >= _MOST:
                logger.warning("following.too_many", under_way=self._under_way)
                return
            self._under_way += 1
            self._tasks.create_task(self._bring(member, caller, command, frame.room))

    async def _bring(self, member: Member, caller: Caller, command: JoinRoom, chat: str) -> None:
        try:
            async with self._slots:
                if chat in self._relay.rooms_of(member.id):  # or it is gone meanwhile
                    await self._enter(member, caller, command)
        except ComandaError as error:
            logger.info("following.not_brought", member=member.id, code=error.code)
        except Exception:  # the task's root
            logger.exception("following.not_brought", member=member.id)
        finally:
            self._under_way -= 1

    async def _enter(self, member: Member, caller: Caller, command: JoinRoom) -> None:
        brought = await caller.bring(member, command)
        if brought is None:
            return
        try:
            if isinstance(member, Session) and not member.over:
                member.held = caller.held
                await self._recovery.keep(member)  # before it is shown the order, as before the answer to a join
        except ComandaError:
            self._relay.leave(member.id, Room.parse(command.room))
            raise
        finally:
            brought.show()
