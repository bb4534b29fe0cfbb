"""The branch's live figures: what the day has brought, and what is on the board now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.domain.models import Order, OrderStatus
from hub.domain.rooms import KITCHEN
from hub.domain.values import format_time
from hub.eventlog.log import EventLog, ViewQuery
from hub.services.documents import ACTIVE_ORDERS, ORDER
from hub.services.stored import load_objects

_BOARD = 500  # orders counted by status, or as many as a snapshot may hold

CounterMove = tuple[str, str, int]  # the counter's name, its field, by how much


class Day:
    """The day's counters: a day ends at the branch's own midnight."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)

    def name(self, now: datetime) -> str:
        return f"day:{now.astimezone(self._zone):%Y-%m-%d}"

    def placed(self, order: Order, now: datetime) -> tuple[CounterMove, ...]:
        return ((self.name(now), "orders", 1), (self.name(now), "sales", order.total))

    def cancelled(self, order: Order, now: datetime) -> tuple[CounterMove, ...]:
        """A cancelled order was an order of its day, but not a sale."""
        return ((self.name(order.placed_at), "sales", -order.total), (self.name(now), "cancelled", 1))


class Figures:
    """What the floor's screen shows."""

    def __init__(
        self,
        log: EventLog,
        day: Day,
        currency: str,
        clock: Callable[[], datetime],
        connections: Callable[[], int],
        memory: Callable[[], dict[str, Any] | None],
        board_bytes: int,
    ) -> None:
        self._log = log
        self._day = day
        self._currency = currency
        self._clock = clock
        self._connections = connections
        self._memory = memory
        self._board_bytes = board_bytes

    async def read(self) -> dict[str, Any]:
        """The figures now; `sales_today` in minor units, `connections` those of this process, `memory` Redis's.

        `by_status` counts the orders that wait longest: at most 500, and no more than weigh as much as a snapshot may.
        """
        now = self._clock()
        today = await self._log.counts(self._day.name(now))
        board = await self._log.view(
            ViewQuery(
                room=str(KITCHEN),
                after=None,
                epoch=None,
                limit=0,
                index=ACTIVE_ORDERS,
                index_kind=ORDER,
                index_limit=_BOARD,
                index_bytes=self._board_bytes,
                oldest=True,
            )
        )
        by_status = Counter(order["status"] for order in load_objects(self._log, board.indexed, "status"))
        preparing = await self._log.samples(f"stage:{OrderStatus.PREPARING}")
        return {
            "orders_active": board.total,
            "orders_today": today.get("orders", 0),
            "cancelled_today": today.get("cancelled", 0),
            "sales_today": today.get("sales", 0),
            "currency": self._currency,
            "by_status": dict(by_status),
            "avg_prep_s": round(sum(preparing) / len(preparing)) if preparing else None,
            "connections": self._connections(),
            "memory": self._memory(),
            "at": format_time(now),
        }
