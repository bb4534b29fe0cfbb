"""The order of delivery, whatever happens in between: every event once and in order, or a reset."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.relay import backlog, read_plan, sequencer, subscription
from tests.support.relay_world import World

ROOMS = ("a", "b", "c")
Step = tuple[str, tuple[object, ...]]


def step(name: str, *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), st.tuples(*arguments))


a_room = st.sampled_from(ROOMS)
who = st.integers(0, 2)
say = step("say", st.lists(a_room, min_size=1, max_size=2, unique=True))
hear = step("hear", st.integers(1, 3))
go_on = step("go_on", st.integers(0, 7))
join = step("join", who, a_room)
happenings = [
    *[say] * 4,
    *[hear] * 4,
    *[go_on] * 6,
    *[join] * 3,
    step("hear_again", st.integers(1, 4)),
    step("leave", who, a_room),
    *[step("disconnect"), step("reconnect"), step("flap")] * 2,
    step("compare"),
    step("trim", a_room, st.integers(0, 2)),
    step("begin_epoch"),
]
# A connection to Redis loses all or nothing. If it did lose single messages, their rooms would still be complete.
losing = st.lists(st.one_of(*happenings, *[step("lose", st.integers(1, 2))] * 2), min_size=40, max_size=100)
breaking = st.lists(
    st.one_of(*happenings, *[step("break_connection", who), step("come_back", who)] * 2), min_size=40, max_size=100
)
scripts = losing | breaking


def play(script: Sequence[Step]) -> World:
    """Let a script happen, then everything come to its end; each client checks what it gets."""
    world = World()
    for which, rooms in enumerate(("ab", "ac", "b")):
        for room in rooms:
            world.join(which, room)
    world.settle()
    others: dict[str, Callable[..., object]] = {
        "lose": lambda count: world.hear(count, lost=True),
        "trim": world.log.trim,
        "begin_epoch": world.log.begin_epoch,
    }
    for name, arguments in script:
        (others.get(name) or getattr(world, name))(*arguments)
        world.check()
    world.settle()
    return world


@pytest.mark.parametrize(
    ("max_direct", "max_queued", "max_held", "max_resets"),
    [(256, 10_000, 512, 100), (1, 10_000, 2, 1), (0, 3, 1, 2), (256, 2, 512, 1)],
)
def test_each_client_gets_each_event_once_in_order_or_is_told(
    max_direct: int, max_queued: int, max_held: int, max_resets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "MAX_DIRECT", max_direct)
    monkeypatch.setattr(backlog, "MAX_QUEUED", max_queued)
    monkeypatch.setattr(subscription, "MAX_HELD_FRAMES", max_held)
    monkeypatch.setattr(read_plan, "MAX_RESETS", max_resets)

    @settings(max_examples=150, deadline=None)
    @given(scripts)
    def anything_happens(script: Sequence[Step]) -> None:
        play(script)

    anything_happens()


def test_what_was_read_on_a_broken_connection_does_not_overtake_what_was_lost_with_it() -> None:
    play(
        [
            ("disconnect", ()),
            ("say", (["a"],)),
            ("reconnect", ()),
            ("say", (["b"],)),  # lost with the connection
            ("say", (["a"],)),
            ("go_on", (0,)),  # both of a's are read
            ("disconnect", ()),
            *[("go_on", (0,))] * 4,
            ("reconnect", ()),
        ]
    )


def test_a_view_of_a_newer_epoch_amid_a_reset_leaves_nobody_in_the_older_one() -> None:
    play(
        [
            ("begin_epoch", ()),
            ("disconnect", ()),
            ("reconnect", ()),
            ("go_on", (0,)),  # the views are read
            ("begin_epoch", ()),
            ("join", (0, "a")),
            ("disconnect", ()),
        ]
    )
