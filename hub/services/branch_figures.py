"""The branch's figures: what a day has brought, and what is on the board now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta

from hub.core.times import format_time
from hub.domain.answers.branch_answers import DashboardFigures, DayFigures, MemoryFigures
from hub.domain.business_day import DAY_STARTS, BusinessDay
from hub.domain.lifecycle import OrderStatus
from hub.domain.order_document import Order
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import KITCHEN
from hub.services.document_names import ACTIVE_ORDERS, ORDER
from hub.services.service_bounds import MAX_FIGURES_ORDERS
from hub.services.stored_documents import load_objects
from hub.store.log import EventLog, ViewQuery

CountMove = tuple[str, str, int]  # the counter's name, its field, by how much


class Day:
    """The counters of each business day."""

    def __init__(self, timezone: str, starts: str = DAY_STARTS) -> None:
        self.days = BusinessDay.of(timezone, starts)

    def name(self, now: datetime) -> str:
        """Return the name of the counters of the day of a moment."""
        return self.of(self.days.at(now))

    def of(self, day: date) -> str:
        """Return the name of the counters of a day."""
        return f"day:{day.isoformat()}"

    def placed(self, order: Order, now: datetime) -> tuple[CountMove, ...]:
        """Return the counter moves of a placed order."""
        return ((self.name(now), "orders", 1), (self.name(now), "sales", order.total))

    def cancelled(self, order: Order, now: datetime) -> tuple[CountMove, ...]:
        """Return the counter moves of a cancelled order: it stays an order of its day, but is no sale."""
        return ((self.name(order.placed_at), "sales", -order.total), (self.name(now), "cancelled", 1))

    def restored(self, order: Order) -> tuple[CountMove, ...]:
        """Return the counter moves of a cancelled order that is taken back: those of its cancellation, undone."""
        return (
            (self.name(order.placed_at), "sales", order.total),
            (self.name(order.status_since), "cancelled", -1),
        )


class BranchFigures:
    """Reads the figures of the dashboard."""

    def __init__(
        self,
        log: EventLog,
        day: Day,
        currency: str,
        clock: Callable[[], datetime],
        connections: Callable[[], int],
        memory: Callable[[], MemoryFigures | None],
        board_bytes: int,
    ) -> None:
        self._log = log
        self._day = day
        self._currency = currency
        self._clock = clock
        self._connections = connections
        self._memory = memory
        self._board_bytes = board_bytes

    async def read(self) -> DashboardFigures:
        """Return the figures as they are now.

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
                index_limit=MAX_FIGURES_ORDERS,
                index_bytes=self._board_bytes,
                oldest=True,
            )
        )
        by_status = Counter(order["status"] for order in load_objects(self._log, board.indexed, "status"))
        preparing = await self._log.samples(f"stage:{OrderStatus.PREPARING}")
        return DashboardFigures(
            orders_active=board.total,
            orders_today=today.get("orders", 0),
            cancelled_today=today.get("cancelled", 0),
            sales_today=today.get("sales", 0),
            currency=self._currency,
            by_status=dict(by_status),
            avg_prep_s=round(sum(preparing) / len(preparing)) if preparing else None,
            connections=self._connections(),
            memory=self._memory(),
            at=format_time(now),
        )

    async def of_day(self, principal: Principal, day: date | None) -> DayFigures:
        """Return the figures of one business day; by default, of the present one."""
        principal.require(Permission.JOIN_DASHBOARD)
        days = self._day.days
        asked = day or days.at(self._clock())
        counts = await self._log.counts(self._day.of(asked))
        return DayFigures(
            day=asked.isoformat(),
            begins_at=format_time(days.begins(asked)),
            ends_at=format_time(days.ends(asked)),
            previous=(asked - timedelta(days=1)).isoformat(),
            orders=counts.get("orders", 0),
            cancelled=counts.get("cancelled", 0),
            sales=counts.get("sales", 0),
            currency=self._currency,
        )
