"""Who is where: against a plain set of pairs, whatever the order of coming and going."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.fanout.frames import Frame
from hub.fanout.rooms import Rooms
from hub.fanout.seats import Seat

NAMES = st.sampled_from("abcd")
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "discard"]), NAMES, NAMES), max_size=40)


class Somebody:
    unsent_bytes = 0

    def __init__(self, id: str) -> None:
        self.id = id

    def deliver(self, frame: Frame) -> None:
        """Not here."""


@given(STEPS)
def test_rooms_know_exactly_who_is_where(steps: list[tuple[str, str, str]]) -> None:
    rooms, pairs = Rooms(), set[tuple[str, str]]()
    for step, room, member in steps:
        match step:
            case "add":
                assert rooms.sit(Somebody(member), room) is rooms.sit(Somebody(member), room)
                pairs.add((room, member))
            case "remove":
                assert rooms.remove(room, member) == ((room, member) in pairs)
                pairs.discard((room, member))
            case "discard":
                left = set(rooms.discard(member))
                assert left == {r for r, m in pairs if m == member}
                pairs = {(r, m) for r, m in pairs if m != member}
        assert {(r, m) for r in "abcd" for m in rooms.seats(r)} == pairs
        assert {(r, m) for m in "abcd" for r in rooms.of(m)} == pairs
        assert len(rooms) == len({r for r, _ in pairs})
        assert rooms.members == len({m for _, m in pairs})


def test_leaving_all_rooms_looks_at_ones_own_only() -> None:
    class Watched(dict[str, dict[str, Seat]]):
        looked_at = 0

        def __getitem__(self, room: str) -> dict[str, Seat]:
            self.looked_at += 1
            return super().__getitem__(room)

        def __iter__(self) -> object:  # type: ignore[override]
            raise AssertionError("a scan")

    rooms = Rooms()
    for n in range(10_000):
        rooms.sit(Somebody(f"m{n}"), f"order:{n}")
    rooms.sit(Somebody("m7"), "kitchen")
    rooms._seats = watched = Watched(rooms._seats)
    assert set(rooms.discard("m7")) == {"order:7", "kitchen"}
    assert watched.looked_at == 2
