"""When a person may be told: never in their quiet hours, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from hub.domain.notices import told_at
from hub.domain.notification_preferences import StoredQuietHours

ZONES = ("America/Mexico_City", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "Pacific/Apia")
# Around the nights of 2026 in which clocks change in the north and in the south, and one in which none does.
NIGHTS = tuple(
    datetime(2026, month, day, 12, tzinfo=UTC)
    for month, day in ((3, 7), (3, 28), (4, 4), (6, 20), (10, 3), (10, 24), (10, 31))
)
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
QUIET = st.builds(StoredQuietHours, start=MINUTES, end=MINUTES)
TIMES = st.builds(
    lambda night, seconds: night + timedelta(seconds=seconds), st.sampled_from(NIGHTS), st.integers(0, 2 * 86_400)
)


@given(at=TIMES, quiet=QUIET, zone=st.sampled_from(ZONES))
@example(  # the clocks skip the only half hour in which this person may be told
    at=datetime(2026, 3, 8, 6, 50, tzinfo=UTC), quiet=StoredQuietHours(start="03:00", end="02:30"), zone=ZONES[1]
)
@example(  # an hour that comes twice
    at=datetime(2026, 11, 1, 6, 10, tzinfo=UTC), quiet=StoredQuietHours(start="22:00", end="01:30"), zone=ZONES[1]
)
def test_nobody_is_told_in_their_quiet_hours_and_whoever_sleeps_is_told_within_two_days(
    at: datetime, quiet: StoredQuietHours, zone: str
) -> None:
    told = told_at(at, quiet, ZoneInfo(zone))
    assert at <= told <= at + timedelta(hours=49)
    assert not quiet.holds(told.astimezone(ZoneInfo(zone)).time())
    if not quiet.holds(at.astimezone(ZoneInfo(zone)).time()):
        assert told == at


@given(at=TIMES, zone=st.sampled_from(ZONES))
def test_whoever_has_no_quiet_hours_is_told_at_once(at: datetime, zone: str) -> None:
    assert told_at(at, None, ZoneInfo(zone)) == at
