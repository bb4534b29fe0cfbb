"""When an order will be there, as a range, from how long this branch's own stages took lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hub.domain.models import TRANSITIONS, DeliveryKind, Eta, OrderStatus
from hub.domain.values import to_milliseconds

# The stages still ahead of an order in each status, its own included.
_AHEAD: Mapping[DeliveryKind, tuple[OrderStatus, ...]] = {
    DeliveryKind.DELIVERY: (
        OrderStatus.RECEIVED,
        OrderStatus.PREPARING,
        OrderStatus.READY,
        OrderStatus.EN_ROUTE,
    ),
    # What a pickup order waits for in `ready` is its customer, so nothing is ahead of it there.
    DeliveryKind.PICKUP: (OrderStatus.RECEIVED, OrderStatus.PREPARING),
}

# Until the branch has figures of its own: (quick, slow) seconds of each stage.
PRIOR: Mapping[OrderStatus, tuple[int, int]] = {
    OrderStatus.RECEIVED: (60, 240),
    OrderStatus.PREPARING: (360, 780),
    OrderStatus.READY: (60, 300),
    OrderStatus.EN_ROUTE: (480, 1200),
}
TIMED = tuple(PRIOR)
_PRIOR_WEIGHT = 8  # the prior counts as this many orders; later ones outvote it
_LEAST_SPREAD_S = 120

StageTimes = Mapping[OrderStatus, Sequence[int]]  # recent durations in seconds, newest first


def stage_sample(
    kind: DeliveryKind, left: OrderStatus, entered: OrderStatus, since: datetime, now: datetime
) -> tuple[str, int] | None:
    """What leaving a status tells of its length: the sample's name and its seconds.

    None if it tells nothing: a stage that was called off has no length, and a pickup's last one is the
    customer's own.
    """
    if left not in _AHEAD[kind] or entered not in TRANSITIONS[kind][left]:
        return None
    return f"stage:{left}", max(0, round((now - since).total_seconds()))


def estimate(kind: DeliveryKind, status: OrderStatus, since: datetime, now: datetime, times: StageTimes) -> Eta | None:
    """The range in which the customer will have it; None once there is nothing to wait for.

    Args:
        since: When the order entered `status`: time already spent in the stage is taken off it.
        times: Recent lengths of each stage here, in seconds.
    """
    ahead = _AHEAD[kind]
    if status not in ahead:
        return Eta(earliest=now, latest=now) if status is OrderStatus.READY else None
    quick_s = slow_s = 0.0
    for stage in ahead[ahead.index(status) :]:
        low, high = _spread(stage, times.get(stage, ()))
        spent = (now - since).total_seconds() if stage is status else 0.0
        quick_s += max(0.0, low - spent)
        slow_s += max(high * 0.2, high - spent)
    slow_s = max(slow_s, quick_s + _LEAST_SPREAD_S)
    return Eta(
        earliest=to_milliseconds(now + timedelta(seconds=quick_s)),
        latest=to_milliseconds(now + timedelta(seconds=slow_s)),
    )


def _spread(stage: OrderStatus, samples: Sequence[int]) -> tuple[float, float]:
    """The quick and the slow fifth of a stage, drawn towards the prior while samples are few."""
    low, high = PRIOR[stage]
    if not samples:
        return low, high
    ordered = sorted(samples)
    share = len(ordered) / (len(ordered) + _PRIOR_WEIGHT)
    own_low = ordered[int(0.2 * (len(ordered) - 1))]
    own_high = ordered[round(0.8 * (len(ordered) - 1))]
    return low + (own_low - low) * share, high + (own_high - high) * share
