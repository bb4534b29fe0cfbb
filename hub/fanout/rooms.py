"""Who is in which room, in this process."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.fanout.seats import NO_SEATS, Member, Presence, Seat


class Rooms:
    """Seats by room, and members with theirs: to leave all rooms takes no longer than one's own rooms take."""

    def __init__(self) -> None:
        self._seats: dict[str, dict[str, Seat]] = {}
        self._members: dict[str, Presence] = {}

    def sit(self, member: Member, room: str, offered: int = 0) -> Seat:
        """The member's seat in a room, a new one if it has none: everything past `offered` will be offered there."""
        presence = self._members.get(member.id)
        if presence is None:
            presence = self._members[member.id] = Presence(member)
        seat = presence.seats.get(room)
        if seat is None:
            seat = presence.seats[room] = Seat(room, presence, offered)
            self._seats.setdefault(room, {})[member.id] = seat
        return seat

    def remove(self, room: str, member_id: str) -> bool:
        """Take a member out of one room; whether it was in it."""
        presence = self._members.get(member_id)
        seat = presence.seats.pop(room, None) if presence else None
        if presence is None or seat is None:
            return False
        # A delivery under way may still come by here, and finds nobody.
        seat.gone = True
        seats = self._seats[room]
        del seats[member_id]
        if not seats:
            del self._seats[room]
        if not presence.seats:
            del self._members[member_id]
        return True

    def discard(self, member_id: str) -> list[str]:
        """Take a member out of all its rooms; which they were."""
        left = list(self.of(member_id))
        for room in left:
            self.remove(room, member_id)
        return left

    def of(self, member_id: str) -> Mapping[str, Seat]:
        """A member's seats, by room."""
        presence = self._members.get(member_id)
        return presence.seats if presence else NO_SEATS

    def seats(self, room: str) -> Mapping[str, Seat]:
        """A room's seats by member id, as they are now and as they change."""
        return self._seats.get(room, NO_SEATS)

    def among(self, member_id: str, rooms: Collection[str]) -> bool:
        """Whether a member is in any of some rooms."""
        return any(member_id in self._seats.get(room, NO_SEATS) for room in rooms)

    @property
    def taken(self) -> Mapping[str, Mapping[str, Seat]]:
        """All seats, by room; a room without any is not in it."""
        return self._seats

    @property
    def members(self) -> int:
        return len(self._members)

    def __len__(self) -> int:
        return len(self._seats)
