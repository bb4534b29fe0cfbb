"""Orders: placing them, and everything that may happen to one until it is eaten or cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from hub.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    TooLarge,
    Unavailable,
)
from hub.domain import commands as cmd
from hub.domain import courier_rules
from hub.domain import order as orders
from hub.domain.answers.order_answers import OrderAnswer, OrderPage, PlacedOrder
from hub.domain.error_catalogue import PriceChanged
from hub.domain.events import OrderEvent
from hub.domain.lifecycle import FIRST, OrderStatus
from hub.domain.menu import Menu
from hub.domain.order_document import Courier, CustomerName, Eta, Order, OrderItem
from hub.domain.order_fold import fold
from hub.domain.pricing import check_seen_prices, priced
from hub.domain.recalls import Tap
from hub.domain.roles import Permission, Principal, Role, Scope
from hub.services.auth.command_identity import by_name, derived_key, idempotency_key
from hub.services.auth.staff_service import StaffService
from hub.services.capacity import Capacity
from hub.services.command_answers import answer_of
from hub.services.document_names import contact_key
from hub.services.former_dishes import FormerDishes
from hub.services.orders.estimates import Estimates
from hub.services.orders.order_commits import OrderCommits, order_is_busy
from hub.services.orders.order_limits import OrderLimits, waits_instead
from hub.services.orders.order_queries import OrderQueries
from hub.services.orders.order_writes import InChat, OrderWrites, together
from hub.services.stock_service import commit_reserving
from hub.services.stored_documents import readable_object
from hub.store.conflicts import TryAgain, retry_on_conflict
from hub.store.counters import MAX_COUNTER_MOVES
from hub.store.log import EventLog, Write


class OrderIds(Protocol):
    """Gives ids that are short enough to call across a counter."""

    def __call__(self) -> str: ...


class OrderService:
    """Commands on orders: each checks the permission, lets the domain decide, and commits once."""

    def __init__(
        self,
        log: EventLog,
        menu: Menu,
        staff: StaffService,
        estimates: Estimates,
        bounds: OrderLimits,
        capacity: Capacity,
        writes: OrderWrites,
        clock: Callable[[], datetime],
        new_order_id: OrderIds,
        recall_window: timedelta,
        former: FormerDishes,
    ) -> None:
        self._log = log
        self._menu = menu
        self._staff = staff
        self._estimates = estimates
        self._bounds = bounds
        self._capacity = capacity
        self._writes = writes
        self._clock = clock
        self._new_order_id = new_order_id
        self._recall_window = recall_window
        self._former = former
        self._commits = OrderCommits(log, writes, clock)
        self._change = self._commits.change
        self._queries = OrderQueries(log, clock)

    async def place(self, principal: Principal, command: cmd.PlaceOrder, *, chat: InChat | None = None) -> PlacedOrder:
        """Place an order.

        Args:
            chat: That follows it from here on.

        Returns:
            The order and its link; for a command id seen before, those of the first time. The same command of the same
            caller without an id counts as a repeat for a minute.

        Raises:
            BadRequest: A dish that the menu has not, or a delivery without an address.
            PriceChanged: It costs something else than the caller saw.
            OutOfStock: Not enough left of something; nothing is reserved.
            LimitReached: It is larger than an order may be, or the address has too many open ones.
            RateLimited: Too many orders from one address in a short time.
            Unavailable: There is hardly any memory left, and they are not staff; or Redis did not answer.
        """
        principal.require_scope(Scope.ORDERS_WRITE)
        key = idempotency_key(principal, command) or derived_key(principal, command)
        try:
            await self._capacity.require(principal)
            items = self.weighed(principal, command)
        # The menu, its prices, the bounds or the free memory may have differed at the first try.
        except (BadRequest, PriceChanged, LimitReached, Unavailable):
            if (first := await self._commits.answered_before(key)) is not None:
                return self._writes.with_tracking(first)
            raise
        now = self._clock()
        eta = await self._estimates.of(command.delivery.kind, FIRST, now, now)
        acceptance = self._bounds.acceptance(principal, items, now)
        customer = CustomerName(name=command.customer.name)

        async def attempt() -> PlacedOrder:  # with another id each time: it may be taken
            nonlocal acceptance
            order_id = self._new_order_id()
            happened = orders.place(order_id, customer, items, command.delivery, eta, now, acceptance)
            order = fold(None, [(event, now) for event in happened])
            try:
                write = replace(self._writes.placed(principal, command, order, happened, now, chat), idempotency=key)
                return self._writes.with_tracking(await self._commits.commit(order, write))
            except LimitReached as exc:
                if not waits_instead(exc):
                    raise
                acceptance = self._bounds.acceptance(principal, items, now, waits=True)
                raise TryAgain from exc

        return await retry_on_conflict(attempt, busy=lambda: Unavailable("no free order number; try again"))

    async def advance(self, principal: Principal, command: cmd.AdvanceOrder) -> OrderAnswer:
        """Move an order one step on."""
        if not principal.may(Permission.ADVANCE_ORDER):
            principal.require(Permission.CARRY_ORDER)
        if command.to is OrderStatus.CANCELLED:
            raise Conflict("an order is cancelled with order.cancel, and a reason")
        # Read before the decision: deciding is pure.
        times = await self._estimates.times()

        def decide(order: Order) -> list[OrderEvent]:
            courier_rules.check_carrier(order, principal)
            orders.check_version(order, command.version)
            eta = self._estimates.after(order, command.to, self._clock(), times)
            return orders.advance(order, command.to, by_name(principal), eta, self._tap(principal))

        return await self._change(principal, command, decide)

    async def cancel(
        self, principal: Principal, command: cmd.CancelOrder, *, version: int | None = None
    ) -> OrderAnswer:
        """Cancel an order; with a `version`, only if it has not changed since."""
        principal.require_scope(Scope.ORDERS_WRITE)
        if not principal.may(Permission.CANCEL_ORDER) and command.order_id not in principal.orders:
            raise _not_for_you(principal, command.order_id)

        def decide(order: Order) -> list[OrderEvent]:
            orders.check_version(order, version)
            tap, code = self._tap(principal), command.reason_code
            return orders.cancel(order, command.reason, principal, by_name(principal), tap, code)

        return await self._change(principal, command, decide)

    async def change(
        self, principal: Principal, command: cmd.ChangeOrder, *, chat: InChat | None = None
    ) -> PlacedOrder:
        """Cancel an order and place it anew for the same customer, in one step.

        Raises:
            Conflict: The kitchen has started on it.
            TooLarge: More dishes go and come than one step can count.
            BadRequest, PriceChanged, OutOfStock, LimitReached, RateLimited: As in placing; the order stays as it was.
        """
        principal.require_scope(Scope.ORDERS_WRITE)
        write = Write(idempotency=idempotency_key(principal, command))
        if (first := await self._commits.answered_before(write.idempotency)) is not None:
            return self._writes.with_tracking(first)
        if not principal.may(Permission.CANCEL_ORDER) and command.order_id not in principal.orders:
            raise _not_for_you(principal, command.order_id)
        items = self.weighed(principal, command)
        now = self._clock()
        eta = await self._estimates.of(command.delivery.kind, FIRST, now, now)
        waits = False

        async def attempt() -> PlacedOrder:
            nonlocal waits
            old = await self._commits.read(command.order_id)
            if old.begun:
                raise Conflict("the kitchen has started on it", status=str(old.status))
            acceptance = self._bounds.acceptance(principal, items, now, replaced=old, waits=waits)
            contact = await self._log.document(contact_key(old.id))
            order_id = self._new_order_id()
            happened = orders.place(order_id, old.customer, items, command.delivery, eta, now, acceptance)
            order = fold(None, [(event, now) for event in happened])
            gone = orders.cancel(old, f"cambiado por el pedido {order.code}", principal, by_name(principal))
            reached_by = readable_object(self._log, contact) or {}
            placing = _placed_anew(command, order, reached_by)
            taken_back = self._writes.changed(old, gone, Write(), now)[1]
            placed = self._writes.placed(
                principal, placing, order, happened, now, chat, contact=reached_by, replaced=old
            )
            combined = together(taken_back, placed, write)
            if len(combined.counters) > MAX_COUNTER_MOVES:
                raise TooLarge("that is too many dishes for one change", limit=MAX_COUNTER_MOVES)
            # The day's sales count one order, with the new amount.
            sales = tuple(move for move in combined.counts if move[1] == "sales")
            try:
                committed = await commit_reserving(self._log, replace(combined, counts=sales), order.items)
            except LimitReached as exc:
                if not waits_instead(exc):
                    raise
                waits = True
                raise TryAgain from exc
            return self._writes.with_tracking(answer_of(OrderAnswer, committed))

        return await retry_on_conflict(attempt, busy=lambda: order_is_busy(command.order_id))

    def weighed(self, principal: Principal, command: cmd.PlaceOrder | cmd.ChangeOrder) -> list[OrderItem]:
        """Return the priced lines of an order, if this principal may place one of that size.

        Raises:
            BadRequest: A dish that the menu has not.
            PriceChanged: It costs something else than the caller saw.
            LimitReached: It is too large; `values` says by which bound.
        """
        self._bounds.check_bytes(command)
        items = priced(self._menu, command.items, self._former.names)
        check_seen_prices(self._menu, command.items, items, command.total, self._former.prices)
        self._bounds.check_size(principal, items)
        return items

    async def recall(self, principal: Principal, command: cmd.RecallOrder) -> OrderAnswer:
        """Move an order one step back, or back from its cancellation.

        Raises:
            RecallExpired: It is too late.
            OutOfStock: Of a cancelled order: what it had taken is not there any more.
        """
        if not principal.is_staff:
            principal.require(Permission.RECALL_ORDER)
        times = await self._estimates.times()

        def decide(order: Order) -> list[OrderEvent]:
            tap = self._tap(principal)

            def estimate(to: OrderStatus) -> Eta | None:
                return self._estimates.after(order, to, tap.at, times)

            return orders.recall(order, command.reason, by_name(principal), estimate, tap, command.reason_code)

        contact = readable_object(self._log, await self._log.document(contact_key(command.order_id))) or {}
        return await self._change(principal, command, decide, contact)

    async def delay(self, principal: Principal, command: cmd.DelayOrder) -> OrderAnswer:
        """Announce that an order will take longer."""
        principal.require(Permission.DELAY_ORDER)

        def decide(order: Order) -> list[OrderEvent]:
            courier_rules.check_delayer(order, principal)
            return orders.delay(order, command.minutes, command.reason, command.reason_code)

        return await self._change(principal, command, decide)

    async def acknowledge(self, principal: Principal, command: cmd.AcknowledgeOrder) -> OrderAnswer:
        """Record that a person saw an order."""
        principal.require(Permission.ACKNOWLEDGE_ORDER)
        return await self._change(principal, command, lambda order: orders.acknowledge(order, by_name(principal)))

    async def accept(self, principal: Principal, command: cmd.AcceptOrder) -> OrderAnswer:
        """Accept an order that waits for acceptance; nothing happens if it does not wait."""
        principal.require(Permission.ACKNOWLEDGE_ORDER)
        return await self._change(principal, command, lambda order: orders.accept(order, by_name(principal)))

    async def mark_item(self, principal: Principal, command: cmd.MarkItem) -> OrderAnswer:
        """Mark a line of an order as done or not done."""
        principal.require(Permission.MARK_ITEM)
        return await self._change(principal, command, lambda order: orders.mark_item(order, command.item, command.done))

    async def assign_courier(self, principal: Principal, command: cmd.AssignCourier) -> OrderAnswer:
        """Give the order to a courier; a courier may only take it for themselves, and from nobody."""
        principal.require(Permission.ASSIGN_COURIER)
        account = await self._staff.get(command.courier_id)
        if account is None or Role.COURIER not in account.roles:
            # A repeat may come after the courier has left the staff.
            if (first := await self._commits.answered_before(idempotency_key(principal, command))) is not None:
                return first
            raise NotFound("there is no such courier", courier_id=command.courier_id)
        courier = Courier(id=account.id, name=account.name)

        def decide(order: Order) -> list[OrderEvent]:
            courier_rules.check_taker(order, principal, courier)
            return orders.assign_courier(order, courier)

        return await self._change(principal, command, decide)

    async def get(self, principal: Principal, order_id: str) -> OrderAnswer:
        """Return an order (see `OrderQueries.get`)."""
        return await self._queries.get(principal, order_id)

    async def find(
        self,
        principal: Principal,
        status: OrderStatus | None,
        limit: int,
        before: int | None,
        most_bytes: int = 0,
        day: date | None = None,
    ) -> OrderPage:
        """Return a page of orders (see `OrderQueries.find`), of one business day if one is given."""
        return await self._queries.find(principal, status, limit, before, most_bytes, self._writes.placed_on(day))

    def _tap(self, principal: Principal) -> Tap:
        return Tap(principal, self._clock(), self._recall_window)


def _placed_anew(command: cmd.ChangeOrder, order: Order, contact: dict[str, Any]) -> cmd.PlaceOrder:
    """Return the command that places a changed order, for its limits. The contact was checked with the first order."""
    phone = contact.get("phone")
    customer = cmd.CustomerContact.model_construct(name=order.customer.name, phone=phone)
    return cmd.PlaceOrder.model_construct(customer=customer, items=command.items, delivery=command.delivery)


def _not_for_you(principal: Principal, order_id: str) -> Exception:
    if principal.is_staff:
        return Forbidden("your role may not do this", permission=str(Permission.CANCEL_ORDER))
    return NotFound("there is no such order", order_id=order_id)
