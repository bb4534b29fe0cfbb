"""Joins of rooms, the same for every gateway: permission, snapshot, and the events that follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from hub.config.limit_settings import ConnectionLimits
from hub.core.cursor import Cursor
from hub.core.errors import NotFound, RateLimited
from hub.domain.answers.room_answers import OrderSnapshot
from hub.domain.commands import JoinRoom
from hub.domain.roles import Principal
from hub.domain.rooms import Room
from hub.gateways.read_limits import ReadLimits
from hub.relay.join import Join, ServerJoin
from hub.relay.member import Member
from hub.relay.relay import Relay
from hub.services.auth.access import Access
from hub.services.room_views import RoomView, RoomViews


class Joins:
    """Lets members of any kind join rooms."""

    def __init__(
        self, relay: Relay, access: Access, views: RoomViews, limits: ConnectionLimits, reads: ReadLimits
    ) -> None:
        self._relay = relay
        self._access = access
        self._views = views
        self._limits = limits
        self._reads = reads

    async def join(self, member: Member, principal: Principal, command: JoinRoom) -> tuple[Join[RoomView], Principal]:
        """Join a room. Its events are held back until `Join.release()`.

        Returns:
            The join, and the principal with the capability that the command's token adds.

        Raises:
            NotFound: There is no such room, or the principal may not know of it.
            Forbidden: The room is for another role.
            Unauthorized: The token is of an order that ended too long ago.
            RateLimited: The connection is in as many rooms as it may be, or the address has read too much.
            Unavailable: Redis did not answer in time; the member is not in the room.
        """
        self._reads.admit(principal)
        room, shown, read = await self._admit(member, principal, command)
        only = frozenset(command.only) if command.only is not None else None
        joined = await self._relay.join(member, str(room), read=read, only=only)
        self._reads.count(principal, joined.view.size_bytes)
        return joined, shown

    async def server_join(
        self, member: Member, principal: Principal, command: JoinRoom
    ) -> tuple[ServerJoin | None, Principal]:
        """Join a room on the hub's initiative. Its events are held back until `ServerJoin.show()`.

        With the order's own token, the member is subscribed before anything is awaited.

        Returns:
            The join, or None if the member is in the room already; and the principal as in `join`.

        Raises:
            ComandaError: As in `join`.
        """
        room, shown, read = await self._admit(member, principal, command)
        return await self._relay.server_join(member, str(room), read=read), shown

    async def _admit(
        self, member: Member, principal: Principal, command: JoinRoom
    ) -> tuple[Room, Principal, Callable[[], Awaitable[RoomView]]]:
        """Check the permission; return the room, the principal with its capabilities, and a function that reads it."""
        room, after = Room.parse(command.room), Cursor.parse(command.after) if command.after else None
        shown, order_id = self._access.shown(principal, command.token)
        own = order_id is not None and room == Room.order(
            order_id
        )  # the room's view then shows if the link has expired
        if order_id is not None and not own:
            await self._access.require_open(order_id)
        shown = await self._access.entering(shown, room)
        self._access.check_room(shown, room)  # reading the view finds out if the room exists
        inside = self._relay.rooms_of(member.id)
        if self._limits.rooms and str(room) not in inside and len(inside) >= self._limits.rooms:
            raise RateLimited(f"a connection is in at most {self._limits.rooms} rooms", limit=self._limits.rooms)
        return room, shown, partial(self._read_own if own else self._views.read, room, after)

    async def _read_own(self, room: Room, after: Cursor | None) -> RoomView:
        """Read the room of an order for the holder of its link."""
        try:
            view = await self._views.read(room, after)
        except NotFound:
            self._access.check_open(None)
            raise
        self._access.check_open(view.state.order if isinstance(view.state, OrderSnapshot) else None)
        return view

    def leave(self, member: Member, name: str) -> None:
        """Leave a room; nothing happens if the member is not in it.

        Raises:
            NotFound: No room can have this name.
        """
        self._relay.leave(member.id, str(Room.parse(name)))
