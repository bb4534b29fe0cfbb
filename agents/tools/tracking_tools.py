"""Tools that track an order: its state, its link, its updates and its history."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import BoundTool
from agents.tools.own import (
    TrackedOrder,
    WhichOrder,
    brief,
    for_customer,
    is_open,
    one_order,
    own_orders,
    start_tracking,
)
from agents.tools.results import OrderInBrief, ToolError, ToolResult
from agents.tools.steps import Steps
from hub.domain.events import ChatStep
from hub.domain.lifecycle import ENDED, event_type, rule_of
from hub.domain.order import EXPIRED
from hub.domain.reason_codes import reason_words
from hub.domain.rooms import Room
from hub.domain.values import absent
from hub.services.stored_documents import read_body

if TYPE_CHECKING:
    from hub.domain.order_document import Order
    from hub.domain.texts import Lang
    from hub.store import LogEntry

_MAX_LISTED = 10  # orders told of at once
_MAX_WATCH_S = 20
_MAX_UPDATES = 8  # while watching
_LAST = frozenset(map(event_type, ENDED))


class TrackedOrders(ToolResult):
    """The state of the asker's orders; `code` is the number that they named."""

    orders: tuple[TrackedOrder, ...]
    code: str | None = Field(default=None, exclude_if=absent)


class Happening(ToolResult):
    """An event of an order, in words for its customer, with the facts that tell the cause."""

    what: str
    minutes_ago: int | None = Field(default=None, exclude_if=absent)
    reason: str | None = Field(default=None, exclude_if=absent)
    minutes: int | None = Field(default=None, exclude_if=absent)
    message: str | None = Field(default=None, exclude_if=absent)


class WatchedOrder(ToolResult):
    """The events of an order while the tool listened, and the order after them."""

    updates: tuple[Happening, ...]
    order: TrackedOrder | OrderInBrief


class OrderHistory(ToolResult):
    """The events of an order so far; `others` are the asker's other orders, if they named none."""

    code: str
    status: str
    happened: tuple[Happening, ...]
    others: tuple[OrderInBrief, ...] | None = Field(default=None, exclude_if=absent)


class TrackOrderTool(BoundTool):
    """The tool that tells where the asker's orders are: the open ones, newest first."""

    name = "track_order"
    description = (
        "Where the customer's own orders are now, when they will be ready, and what comes next. It knows by itself "
        "whose orders they are. Always call it before saying anything about an order's state."
    )
    arguments = WhichOrder

    async def do(self, arguments: WhichOrder, command_id: str) -> TrackedOrders:
        found = await own_orders(self.context, arguments.code)
        still_open = [order for order in found if is_open(order)]
        # With nothing on its way, "where is my order?" is about the last one.
        chosen = found if arguments.code else still_open or found[:1]
        orders = tuple(for_customer(self.context, order) for order in chosen[:_MAX_LISTED])
        return TrackedOrders(orders=orders, code=arguments.code or None)

    def called(self, arguments: WhichOrder) -> str:
        return self.say(texts.LOOKING_FOR_ORDER)

    def finished(self, result: TrackedOrders) -> str:
        if not result.orders:
            return self.say(texts.NO_ORDERS)
        return ", ".join(self._state(order) for order in result.orders)

    def _state(self, order: TrackedOrder) -> str:
        rule = rule_of(order.status)
        return f"{order.code}: {self.say(rule.entered) if rule else order.status}"


class StartTrackingTool(BoundTool):
    """The tool that gives an order's tracking link and brings the customer's open pages into its room."""

    name = "start_tracking"
    description = (
        "Let the customer follow their own order live: their page begins to show it, and they get the link. Give it "
        "exactly as the tool gives it."
    )
    arguments = WhichOrder
    changes = True

    async def do(self, arguments: WhichOrder, command_id: str) -> TrackedOrder | ToolError:
        order = await one_order(self.context, arguments.code, is_open)
        if isinstance(order, ToolError):
            return order
        url = await start_tracking(self.context, order, command_id)
        return for_customer(self.context, order).model_copy(update={"tracking_url": url})

    def called(self, arguments: WhichOrder) -> str:
        return self.say(texts.LOOKING_FOR_LINK)

    def finished(self, result: TrackedOrder) -> str:
        return self.say(texts.LINK_OF, code=result.code)


class WatchOrderArguments(WhichOrder):
    seconds: int = Field(default=15, ge=1, le=_MAX_WATCH_S, strict=True, description="How long to listen")


