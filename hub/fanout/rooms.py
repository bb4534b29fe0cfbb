"""Who is in which room, in this process."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.fanout.seats import Seat

_NOBODY: Mapping[str, Seat] = {}


class Rooms:
    """Seats by room, and rooms by member: to leave all of them takes no longer than one's own rooms take."""

    def __init__(self) -> None:
        self._seats: dict[str, dict[str, Seat]] = {}
        self._rooms: dict[str, set[str]] = {}

    def add(self, room: str, seat: Seat) -> None:
        """Seat a member; in the same room it has one seat at most."""
        self._seats.setdefault(room, {})[seat.member.id] = seat
        self._rooms.setdefault(seat.member.id, set()).add(room)

    def remove(self, room: str, member_id: str) -> Seat | None:
        """Take a member out of one room."""
        seats = self._seats.get(room)
        seat = seats.pop(member_id, None) if seats else None
        if seat is None:
            return None
        if not seats:
            del self._seats[room]
        rooms = self._rooms[member_id]
        rooms.discard(room)
        if not rooms:
            del self._rooms[member_id]
        return seat

    def discard(self, member_id: str) -> list[tuple[str, Seat]]:
        """Take a member out of all its rooms; which they were."""
        left = []
        for room in tuple(self.of(member_id)):
            seat = self.remove(room, member_id)
            if seat is not None:
                left.append((room, seat))
        return left

    def of(self, member_id: str) -> Collection[str]:
        """The rooms a member is in."""
        return self._rooms.get(member_id, ())

    def seats(self, room: str) -> Mapping[str, Seat]:
        """A room's seats by member id, as they are now and as they change."""
        return self._seats.get(room, _NOBODY)

    @property
    def members(self) -> int:
        return len(self._rooms)

    def __len__(self) -> int:
        return len(self._seats)
