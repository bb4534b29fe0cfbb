"""Who is where: against a plain set of pairs, whatever the order of coming and going."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.relay.frames import Batch, Frame
from hub.relay.memberships import Memberships
from hub.relay.subscription import Subscription

NAMES = st.sampled_from("abcd")
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "discard"]), NAMES, NAMES), max_size=40)


class Somebody:
    unsent_bytes = 0

    def __init__(self, id: str) -> None:
        self.id = id

    def deliver(self, frame: Frame) -> None:
        """Not here."""

    def deliver_all(self, batch: Batch) -> None:
        """Not here."""


@given(STEPS)
def test_rooms_know_exactly_who_is_where(steps: list[tuple[str, str, str]]) -> None:
    rooms, pairs = Memberships(), set[tuple[str, str]]()
    for step, room, member in steps:
        match step:
            case "add":
                assert rooms.subscribe(Somebody(member), room) is rooms.subscribe(Somebody(member), room)
                pairs.add((room, member))
            case "remove":
                assert rooms.unsubscribe(room, member) == ((room, member) in pairs)
                pairs.discard((room, member))
            case "discard":
                left = set(rooms.unsubscribe_all(member))
                assert left == {r for r, m in pairs if m == member}
                pairs = {(r, m) for r, m in pairs if m != member}
        assert {(r, m) for r in "abcd" for m in rooms.of_room(r)} == pairs
        assert {(r, m) for m in "abcd" for r in rooms.of_member(m)} == pairs
        assert len(rooms) == len({r for r, _ in pairs})
        assert rooms.members == len({m for _, m in pairs})


def test_leaving_all_rooms_looks_at_ones_own_only() -> None:
    class Watched(dict[str, dict[str, Subscription]]):
        looked_at = 0

        def __getitem__(self, room: str) -> dict[str, Subscription]:
            self.looked_at += 1
            return super().__getitem__(room)

        def __iter__(self) -> object:  # type: ignore[override]
            raise AssertionError("a scan")

    rooms = Memberships()
    for n in range(10_000):
        rooms.subscribe(Somebody(f"m{n}"), f"order:{n}")
    rooms.subscribe(Somebody("m7"), "kitchen")
    rooms._by_room = watched = Watched(rooms._by_room)
    assert set(rooms.unsubscribe_all("m7")) == {"order:7", "kitchen"}
    assert watched.looked_at == 2
