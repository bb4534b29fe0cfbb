"""Positions of phones: those that make sense, and those that do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.domain.positions import MAX_AGE, MAX_AHEAD, Fix, Track, Verdict, distance_m

NOW = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
HERE = (19.4326, -99.1332)


def fix(second: float = 0, lat: float = HERE[0], lon: float = HERE[1], **more: float) -> Fix:
    at = NOW + timedelta(seconds=second)
    return Fix.model_validate({"at": at, "lat": lat, "lon": lon, "accuracy_m": 10.0, **more})


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        (0, Verdict.TAKEN),
        (MAX_AHEAD.total_seconds(), Verdict.TAKEN),
        (MAX_AHEAD.total_seconds() + 1, Verdict.FUTURE),
        (-MAX_AGE.total_seconds(), Verdict.TAKEN),
        (-MAX_AGE.total_seconds() - 1, Verdict.STALE),
    ],
)
def test_a_position_is_of_about_now(second: float, verdict: Verdict) -> None:
    assert Track().judge(fix(second), NOW) is verdict


def test_only_a_newer_position_is_taken() -> None:
    track = Track()
    assert [track.judge(fix(at), NOW) for at in (-10, -20, -10, -5)] == [
        Verdict.TAKEN,
        Verdict.EARLIER,
        Verdict.EARLIER,
        Verdict.TAKEN,
    ]


def test_nobody_is_a_thousand_kilometres_away_in_ten_seconds() -> None:
    track = Track()
    track.judge(fix(-20), NOW)
    assert track.judge(fix(-10, lat=HERE[0] + 9), NOW) is Verdict.TOO_FAST
    assert track.judge(fix(0, lat=HERE[0] + 0.001), NOW) is Verdict.TAKEN


def test_a_second_position_that_agrees_with_the_doubted_one_shows_that_the_first_was_wrong() -> None:
    track = Track()
    track.judge(fix(-30, lat=0.0, lon=0.0), NOW)
    assert track.judge(fix(-20), NOW) is Verdict.TOO_FAST
    assert track.judge(fix(-10), NOW) is Verdict.TAKEN


def test_a_speed_that_no_courier_rides_is_not_believed() -> None:
    assert Track().judge(fix(speed_m_s=90.0), NOW) is Verdict.TOO_FAST


@pytest.mark.parametrize(
    "wrong", [{"lat": 91}, {"lat": -90.5}, {"lon": 181}, {"speed_m_s": 201}, {"heading": 361}, {"lat": float("nan")}]
)
def test_a_position_is_on_the_globe(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        fix(**wrong)


def test_distances_are_those_on_the_globe() -> None:
    assert distance_m(52.52, 13.405, 48.8566, 2.3522) == pytest.approx(878_000, rel=0.01)  # Berlin, Paris
    assert distance_m(0, 179.9, 0, -179.9) == pytest.approx(22_239, rel=0.01)


@given(st.lists(st.integers(-200, 100), max_size=30))
def test_what_is_taken_never_goes_back(seconds: list[int]) -> None:
    track, taken = Track(), []
    for second in seconds:
        if track.judge(fix(second), NOW) is Verdict.TAKEN:
            taken.append(second)
    assert taken == sorted(set(taken))
