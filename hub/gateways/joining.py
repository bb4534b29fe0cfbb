"""Entering a room, the same through every door: may they, what do they see, and what follows it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from hub.config import Limits
from hub.domain.commands import JoinRoom
from hub.domain.errors import NotFound, RateLimited
from hub.domain.roles import Principal
from hub.domain.rooms import Cursor, Room
from hub.fanout.entries import Brought, Joined
from hub.fanout.frames import Frame
from hub.fanout.relay import Relay
from hub.fanout.seats import Member
from hub.gateways.reads import Reads
from hub.services.access import Access
from hub.services.views import RoomView, RoomViews


class Joining:
    """`room.join` for any kind of member."""

    def __init__(self, relay: Relay, access: Access, views: RoomViews, limits: Limits, reads: Reads) -> None:
        self._relay = relay
        self._access = access
        self._views = views
        self._limits = limits
        self._reads = reads

    async def join(self, member: Member, principal: Principal, command: JoinRoom) -> tuple[Joined, Principal]:
        """Seat a member; its events are held until `release()`.

        Returns:
            Besides, the principal with what the command's token opens.

        Raises:
            NotFound: No such room, or none for this principal.
            Forbidden: A room for another role.
            Unauthorized: The token was good, and its order ended too long ago.
            RateLimited: In as many rooms as one connection may be, or the address has read too much.
            Unavailable: Redis did not answer in time; the member is not in the room.
        """
        self._reads.admit(principal)
        room, shown, read = await self._admit(member, principal, command)
        only = frozenset(command.only) if command.only is not None else None
        joined = await self._relay.join(member, room, read=read, only=only)
        self._reads.count(principal, joined.view.size_bytes)
        return joined, shown

    async def bring(self, member: Member, principal: Principal, command: JoinRoom) -> tuple[Brought | None, Principal]:
        """Seat a member that has not asked for it, unless it is there already; its events are held until `show()`.

        Returns and raises what `join` does. With an order's own token the member is at its seat before anything is
        waited for.
        """
        room, shown, read = await self._admit(member, principal, command)
        return await self._relay.bring(member, room, read=read), shown

    async def _admit(
        self, member: Member, principal: Principal, command: JoinRoom
    ) -> tuple[Room, Principal, Callable[[], Awaitable[RoomView]]]:
        """The room, who they are in it, and how it is read."""
        room, after = Room.parse(command.room), Cursor.parse(command.after) if command.after else None
        shown, order_id = self._access.shown(principal, command.token)
        own = order_id is not None and room == Room.order(order_id)  # then the room's view says how the order stands
        if order_id is not None and not own:
            await self._access.require_open(order_id)
        self._access.check_room(shown, room)  # whether there is such a room, its view says
        inside = self._relay.rooms_of(member.id)
        if self._limits.rooms and str(room) not in inside and len(inside) >= self._limits.rooms:
            raise RateLimited(f"a connection is in at most {self._limits.rooms} rooms", limit=self._limits.rooms)
        return room, shown, partial(self._read_own if own else self._views.read, room, after)

    async def _read_own(self, room: Room, after: Cursor | None) -> RoomView:
        """An order's room, for one who has come by its link."""
        try:
            view = await self._views.read(room, after)
        except NotFound:
            self._access.check_open(None)
            raise
        self._access.check_open(view.snapshot["order"])
        return view

    def leave(self, member: Member, name: str) -> None:
        self._relay.leave(member.id, Room.parse(name))


def as_data(room: str, view: RoomView, only: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The answer to a join: `{room, cursor, recovered, snapshot, events}`."""
    return {
        "room": room,
        "cursor": str(view.cursor),
        "recovered": view.recovered,
        "snapshot": view.snapshot,
        "events": events_of(view, only),
    }


def events_of(view: RoomView, only: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
    """The view's events as PROTOCOL words them."""
    frames = (Frame.of_entry(entry, view.cursor.epoch) for entry in view.events if only is None or entry.type in only)
    return [json.loads(frame.event) for frame in frames]
