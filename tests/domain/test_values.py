"""Times and texts as they are let in and kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hub.core.times import format_time
from hub.domain.values import CommandId, Id, Note, Prose, SingleLine, Sku, Time, to_milliseconds

TIME: TypeAdapter[datetime] = TypeAdapter(Time)
TEXTS = {"line": TypeAdapter(SingleLine), "note": TypeAdapter(Note), "prose": TypeAdapter(Prose)}

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 1, 1), timezones=ZONES)


# Times


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    mexico = timezone(timedelta(hours=-6))
    assert format_time(datetime(2026, 11, 20, 15, 30, 0, 123_999, tzinfo=mexico)) == "2026-11-20T21:30:00.123Z"
    assert format_time(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000Z"


@settings(deadline=None)
@given(at=TIMES)
def test_a_time_read_back_is_the_time_that_was_kept(at: datetime) -> None:
    kept = TIME.validate_python(at)
    assert TIME.validate_python(format_time(kept)) == kept
    assert abs(kept - at) < timedelta(milliseconds=1)
    assert TIME.dump_python(kept) == format_time(at)


@pytest.mark.parametrize("text", ["2026-11-20T21:30:00Z", "2026-11-20T15:30:00-06:00", "2026-11-20T21:30:00.000999Z"])
def test_a_time_may_come_in_any_zone_and_is_kept_in_utc(text: str) -> None:
    assert TIME.validate_python(text) == datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mañana",
        "2026-11-20T21:30:00",
        "2026-02-30T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
    ],
)
def test_a_time_without_a_zone_or_that_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TIME.validate_python(text)


def test_whole_milliseconds_stay_as_they_are() -> None:
    at = datetime(2026, 11, 20, 21, 30, 0, 123_000, tzinfo=UTC)
    assert to_milliseconds(at) == at
    assert to_milliseconds(at + timedelta(microseconds=999)) == at


# Texts


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(
    "text",
    [
        "Ñoño Güémez",
        "2x1 🌮🔥",
        "👩‍🍳 la jefa",
        "🇲🇽",
        "עברית",
        "日本",
        'comillas "dobles" y \\',
        "<b>no</b>",
        "O'Higgins",
    ],
)
def test_accents_emoji_and_marks_are_kept_as_they_are(kind: str, text: str) -> None:
    assert TEXTS[kind].validate_python(text) == text


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("char", ["\x00", "\x01", "\x07", "\x08", "\x0b", "\x1b", "\x7f"])
def test_control_characters_are_not_text(kind: str, char: str) -> None:
    with pytest.raises(ValidationError, match="control characters"):
        TEXTS[kind].validate_python(f"Ana{char}Gómez")


@pytest.mark.parametrize("kind", TEXTS)
def test_half_a_character_is_not_text(kind: str) -> None:
    with pytest.raises(ValidationError):
        TEXTS[kind].validate_python("Ana \ud83c")


def test_a_message_may_have_lines_and_tabs() -> None:
    assert TEXTS["prose"].validate_python("dos de pastor\n\tsin cebolla") == "dos de pastor\n\tsin cebolla"


@pytest.mark.parametrize("kind", TEXTS)
def test_space_around_a_text_is_taken_off_before_it_is_measured(kind: str) -> None:
    assert TEXTS[kind].validate_python("  Ana  " + " " * 3000) == "Ana"


@pytest.mark.parametrize(("kind", "longest"), [("line", 80), ("note", 200), ("prose", 65_536)])
def test_a_text_has_a_longest_length_in_characters(kind: str, longest: int) -> None:
    assert TEXTS[kind].validate_python("🌮" * longest) == "🌮" * longest
    with pytest.raises(ValidationError):
        TEXTS[kind].validate_python("a" * (longest + 1))


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_only_a_note_may_be_empty(text: str) -> None:
    assert TEXTS["note"].validate_python(text) == ""
    for kind in ("line", "prose"):
        with pytest.raises(ValidationError):
            TEXTS[kind].validate_python(text)


# Names of things


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Id, ["PED7K3Q9X", "a", "a_b-c", "x" * 64], ["", "a b", "a\n", "ñ", "a:b", "a/b", "{a}", "x" * 65]),
        (Sku, ["taco-pastor", "7up", "x" * 40], ["", "-taco", "Taco", "taco pastor", "taco_pastor", "a\n", "x" * 41]),
        (
            CommandId,
            ["1", "550e8400-e29b-41d4-a716-446655440000", "a:b/c", "~" * 128],
            ["", " ", "a b", "a\n", "é", "\x7f", "x" * 129],
        ),
    ],
    ids=["id", "sku", "command id"],
)
def test_names_of_things_have_plain_letters_only(kind: object, good: list[str], bad: list[str]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", kind))
    for text in good:
        assert adapter.validate_python(text) == text
    for text in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)
