"""The members of rooms in this process."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.relay.member import Member
from hub.relay.subscription import NO_SUBSCRIPTIONS, MemberSubscriptions, Subscription


class Memberships:
    """Subscriptions by room and by member. Leaving all rooms takes as long as one's own rooms take, no longer."""

    def __init__(self) -> None:
        self._by_room: dict[str, dict[str, Subscription]] = {}
        self._by_member: dict[str, MemberSubscriptions] = {}

    def subscribe(self, member: Member, room: str, offered_offset: int = 0) -> Subscription:
        """Return the member's subscription to a room; make one if it has none.

        Args:
            offered_offset: Everything in the room past this offset will be offered to a new subscription.
        """
        owner = self._by_member.get(member.id)
        if owner is None:
            owner = self._by_member[member.id] = MemberSubscriptions(member)
        subscription = owner.by_room.get(room)
        if subscription is None:
            subscription = owner.add(room, offered_offset)
            self._by_room.setdefault(room, {})[member.id] = subscription
        return subscription

    def unsubscribe(self, room: str, member_id: str) -> bool:
        """Take a member out of one room. Return False if it was not in it."""
        owner = self._by_member.get(member_id)
        if owner is None or not owner.remove(room):
            return False
        subscriptions = self._by_room[room]
        del subscriptions[member_id]
        if not subscriptions:
            del self._by_room[room]
        if not owner.by_room:
            del self._by_member[member_id]
        return True

    def unsubscribe_all(self, member_id: str) -> list[str]:
        """Take a member out of all its rooms; return them."""
        rooms = list(self.of_member(member_id))
        for room in rooms:
            self.unsubscribe(room, member_id)
        return rooms

    def of_member(self, member_id: str) -> Mapping[str, Subscription]:
        """Return a member's subscriptions, by room."""
        owner = self._by_member.get(member_id)
        return owner.by_room if owner else NO_SUBSCRIPTIONS

    def of_room(self, room: str) -> Mapping[str, Subscription]:
        """Return a room's subscriptions, by member id; the mapping changes as members come and go."""
        return self._by_room.get(room, NO_SUBSCRIPTIONS)

    def is_in_any(self, member_id: str, rooms: Collection[str]) -> bool:
        """Return True if a member is in any of some rooms."""
        return any(member_id in self._by_room.get(room, NO_SUBSCRIPTIONS) for room in rooms)

    @property
    def by_room(self) -> Mapping[str, Mapping[str, Subscription]]:
        """All subscriptions, by room; a room without members is not in it."""
        return self._by_room

    @property
    def members(self) -> int:
        """The number of members in any room."""
        return len(self._by_member)

    def __len__(self) -> int:
        """Return the number of rooms that have members."""
        return len(self._by_room)