class WatchOrderTool(BoundTool):
    """The tool that listens to an order for some seconds and shows each event as it happens."""

    name = "watch_order"
    description = (
        "Listen to one of the customer's own orders for some seconds; each thing that happens is shown at once. Only "
        "when they ask to be kept up to date right now; for where it is, call track_order."
    )
    arguments = WatchOrderArguments
    deadline_s = _MAX_WATCH_S + 5.0

    async def do(self, arguments: WatchOrderArguments, command_id: str) -> WatchedOrder | ToolError:
        order = await one_order(self.context, arguments.code, is_open)
        if isinstance(order, ToolError):
            return order
        updates: list[Happening] = []
        room, after = str(Room.order(order.id)), await self._now(order)
        steps = Steps(self.context, {"watching": texts.WATCHING})
        await steps.enter("watching")
        # Stops with the order's end; a listener who is late hears it from the log.
        async with aclosing(self.context.services.follower.until(room, after, arguments.seconds, _LAST)) as entries:
            async for entry in entries:
                if update := self._update(entry):
                    await self._show(len(updates), update.what)
                    updates.append(update)
                if len(updates) >= _MAX_UPDATES:
                    break
        await steps.done()
        now = await one_order(self.context, order.code)
        shown = brief(order) if isinstance(now, ToolError) else for_customer(self.context, now)
        return WatchedOrder(updates=tuple(updates), order=shown)

    def called(self, arguments: WatchOrderArguments) -> str:
        return self.say(texts.LISTENING)

    def finished(self, result: WatchedOrder) -> str:
        count = len(result.updates)
        return self.say(texts.UPDATES, count=count)

    async def _now(self, order: Order) -> int:
        """Return the offset of the last event that the order, as it was read, already contains."""
        entries = await self.context.services.log.read_back(str(Room.order(order.id)), None, 50)
        bodies = [(entry.offset, read_body(self.context.services.log, entry)) for entry in entries]
        return max((offset for offset, body in bodies if body and _at(body) <= order.updated_at), default=0)

    def _update(self, entry: LogEntry) -> Happening | None:
        what = texts.WHAT_HAPPENED.get(entry.type)
        body = read_body(self.context.services.log, entry) if what else None
        if what is None or body is None:
            return None
        return Happening(what=self.say(what), **_why(body["data"], self.context.lang))

    async def _show(self, number: int, text: str) -> None:
        step = ChatStep(turn_id=self.context.turn_id, step=f"update-{number}", state="done", text=text)
        await self.context.journal.record(step)


class OrderHistoryTool(BoundTool):
    """The tool that tells an order's history."""

    name = "order_history"
    description = (
        "What happened to one of the customer's own orders so far, step by step, and how long ago; without a number "
        "also their other orders, the newest first."
    )
    arguments = WhichOrder

    async def do(self, arguments: WhichOrder, command_id: str) -> OrderHistory | ToolError:
        found = await own_orders(self.context, arguments.code)
        if not found:
            return ToolError(error="no_orders")
        latest, *others = found
        entries = await self.context.services.log.read(str(Room.order(latest.id)), 0, limit=200)
        steps = [step for entry in entries if (step := self._step(entry))]
        return OrderHistory(
            code=latest.code,
            status=str(latest.status),
            happened=tuple(steps[-30:]),
            others=None if arguments.code else tuple(map(brief, others[:_MAX_LISTED])),
        )

    def called(self, arguments: WhichOrder) -> str:
        return self.say(texts.GOING_OVER)

    def finished(self, result: OrderHistory) -> str:
        count = len(result.happened)
        return self.say(texts.STEPS, count=count)

    def _step(self, entry: LogEntry) -> Happening | None:
        what = texts.WHAT_HAPPENED.get(entry.type)
        body = read_body(self.context.services.log, entry) if what else None
        if what is None or body is None:
            return None
        ago = self.context.services.clock() - _at(body)
        minutes_ago = max(0, round(ago.total_seconds() / 60))
        return Happening(what=self.say(what), minutes_ago=minutes_ago, **_why(body["data"], self.context.lang))


def _at(body: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(body["at"])


def _why(data: dict[str, Any], lang: Lang) -> dict[str, Any]:
    """Return the facts of an event that tell its customer the cause, a usual reason in their language."""
    facts = {name: data[name] for name in ("reason", "minutes", "message") if data.get(name) and data[name] != EXPIRED}
    if "reason" in facts:
        facts["reason"] = reason_words(facts["reason"], data.get("reason_code"), lang)
    return facts
