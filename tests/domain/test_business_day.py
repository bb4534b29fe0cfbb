"""A business day begins at a time of the branch's clock, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.business_day import BusinessDay

MADRID = ZoneInfo("Europe/Madrid")  # clocks go forward on 2026-03-29 at 2:00, back on 2026-10-25 at 3:00
FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)


@pytest.mark.parametrize(
    ("hour", "minute", "day"),
    [(0, 0, FRIDAY), (1, 30, FRIDAY), (3, 59, FRIDAY), (4, 0, SATURDAY), (23, 59, SATURDAY)],
)
def test_the_night_belongs_to_the_evening_before(hour: int, minute: int, day: date) -> None:
    now = datetime(2026, 11, 21, hour, minute, tzinfo=ZoneInfo("America/Mexico_City"))
    assert BusinessDay.of("America/Mexico_City").at(now.astimezone(UTC)) == day


def test_with_midnight_a_day_is_a_calendar_day() -> None:
    days = BusinessDay.of("Europe/Madrid", "00:00")
    assert days.at(datetime(2026, 11, 21, tzinfo=MADRID)) == SATURDAY
    assert days.at(datetime(2026, 11, 20, 23, 59, tzinfo=MADRID)) == FRIDAY


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25), (date(2026, 11, 20), 24)]
)
def test_a_day_on_which_the_clocks_change_has_an_hour_more_or_less(day: date, hours: int) -> None:
    days = BusinessDay.of("Europe/Madrid")
    assert days.ends(day) - days.begins(day) == timedelta(hours=hours)


def test_a_start_that_comes_twice_is_the_first_and_a_day_never_goes_back() -> None:
    days = BusinessDay.of("Europe/Madrid", "02:30")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # half past two, in summer time
    assert days.begins(date(2026, 10, 25)) == first
    assert days.at(first - timedelta(milliseconds=1)) == date(2026, 10, 24)
    assert {days.at(first + timedelta(minutes=each)) for each in range(120)} == {date(2026, 10, 25)}


def test_a_start_that_is_left_out_is_when_it_would_have_been() -> None:
    days = BusinessDay.of("Europe/Madrid", "02:30")
    assert days.begins(date(2026, 3, 29)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert days.at(datetime(2026, 3, 29, 1, 29, tzinfo=UTC)) == date(2026, 3, 28)
    assert days.at(datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) == date(2026, 3, 29)


ZONES = st.sampled_from(["America/Mexico_City", "Europe/Madrid", "Australia/Lord_Howe", "America/Havana"])
STARTS = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(ZONES, STARTS, MOMENTS)
def test_every_moment_is_in_the_day_that_it_is_said_to_be_in(zone: str, starts: str, now: datetime) -> None:
    days = BusinessDay.of(zone, starts)
    day = days.at(now)
    assert days.begins(day) <= now < days.ends(day)
