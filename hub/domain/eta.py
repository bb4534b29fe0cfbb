"""Estimates of the time at which an order will be there, from the recent stages of this branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hub.domain.lifecycle import RULES, DeliveryKind, OrderStatus, way
from hub.domain.order_document import Eta
from hub.domain.values import to_milliseconds

# The stages of an order that can be estimated, in order: from the first until it waits for its customer.
_AHEAD: Mapping[DeliveryKind, tuple[OrderStatus, ...]] = {
    kind: tuple(
        status for status in way(kind) if not RULES[status].ended and kind not in RULES[status].waits_for_customer
    )
    for kind in DeliveryKind
}

# Used until the branch has its own figures: (quick, slow) seconds of each stage.
PRIOR: Mapping[OrderStatus, tuple[int, int]] = {
    status: rule.usual_s for status, rule in RULES.items() if rule.usual_s is not None
}
TIMED = tuple(PRIOR)
_PRIOR_WEIGHT = 8  # the prior counts as this many orders; later ones outvote it
_MIN_SPREAD_S = 120

StageTimes = Mapping[OrderStatus, Sequence[int]]  # recent durations in seconds, newest first


def stage_sample(
    kind: DeliveryKind, left: OrderStatus, entered: OrderStatus, since: datetime, now: datetime
) -> tuple[str, int] | None:
    """Return the length of a stage that an order has just left: the sample's name and its seconds.

    Returns:
        None if there is nothing to learn: a stage that was called off has no length, and the last stage of a pickup
        is the customer's own.
    """
    if left not in _AHEAD[kind] or entered is not RULES[left].next.get(kind):
        return None
    return f"stage:{left}", max(0, round((now - since).total_seconds()))


def estimate(kind: DeliveryKind, status: OrderStatus, since: datetime, now: datetime, times: StageTimes) -> Eta | None:
    """Return the range in which the customer will have the order; None once there is nothing to wait for.

    Args:
        since: When the order entered `status`: time already spent in the stage is taken off it.
        times: Recent lengths of each stage here, in seconds.
    """
    ahead = _AHEAD[kind]
    if status not in ahead:
        return Eta(earliest=now, latest=now) if kind in RULES[status].waits_for_customer else None
    quick_s = slow_s = 0.0
    for stage in ahead[ahead.index(status) :]:
        low, high = _spread(stage, times.get(stage, ()))
        spent = (now - since).total_seconds() if stage is status else 0.0
        quick_s += max(0.0, low - spent)
        slow_s += max(high * 0.2, high - spent)
    slow_s = max(slow_s, quick_s + _MIN_SPREAD_S)
    return Eta(
        earliest=to_milliseconds(now + timedelta(seconds=quick_s)),
        latest=to_milliseconds(now + timedelta(seconds=slow_s)),
    )


def _spread(stage: OrderStatus, samples: Sequence[int]) -> tuple[float, float]:
    """Return the quick and the slow fifth of a stage, drawn towards the prior while samples are few."""
    low, high = PRIOR[stage]
    if not samples:
        return low, high
    ordered = sorted(samples)
    share = len(ordered) / (len(ordered) + _PRIOR_WEIGHT)
    own_low = ordered[int(0.2 * (len(ordered) - 1))]
    own_high = ordered[round(0.8 * (len(ordered) - 1))]
    return low + (own_low - low) * share, high + (own_high - high) * share
