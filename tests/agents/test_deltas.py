"""Pieces of text on their way to the room: the first at once, the rest combined, none lost, none twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from agents.deltas import MAX_ANSWER_CHARS, WINDOW_S, DeltaPacer, Deltas
from hub.domain.events import ChatCompleted, Usage
from hub.store.types import MAX_BODY_BYTES

if TYPE_CHECKING:
    from agents.journal import Journal
    from hub.domain.events import ChatDelta


class FakeJournal:
    """Keeps what is recorded; each record waits until the test lets it through."""

    def __init__(self) -> None:
        self.turn = type("Turn", (), {"id": "t1"})()
        self.pieces: list[ChatDelta] = []
        self.came = asyncio.Event()
        self.through = asyncio.Event()
        self.through.set()

    async def record(self, delta: ChatDelta, **changes: Any) -> None:
        self.pieces.append(delta)
        assert changes == {"next_index": delta.index + 1}
        self.came.set()
        await self.through.wait()


async def test_the_first_piece_goes_at_once_and_the_rest_is_combined() -> None:
    journal = FakeJournal()
    # A window that never ends by itself: what is combined does not hang on the machine's speed.
    deltas = Deltas(cast("Journal", journal), pacer=DeltaPacer(3_600, 1))
    async with asyncio.TaskGroup() as group:
        group.create_task(deltas.run())
        deltas.add("uno ")
        await journal.came.wait()
        for word in ("dos ", "tres ", "cuatro"):
            deltas.add(word)
        deltas.close()
    assert [(piece.index, piece.text) for piece in journal.pieces] == [(0, "uno ")]
    assert [(piece.index, piece.text) for piece in deltas.take_pending()] == [(1, "dos tres cuatro")]
    assert deltas.take_pending() == ()
    assert (deltas.text, deltas.count) == ("uno dos tres cuatro", 2)


async def test_what_comes_while_a_commit_is_under_way_makes_the_next_piece() -> None:
    journal = FakeJournal()
    deltas = Deltas(cast("Journal", journal))
    async with asyncio.TaskGroup() as group:
        group.create_task(deltas.run())
        journal.through.clear()
        deltas.add("uno ")
        await journal.came.wait()
        journal.came.clear()
        deltas.add("dos ")
        deltas.add("tres")
        journal.through.set()
        await journal.came.wait()
        deltas.close()
    assert [(piece.index, piece.text) for piece in journal.pieces] == [(0, "uno "), (1, "dos tres")]
    assert deltas.take_pending() == ()


async def test_a_new_part_of_the_answer_begins_a_new_paragraph() -> None:
    deltas = Deltas(cast("Journal", FakeJournal()))
    deltas.on_new_part()
    deltas.add("Veo.")
    deltas.on_new_part()
    deltas.on_new_part()
    deltas.add("Listo.")
    assert deltas.text == "Veo.\n\nListo."


@pytest.mark.parametrize("character", ["x", "\n", '"', "🌮"])
def test_however_much_a_model_says_at_once_the_answer_fits_into_an_event(character: str) -> None:
    deltas = Deltas(cast("Journal", FakeJournal()))
    deltas.add("Hola ")
    deltas.add(character * 100_000)
    deltas.add("y más")
    assert deltas.full
    assert len(deltas.text) == MAX_ANSWER_CHARS
    (piece,) = deltas.take_pending()
    assert piece.text == deltas.text
    usage = Usage(ttft_ms=1, duration_ms=1, deltas=1, llm_calls=1, tool_calls=0)
    ending = ChatCompleted(turn_id="t" * 32, text=deltas.text, usage=usage)
    assert len(ending.body(datetime.now(UTC)).encode()) <= MAX_BODY_BYTES


def test_an_answer_of_just_the_longest_length_is_whole() -> None:
    deltas = Deltas(cast("Journal", FakeJournal()))
    deltas.add("x" * MAX_ANSWER_CHARS)
    assert not deltas.full


def test_the_more_answers_a_worker_writes_the_longer_their_pieces() -> None:
    assert DeltaPacer().window_s() == DeltaPacer(1).window_s() == WINDOW_S
    crowded = DeltaPacer(writing=100, commits_s=1_000)
    assert crowded.window_s() == 0.1


async def test_answers_that_are_over_count_as_traffic_no_more() -> None:
    pacer = DeltaPacer()
    deltas = Deltas(cast("Journal", FakeJournal()), pacer=pacer)
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(deltas.run())
        await asyncio.sleep(0)
        assert pacer.writing == 1
        deltas.close()
        await writer
    assert pacer.writing == 0


async def test_a_paced_answer_comes_word_by_word_whole_and_not_faster_than_asked() -> None:
    journal, text = FakeJournal(), "Tenemos tacos al pastor, gringas y aguas frescas."
    deltas = Deltas(cast("Journal", journal), pace=200)
    deltas.add(text)
    deltas.finish()
    await deltas.run()
    assert "".join(piece.text for piece in journal.pieces) == text
    assert [piece.index for piece in journal.pieces] == list(range(len(journal.pieces)))
    assert journal.pieces[0].text == "Tenemos"
    assert deltas.take_pending() == ()
    said = 0
    for piece, came in zip(journal.pieces, deltas.came, strict=True):
        # What was said before this piece was due by then, however late this machine was.
        assert said <= (came - deltas.came[0]) * 200 + 1
        assert piece.text[-1] in " ,." or text[said + len(piece.text)] in " ,."
        said += len(piece.text)


async def test_a_paced_answer_that_is_stopped_ends_at_once_with_its_rest_unsaid() -> None:
    journal = FakeJournal()
    deltas = Deltas(cast("Journal", journal), pace=0.001)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(deltas.run())
        deltas.add("Tenemos tacos")
        deltas.finish()
        await journal.came.wait()
        deltas.close()
    assert [piece.text for piece in journal.pieces] == ["Tenemos"]
    assert deltas.committed == "Tenemos"


async def test_the_gaps_between_pieces_are_measured() -> None:
    deltas = Deltas(cast("Journal", FakeJournal()))
    assert deltas.gaps_ms() is None
    deltas.came = [0.0] + [1.0 + number * 0.03 for number in range(40)]
    assert deltas.gaps_ms() == (30, 30)
    deltas.came = [0.0, 1.0]
    assert deltas.gaps_ms() == (1_000, 1_000)


def test_what_is_no_text_does_not_come_into_the_room() -> None:
    deltas = Deltas(cast("Journal", FakeJournal()))
    deltas.add("ho\x00la\x07, \u202e¿qué\u2066 tal?\n\tñandú 🌮")
    assert deltas.text == "hola, ¿qué tal?\n\tñandú 🌮"
