"""How what was missed reaches a member: in few pieces, and no further than it stays."""

from __future__ import annotations

from typing import Any

import pytest

from hub.relay.frames import Batch, Frame
from hub.relay.subscription import SavedSubscription
from hub.store.types import Missed
from tests.support.relay_harness import KITCHEN, ORDER, Recorder, RelayHarness, until


class Pieces(Recorder):
    """Remembers what came together."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.pieces: list[list[int]] = []

    def deliver_all(self, batch: Batch) -> None:
        self.pieces.append([frame.offset for frame in batch.frames])
        super().deliver_all(batch)


async def test_what_was_missed_in_all_rooms_comes_in_one_piece(house: RelayHarness) -> None:
    began = await house.log.position()
    for n in range(20):
        await house.say(*((KITCHEN, ORDER) if n % 5 == 0 else (KITCHEN,)))
    ana, ben = Pieces("ana"), Pieces("ben")
    for member in (ana, ben):
        places = dict.fromkeys((KITCHEN, ORDER), SavedSubscription(0))
        (await house.relay.resume(member, places, began, epoch=began.epoch)).begin()
    expected = sorted([*range(1, 21), *range(1, 21, 5)])
    assert ana.pieces == ben.pieces == [expected]
    assert all(mine is others for mine, others in zip(ana.frames, ben.frames, strict=True))


async def test_a_piece_is_small_against_what_may_be_unsent(house: RelayHarness) -> None:
    began = await house.log.position()
    for _ in range(10):
        await house.say(KITCHEN, text="x" * 10_000)
    ana = Pieces("ana")
    (await house.relay.resume(ana, {KITCHEN: SavedSubscription(0)}, began, epoch=began.epoch)).begin()
    assert ana.pieces == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


async def test_rooms_begin_anew_in_one_piece_and_go_on_from_there(house: RelayHarness) -> None:
    began = await house.log.position()
    await house.say(KITCHEN, ORDER)
    ana = Pieces("ana")
    resumed = await house.relay.resume(
        ana, dict.fromkeys((KITCHEN, ORDER), SavedSubscription(0)), began, epoch="another1"
    )
    assert not resumed.recovered
    resumed.begin()
    assert [frame.room for frame in ana.resets] == [str(KITCHEN), str(ORDER)]
    assert len(ana.pieces) == 1
    offset = await house.say(KITCHEN)
    await ana.has(3)
    assert ana.offsets == [offset]


async def test_one_that_goes_between_two_pieces_gets_no_second_one(house: RelayHarness) -> None:
    class Leaving(Pieces):
        def deliver(self, frame: Frame) -> None:
            super().deliver(frame)
            house.relay.leave_all(self.id)

    began = await house.log.position()
    for _ in range(10):
        await house.say(KITCHEN, text="x" * 10_000)
    ana = Leaving("ana")
    (await house.relay.resume(ana, {KITCHEN: SavedSubscription(0)}, began, epoch=began.epoch)).begin()
    assert len(ana.pieces) == 1
    assert house.relay.stats.members == 0


async def test_a_filter_is_kept_and_what_it_lets_through_is_a_place_to_go_on_from(house: RelayHarness) -> None:
    began = await house.log.position()
    offset = await house.say(KITCHEN, ORDER, type="order.ready")
    ana = Pieces("ana")
    places = {KITCHEN: SavedSubscription(0), ORDER: SavedSubscription(0, 0, frozenset({"order.placed"}))}
    (await house.relay.resume(ana, places, began, epoch=began.epoch)).begin()
    # Its second copy is not wanted: there is nothing to come back for.
    assert [(frame.room, frame.cursor) for frame in ana.frames] == [("kitchen", f"{began.epoch}-{offset}")]


async def test_what_is_heard_before_the_first_view_of_several_rooms_is_given_in_the_logs_order(
    house: RelayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, missed = await house.log.position(), house.log.missed

    async def heard(room: str, count: int) -> None:
        await until(lambda: len(house.relay._sequencer.rooms[room].early) == count)

    async def in_the_midst(*args: Any, **options: Any) -> Missed:
        """The answer shows one of the events that have been heard by then, and not the others."""
        await house.say(KITCHEN)
        await heard(KITCHEN, 1)
        answer = await missed(*args, **options)
        await house.say(ORDER)
        await house.say(KITCHEN, ORDER)
        await heard(ORDER, 2)
        return answer

    monkeypatch.setattr(house.log, "missed", in_the_midst)
    ana = Pieces("ana")
    places = dict.fromkeys((KITCHEN, ORDER), SavedSubscription(0))
    (await house.relay.resume(ana, places, began, epoch=began.epoch)).begin()
    await ana.has(4)
    assert [(frame.room, frame.offset) for frame in ana.frames] == [
        ("kitchen", 1),
        ("order:PED1", 2),
        ("kitchen", 3),
        ("order:PED1", 3),
    ]
    # Wherever it breaks, what is still to come follows from the last place it was given.
    assert [frame.cursor for frame in ana.frames] == [f"{began.epoch}-{at}" for at in (1, 2, 2, 3)]


async def test_what_is_known_of_a_log_is_forgotten_when_the_relay_goes_deaf(house: RelayHarness) -> None:
    began = await house.log.position()
    await house.say(KITCHEN)
    (await house.relay.resume(Pieces("ana"), {KITCHEN: SavedSubscription(0)}, began, epoch=began.epoch)).begin()
    cache = house.relay._cache
    assert cache._pieces
    house.relay._listener._disconnected()
    assert not cache._pieces
