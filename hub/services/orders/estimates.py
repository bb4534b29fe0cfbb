"""The branch's own stage times, kept at hand for estimates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from hub.domain.eta import TIMED, StageTimes, estimate, stage_sample
from hub.domain.lifecycle import DeliveryKind, OrderStatus
from hub.domain.order_document import Eta, Order
from hub.store.log import EventLog

_FRESH_S = 10.0  # an estimate is a range of minutes, so figures may be ten seconds old


class Estimates:
    """Estimates from the stages of this branch's last hundred orders."""

    def __init__(self, log: EventLog, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._times: StageTimes = {}
        self._read_at = -_FRESH_S * 2

    async def times(self) -> StageTimes:
        """Return the recent lengths of each stage in seconds, at most ten seconds old."""
        if self._monotonic() - self._read_at > _FRESH_S:
            read: Mapping[OrderStatus, list[int]] = {
                status: await self._log.samples(f"stage:{status}") for status in TIMED
            }
            self._times = read
            self._read_at = self._monotonic()
        return self._times

    async def of(self, kind: DeliveryKind, status: OrderStatus, since: datetime, now: datetime) -> Eta | None:
        """Return the estimate of an order in a status since a time."""
        return estimate(kind, status, since, now, await self.times())

    def after(self, order: Order, to: OrderStatus, now: datetime, times: StageTimes) -> Eta | None:
        """Return the estimate of an order that enters `to` now.

        None for a kind of delivery that only a newer hub knows.
        """
        kind = order.delivery.kind
        return estimate(kind, to, now, now, times) if isinstance(kind, DeliveryKind) else None

    def sample(self, order: Order, to: OrderStatus | str, now: datetime) -> tuple[str, int] | None:
        """Return the length of the stage that an order leaves for `to` now; None if there is nothing to learn."""
        kind, left = order.delivery.kind, order.status
        if not (isinstance(kind, DeliveryKind) and isinstance(left, OrderStatus) and isinstance(to, OrderStatus)):
            return None
        return stage_sample(kind, left, to, order.status_since, now)
