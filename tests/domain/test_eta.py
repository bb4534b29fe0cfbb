"""When an order will be there, as a range."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.eta import PRIOR, StageTimes, estimate, stage_sample
from hub.domain.lifecycle import DeliveryKind, OrderStatus
from hub.domain.order_document import Eta
from tests.domain.samples import CANCELLED, DELIVERED, EN_ROUTE, NOW, PREPARING, READY, RECEIVED

PICKUP, DELIVERY = DeliveryKind.PICKUP, DeliveryKind.DELIVERY
TWO_MINUTES = timedelta(minutes=2)

WAITED_FOR = [
    (DELIVERY, RECEIVED),
    (DELIVERY, PREPARING),
    (DELIVERY, READY),
    (DELIVERY, EN_ROUTE),
    (PICKUP, RECEIVED),
    (PICKUP, PREPARING),
]
SAMPLES = st.dictionaries(st.sampled_from(list(PRIOR)), st.lists(st.integers(0, 7200), max_size=100))


def _known(kind: DeliveryKind, status: OrderStatus, times: StageTimes | None = None, *, spent_s: float = 0) -> Eta:
    eta = estimate(kind, status, NOW, NOW + timedelta(seconds=spent_s), times or {})
    assert eta is not None
    return eta


def _seconds(eta: Eta, now: datetime = NOW) -> tuple[float, float]:
    return (eta.earliest - now).total_seconds(), (eta.latest - now).total_seconds()


@pytest.mark.parametrize(
    ("kind", "status", "ahead"),
    [
        (DELIVERY, RECEIVED, [RECEIVED, PREPARING, READY, EN_ROUTE]),
        (DELIVERY, READY, [READY, EN_ROUTE]),
        (DELIVERY, EN_ROUTE, [EN_ROUTE]),
        (PICKUP, RECEIVED, [RECEIVED, PREPARING]),
        (PICKUP, PREPARING, [PREPARING]),
    ],
)
def test_a_branch_without_figures_of_its_own_expects_the_usual_of_every_stage_ahead(
    kind: DeliveryKind, status: OrderStatus, ahead: list[OrderStatus]
) -> None:
    quick, slow = (sum(PRIOR[stage][end] for stage in ahead) for end in (0, 1))
    assert _seconds(_known(kind, status)) == (quick, slow)


def test_the_more_orders_of_its_own_the_closer_the_estimate_is_to_them() -> None:
    slow_kitchen = 3000
    latest = [_seconds(_known(PICKUP, PREPARING, {PREPARING: [slow_kitchen] * count}))[1] for count in (0, 1, 8, 100)]
    assert latest == sorted(latest)
    assert latest[0] == PRIOR[PREPARING][1]
    assert latest[2] == (PRIOR[PREPARING][1] + slow_kitchen) / 2
    assert slow_kitchen * 0.9 < latest[3] < slow_kitchen


def test_a_branch_that_works_like_a_clock_still_promises_no_minute() -> None:
    earliest, latest = _seconds(_known(PICKUP, PREPARING, {PREPARING: [600] * 100}))
    assert latest - earliest == 120


def test_a_single_order_that_took_forever_hardly_moves_the_estimate() -> None:
    usual = [600] * 99
    without, with_it = (
        _known(PICKUP, PREPARING, {PREPARING: samples}) for samples in ([*usual, 600], [*usual, 90_000])
    )
    assert abs(with_it.latest - without.latest) < timedelta(seconds=1)


@pytest.mark.parametrize(("kind", "status"), WAITED_FOR)
def test_an_estimate_shrinks_as_time_passes(kind: DeliveryKind, status: OrderStatus) -> None:
    left = [
        _seconds(_known(kind, status, spent_s=spent), NOW + timedelta(seconds=spent)) for spent in range(0, 600, 60)
    ]
    assert left == sorted(left, reverse=True)
    assert left[-1][0] < left[0][0]
    assert left[-1][1] < left[0][1]


@settings(deadline=None)
@given(
    where=st.sampled_from(WAITED_FOR),
    times=SAMPLES,
    spent_s=st.floats(0, 86_400, allow_nan=False, allow_infinity=False),
)
def test_a_range_is_never_in_the_past_and_never_under_two_minutes(
    where: tuple[DeliveryKind, OrderStatus], times: StageTimes, spent_s: float
) -> None:
    eta = _known(*where, times, spent_s=spent_s)
    now = NOW + timedelta(seconds=spent_s)
    # A time on the wire has whole milliseconds.
    assert eta.earliest > now - timedelta(milliseconds=1)
    assert eta.latest - eta.earliest >= TWO_MINUTES - timedelta(milliseconds=1)


@settings(deadline=None)
@given(times=SAMPLES)
def test_an_order_that_is_further_on_is_not_expected_later(times: StageTimes) -> None:
    earliest = [_known(kind, status, times).earliest for kind, status in WAITED_FOR if kind is DELIVERY]
    assert earliest == sorted(earliest, reverse=True)


def test_a_pickup_order_that_is_ready_is_there_now() -> None:
    assert _known(PICKUP, READY, {READY: [900] * 50}) == Eta(earliest=NOW, latest=NOW)


@pytest.mark.parametrize(
    ("kind", "status"),
    [(kind, status) for kind in DeliveryKind for status in (DELIVERED, CANCELLED)] + [(PICKUP, EN_ROUTE)],
)
def test_where_there_is_nothing_to_wait_for_there_is_no_estimate(kind: DeliveryKind, status: OrderStatus) -> None:
    assert estimate(kind, status, NOW, NOW, {}) is None


# What a stage teaches

TEACHES = {
    (DELIVERY, RECEIVED, PREPARING),
    (DELIVERY, PREPARING, READY),
    (DELIVERY, READY, EN_ROUTE),
    (DELIVERY, EN_ROUTE, DELIVERED),
    (PICKUP, RECEIVED, PREPARING),
    (PICKUP, PREPARING, READY),
}


@pytest.mark.parametrize("left", OrderStatus)
@pytest.mark.parametrize("entered", OrderStatus)
@pytest.mark.parametrize("kind", DeliveryKind)
def test_only_a_stage_of_ours_that_was_finished_teaches_its_length(
    kind: DeliveryKind, left: OrderStatus, entered: OrderStatus
) -> None:
    taught = stage_sample(kind, left, entered, NOW, NOW + timedelta(seconds=90.4))
    assert taught == ((f"stage:{left}", 90) if (kind, left, entered) in TEACHES else None)


def test_a_clock_that_was_set_back_makes_no_negative_length() -> None:
    assert stage_sample(PICKUP, PREPARING, READY, NOW, NOW - timedelta(hours=1)) == ("stage:preparing", 0)
