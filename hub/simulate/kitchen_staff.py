"""A kitchen that serves orders, one pair of hands for each; a person's tap always comes first."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import structlog

from comanda import Comanda, Refused, Unreachable
from hub.domain.lifecycle import OPEN, RULES, OrderStatus
from hub.simulate.measurements import RunCounts
from hub.simulate.radio import Radio
from hub.simulate.ticket import Step, Ticket, next_step

MAX_AT_ONCE = 200  # orders in hand; further orders are left to people
MAX_CONFLICTS = 5  # in a row, on one order: then a person works on it, and the simulation leaves it alone

log = structlog.get_logger(__name__)


class Pace:
    """The speed of people: `speed` 10 takes a tenth of the time."""

    def __init__(self, speed: float, chance: random.Random) -> None:
        self._speed = speed
        self._chance = chance

    def seconds(self, between: tuple[float, float]) -> float:
        """Return a random time between two bounds, in seconds."""
        return self._chance.uniform(*between) / self._speed

    async def pause(self, between: tuple[float, float]) -> None:
        """Sleep for a random time between two bounds."""
        await asyncio.sleep(self.seconds(between))


class Kitchen:
    """Serves the orders it is given, and with `adopt` every order on the board.

    Args:
        tasks: Owns the hands: one task an order.
        couriers: Ids of those who ride; none: orders leave without a name.
        adopt: Serve the orders of others too.
    """

    def __init__(
        self,
        hub: Comanda,
        radio: Radio,
        tasks: asyncio.TaskGroup,
        pace: Pace,
        figures: RunCounts,
        *,
        couriers: tuple[str, ...],
        adopt: bool,
        on_event: Callable[[str], None],
    ) -> None:
        self._hub = hub
        self._radio = radio
        self._tasks = tasks
        self._pace = pace
        self._figures = figures
        self._couriers = couriers
        self._adopt = adopt
        self._say = on_event
        self._versions: dict[str, int] = {}  # of the orders in hand, the newest that the board showed
        self.watching = asyncio.Event()

    @property
    def in_hand(self) -> int:
        """The number of orders that are being served."""
        return len(self._versions)

    async def watch(self) -> None:
        """Read the board's room for ever: what is new, and what other people did.

        Raises:
            Refused: The token may not read the kitchen's room.
        """
        async with self._hub.room("kitchen", timeout_s=None) as room:
            self.watching.set()
            await self._take_the_board()
            async for event in room:
                if event["type"] == "room.reset":
                    await self._take_the_board()
                else:
                    self._read(event["data"])

    def take(self, order: dict[str, Any]) -> asyncio.Task[None] | None:
        """Give an order into the kitchen's hands; nothing happens when it is there already."""
        if order["id"] in self._versions or len(self._versions) >= MAX_AT_ONCE:
            return None
        ticket = Ticket.of(order)
        self._versions[ticket.id] = ticket.version
        return self._tasks.create_task(self._serve(ticket), name=f"order {ticket.code}")

    async def _take_the_board(self) -> None:
        if not self._adopt:
            return
        for status in OPEN:
            try:
                page = await self._hub.get("/api/orders", status=str(status), limit="100")
            except Unreachable:
                return  # the room is away as well; what is placed meanwhile comes with its events
            for order in page["orders"]:
                self.take(order)

    def _read(self, data: dict[str, Any]) -> None:
        order = data.get("order")
        if order is not None and self._adopt:
            self.take(order)
        order_id = order["id"] if order else data.get("order_id")
        version = order["version"] if order else data.get("version")
        if order_id is None or version is None:
            return
        self._figures.saw(order_id, version)
        if version > self._versions.get(order_id, version):
            self._versions[order_id] = version

    async def _serve(self, ticket: Ticket) -> None:
        try:
            ticket = await self._work(ticket)
        except (Refused, Unreachable) as exc:
            self._figures.failed += 1
            self._say(f"{ticket.code}: left alone ({exc})")
            log.warning("order_left_alone", order_id=ticket.id, error=str(exc))
        else:
            self._figures.delivered += ticket.status is OrderStatus.DELIVERED
            self._figures.cancelled += ticket.status is OrderStatus.CANCELLED
        finally:
            self._versions.pop(ticket.id, None)

    async def _work(self, ticket: Ticket) -> Ticket:
        """Do step after step until the order is at its end."""
        conflicts = 0
        while (step := next_step(ticket, self._couriers)) is not None:
            await self._take_time(ticket, step)
            if self._versions[ticket.id] > ticket.version:
                ticket = await self._look(ticket)  # the order has changed meanwhile: decide again
                continue
            try:
                ticket = await self._do(ticket, step)
                conflicts = 0
            except Refused as refused:
                conflicts += 1
                if refused.code != "conflict" or conflicts > MAX_CONFLICTS:
                    raise
                self._figures.conflicts += 1
                ticket = await self._look(ticket)
        return ticket

    async def _take_time(self, ticket: Ticket, step: Step) -> None:
        if RULES[ticket.status].on_the_road:
            await self._radio.ride(ticket, self._pace.seconds(step.after_s))
        else:
            await self._pace.pause(step.after_s)

    async def _do(self, ticket: Ticket, step: Step) -> Ticket:
        sent = time.perf_counter()
        answer = await self._hub.post(f"/api/orders/{ticket.id}/{step.call}", step.body)
        done = Ticket.of(answer["order"])
        if done.version > ticket.version:
            self._figures.committed(done.id, done.version, sent)
            self._say(f"{done.code}: {step.says}")
        self._versions[done.id] = max(done.version, self._versions[done.id])
        return done

    async def _look(self, ticket: Ticket) -> Ticket:
        """Read the order itself; what the board showed of it is old now."""
        answer = await self._hub.get(f"/api/orders/{ticket.id}")
        found = Ticket.of(answer["order"])
        self._versions[found.id] = found.version
        return found
