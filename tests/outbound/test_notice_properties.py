"""Any evening: steps, recalls, changes of mind, busy push services, dead notifiers, nights in which clocks change."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.errors import ComandaError
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.notices import KINDS, STATUS_TYPES
from hub.domain.notification_preferences import Preferences
from hub.store.outbound_stream import START
from tests.outbound.test_notifier import ALL, Evening, opened
from tests.support.services_harness import MANAGER, Clock, customer_of, open_branch

if TYPE_CHECKING:
    from tests.support.browser_keys import Browser

ZONE = "America/New_York"
# Friday afternoons: of a weekend in which the clocks go ahead, one in which they go back, and one in which they stay.
BEGINNINGS = tuple(datetime(2026, month, day, 20, tzinfo=UTC) for month, day in ((3, 6), (10, 30), (6, 19)))
TYPE_OF_TITLE = {kind.title.in_("es"): type_ for type_, kind in KINDS.items()}
HOURS = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")
QUIET = st.none() | st.fixed_dictionaries({"start": HOURS, "end": HOURS})
STEPS = st.one_of(
    st.tuples(st.just("advance")),
    st.tuples(st.just("recall")),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("delay")),
    st.tuples(st.just("notice")),
    st.tuples(st.just("choose"), QUIET, st.lists(st.sampled_from(ALL), unique=True, min_size=3)),
    st.tuples(st.just("busy"), st.integers(1, 7_200)),
    st.tuples(st.just("die")),
    st.tuples(st.just("due")),
    st.tuples(st.just("due")),
    st.tuples(st.just("turn"), st.sampled_from((1, 5, 6, 60, 600, 3_600, 3 * 3_600, 9 * 3_600, 25 * 3_600))),
)


@dataclass
class Night:
    """An order, its customer's phone, and what was told on it."""

    evening: Evening
    order_id: str
    phone: Browser
    told: list[str] = field(default_factory=list)

    async def take(self, step: tuple[Any, ...]) -> None:
        name, *values = step
        with suppress(ComandaError):  # not every step is possible at every time
            await getattr(self, name)(*values)
        await self.look()

    async def advance(self) -> None:
        order = await self.evening.branch.order(self.order_id)
        way = [OrderStatus.RECEIVED, OrderStatus.PREPARING, OrderStatus.READY, OrderStatus.DELIVERED]
        if order.status in way[:-1]:
            await self.evening.branch.bring(self.order_id, way[way.index(OrderStatus(order.status)) + 1])

    async def recall(self) -> None:
        await self.evening.branch.orders.recall(MANAGER, cmd.RecallOrder(order_id=self.order_id, reason="no"))

    async def cancel(self) -> None:
        await self.evening.branch.bring(self.order_id, OrderStatus.CANCELLED)

    async def delay(self) -> None:
        delay = cmd.DelayOrder(order_id=self.order_id, minutes=15, reason="llueve")
        await self.evening.branch.orders.delay(MANAGER, delay)

    async def notice(self) -> None:
        notice = cmd.SendNotice(order_id=self.order_id, message="ya vamos")
        await self.evening.branch.wire.notifications.send(MANAGER, notice)

    async def choose(self, quiet: dict[str, str] | None, types: list[str]) -> None:
        wishes = cmd.SetNotifications.model_validate({"types": types, "channels": ["push"], "quiet_hours": quiet})
        await self.evening.branch.wire.notifications.set(customer_of(self.order_id), wishes)

    async def busy(self, seconds: int) -> None:
        self.evening.standin.answers = [(503, {"Retry-After": str(seconds)})]

    async def die(self) -> None:
        self.evening.cursor = START  # the next notifier comes to everything again

    async def turn(self, seconds: int) -> None:
        self.evening.branch.clock.turn(seconds=seconds)

    async def due(self) -> None:
        """Turn the clock to the next time at which something may be told."""
        next_due = (await self.evening.notices.of(f"order-{self.order_id}")).next_due
        if next_due is not None:
            self.evening.branch.clock.now = max(next_due, self.evening.branch.clock())

    async def look(self) -> None:
        """Let the notifier work, and check what it has told just now."""
        await self.evening.step()
        messages = [each.message for each in self.evening.standin.pushed.get(self.phone.endpoint, [])]
        new = messages[len(self.told) :]
        self.told += [message["id"] for message in new]
        types = [TYPE_OF_TITLE[message["notification"]["title"]] for message in new]
        assert max(Counter(self.told).values(), default=1) == 1, "told twice of one event"
        status = (await self.evening.branch.order(self.order_id)).status
        states = [type_ for type_ in types if type_ in STATUS_TYPES]
        assert len(states) <= 1, "told of a state that a newer one had replaced"
        assert all(STATUS_TYPES[type_] == status for type_ in states), "told of a state that the order has left"
        if new:
            chosen = await self.evening.notices.preferences_of(f"order-{self.order_id}") or Preferences()
            local = self.evening.branch.clock().astimezone(ZoneInfo(ZONE)).time()
            assert chosen.quiet_hours is None or not chosen.quiet_hours.holds(local), "told in quiet hours"
            assert set(types) <= set(chosen.types), "told of what they no longer want"


async def spend(beginning: datetime, quiet: dict[str, str] | None, steps: list[tuple[Any, ...]]) -> None:
    async with open_branch(clock=Clock(beginning)) as branch, opened(branch, ZONE) as evening:
        order_id, phone = await evening.order(quiet_hours=quiet)
        night = Night(evening, order_id, phone)
        for step in steps:
            await night.take(step)
        for _ in range(8):  # the night ends, and with it the quiet hours
            await night.take(("due",))


@settings(max_examples=120, deadline=None)
@given(beginning=st.sampled_from(BEGINNINGS), quiet=QUIET, steps=st.lists(STEPS, max_size=14))
def test_nobody_is_told_twice_nor_in_quiet_hours_nor_of_what_is_no_longer_true(
    beginning: datetime, quiet: dict[str, str] | None, steps: list[tuple[Any, ...]]
) -> None:
    asyncio.run(spend(beginning, quiet, steps))
