"""Orders: placing them, and everything that may happen to one until it is eaten or cancelled."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from hub.domain import commands as cmd
from hub.domain import order as orders
from hub.domain.errors import (
    BadRequest,
    ComandaError,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    TooLarge,
    Unavailable,
)
from hub.domain.events import OrderEvent
from hub.domain.menu import Menu
from hub.domain.models import Courier, CustomerName, Order, OrderItem, OrderLine, OrderStatus
from hub.domain.roles import Permission, Principal, Role
from hub.eventlog.log import EventLog, Write
from hub.eventlog.types import MAX_STOCK_MOVES
from hub.services.access import link_expired
from hub.services.capacity import Capacity
from hub.services.documents import ALL_ORDERS, contact_key, order_key
from hub.services.estimates import Estimates
from hub.services.identity import by_name, identity
from hub.services.order_bounds import OrderBounds, waits_instead
from hub.services.order_writes import InChat, OrderWrites, together
from hub.services.recent import Known, RecentOrders
from hub.services.staff import StaffService
from hub.services.stored import ORDER_FIELDS, load, load_object, readable_object

_PAGE = 50  # orders looked at in one go: those of another status, or long gone, are passed over
_TRIES = 8  # re-reads before a busy document is given up on

Answer = dict[str, Any]
Decide = Callable[[Order], list[OrderEvent]]


class OrderIds(Protocol):
    """Gives ids that are short enough to call across a counter."""

    def __call__(self) -> str: ...


class OrderService:
    """Every command on orders: permission, decision, one commit."""

    def __init__(
        self,
        log: EventLog,
        menu: Menu,
        staff: StaffService,
        estimates: Estimates,
        bounds: OrderBounds,
        capacity: Capacity,
        writes: OrderWrites,
        clock: Callable[[], datetime],
        new_order_id: OrderIds,
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
        self._recent = RecentOrders()

    async def place(self, principal: Principal, command: cmd.PlaceOrder, *, chat: InChat | None = None) -> Answer:
        """Take an order.

        Args:
            chat: That follows it from here on.

        Returns:
            `{order, tracking: {url, token}, cursor}`; for a command id seen before, those of the first time.

        Raises:
            BadRequest: A dish that the menu has not, or a delivery without an address.
            OutOfStock: Not enough left of something; nothing is reserved.
            LimitReached: It is larger than an order may be, or the address has too many open ones.
            RateLimited: Too many orders from one address in a short time.
            Unavailable: There is hardly any memory left, and they are not staff; or Redis did not answer.
        """
        try:
            await self._capacity.require(principal)
            items = self.weighed(principal, command)
        # The menu, the bounds or the room left may have been others when it was first said.
        except (BadRequest, LimitReached, Unavailable):
            if (first := await self._answered_before(Write(**identity(principal, command)))) is not None:
                return self._writes.with_tracking(first)
            raise
        now = self._clock()
        eta = await self._estimates.of(command.delivery.kind, OrderStatus.RECEIVED, now, now)
        acceptance = self._bounds.acceptance(principal, items, now)
        customer = CustomerName(name=command.customer.name)
        for _ in range(_TRIES):
            order_id = self._new_order_id()
            happened = orders.place(order_id, customer, items, command.delivery, eta, now, acceptance)
            order = orders.fold(None, [(event, now) for event in happened])
            try:
                write = self._writes.placed(principal, command, order, happened, now, chat)
                return self._writes.with_tracking(await self._commit(order, write))
            except Conflict:
                continue  # the id is taken: draw another
            except LimitReached as exc:
                if not waits_instead(exc):
                    raise
                acceptance = self._bounds.acceptance(principal, items, now, waits=True)
        raise Unavailable("no free order number; try again")

    async def advance(self, principal: Principal, command: cmd.AdvanceOrder) -> Answer:
        """One step on: preparing, ready, en_route, delivered. Every command here answers `{order, cursor}`."""
        if not principal.may(Permission.ADVANCE_ORDER):
            principal.require(Permission.CARRY_ORDER)
        if command.to is OrderStatus.CANCELLED:
            raise Conflict("an order is cancelled with order.cancel, and a reason")
        # Read before the decision: deciding is pure.
        times = await self._estimates.times()

        def decide(order: Order) -> list[OrderEvent]:
            orders.check_carrier(order, principal)
            orders.check_version(order, command.version)
            eta = self._estimates.after(order, command.to, self._clock(), times)
            return orders.advance(order, command.to, by_name(principal), eta)

        return await self._change(principal, command, decide)

    async def cancel(self, principal: Principal, command: cmd.CancelOrder, *, version: int | None = None) -> Answer:
        """Cancel it; with a `version`, only if it has not changed since."""
        if not principal.may(Permission.CANCEL_ORDER) and command.order_id not in principal.orders:
            raise _not_for_you(principal, command.order_id)

        def decide(order: Order) -> list[OrderEvent]:
            orders.check_version(order, version)
            return orders.cancel(order, command.reason, principal, by_name(principal))

        return await self._change(principal, command, decide)

    async def change(self, principal: Principal, command: cmd.ChangeOrder, *, chat: InChat | None = None) -> Answer:
        """Take an order back and place it anew for the same person, in one step: `{order, tracking, cursor}`.

        Raises:
            Conflict: The kitchen has started on it.
            TooLarge: More dishes go and come than one step can count.
            BadRequest, OutOfStock, LimitReached, RateLimited: As in placing; the order stays as it was.
        """
        write = Write(**identity(principal, command))
        if (first := await self._answered_before(write)) is not None:
            return self._writes.with_tracking(first)
        if not principal.may(Permission.CANCEL_ORDER) and command.order_id not in principal.orders:
            raise _not_for_you(principal, command.order_id)
        items = self.weighed(principal, command)
        now = self._clock()
        eta = await self._estimates.of(command.delivery.kind, OrderStatus.RECEIVED, now, now)
        waits = False
        for _ in range(_TRIES):
            old = await self._read(command.order_id)
            if old.status is not OrderStatus.RECEIVED:
                raise Conflict("the kitchen has started on it", status=str(old.status))
            acceptance = self._bounds.acceptance(principal, items, now, replaced=old, waits=waits)
            contact = await self._log.document(contact_key(old.id))
            order_id = self._new_order_id()
            happened = orders.place(order_id, old.customer, items, command.delivery, eta, now, acceptance)
            order = orders.fold(None, [(event, now) for event in happened])
            gone = orders.cancel(old, f"cambiado por el pedido {order.code}", principal, by_name(principal))
            reached_by = readable_object(self._log, contact) or {}
            placing = _placed_anew(command, order, reached_by)
            taken_back = self._writes.changed(old, gone, Write(), now)[1]
            placed = self._writes.placed(
                principal, placing, order, happened, now, chat, contact=reached_by, replaced=old
            )
            both = together(taken_back, placed, write)
            if len(both.stock) > MAX_STOCK_MOVES:
                raise TooLarge("that is too many dishes for one change", limit=MAX_STOCK_MOVES)
            # For the day it is one order, of another amount.
            sales = tuple(move for move in both.counts if move[1] == "sales")
            try:
                committed = await self._log.commit(replace(both, counts=sales))
            except Conflict:
                continue  # somebody was quicker, or the id is taken
            except LimitReached as exc:
                if not waits_instead(exc):
                    raise
                waits = True
                continue
            return self._writes.with_tracking({**json.loads(committed.result), "cursor": str(committed.cursor)})
        raise Unavailable("too many hands on this order; try again", order_id=command.order_id)

    def weighed(self, principal: Principal, command: cmd.PlaceOrder | cmd.ChangeOrder) -> list[OrderItem]:
        """The lines of an order, priced, if it is no larger than this principal may place.

        Raises:
            BadRequest: A dish that the menu has not.
            LimitReached: It is too large; `values` says by which bound.
        """
        self._bounds.check_bytes(command)
        items = [self._line(number, line) for number, line in enumerate(command.items, start=1)]
        self._bounds.check_size(principal, items)
        return items

    async def recall(self, principal: Principal, command: cmd.RecallOrder) -> Answer:
        principal.require(Permission.RECALL_ORDER)
        times = await self._estimates.times()

        def decide(order: Order) -> list[OrderEvent]:
            now = self._clock()
            return orders.recall(
                order, command.reason, by_name(principal), lambda to: self._estimates.after(order, to, now, times)
            )

        return await self._change(principal, command, decide)

    async def delay(self, principal: Principal, command: cmd.DelayOrder) -> Answer:
        principal.require(Permission.DELAY_ORDER)

        def decide(order: Order) -> list[OrderEvent]:
            orders.check_delayer(order, principal)
            return orders.delay(order, command.minutes, command.reason)

        return await self._change(principal, command, decide)

    async def acknowledge(self, principal: Principal, command: cmd.AcknowledgeOrder) -> Answer:
        principal.require(Permission.ACKNOWLEDGE_ORDER)
        return await self._change(principal, command, lambda order: orders.acknowledge(order, by_name(principal)))

    async def accept(self, principal: Principal, command: cmd.AcceptOrder) -> Answer:
        """Say yes to an order that waits for it; nothing happens if it does not wait."""
        principal.require(Permission.ACKNOWLEDGE_ORDER)
        return await self._change(principal, command, lambda order: orders.accept(order, by_name(principal)))

    async def mark_item(self, principal: Principal, command: cmd.MarkItem) -> Answer:
        principal.require(Permission.MARK_ITEM)
        return await self._change(principal, command, lambda order: orders.mark_item(order, command.item, command.done))

    async def assign_courier(self, principal: Principal, command: cmd.AssignCourier) -> Answer:
        """Give the order to a courier; a courier may only take it for themselves, and from nobody."""
        principal.require(Permission.ASSIGN_COURIER)
        account = await self._staff.get(command.courier_id)
        if account is None or Role.COURIER not in account.roles:
            # A repeat may come when they work here no more.
            if (first := await self._answered_before(Write(**identity(principal, command)))) is not None:
                return first
            raise NotFound("there is no such courier", courier_id=command.courier_id)
        courier = Courier(id=account.id, name=account.name)

        def decide(order: Order) -> list[OrderEvent]:
            orders.check_taker(order, principal, courier)
            return orders.assign_courier(order, courier)

        return await self._change(principal, command, decide)

    async def get(self, principal: Principal, order_id: str) -> Answer:
        """`{order, cursor}`; staff also see the phone number and where the order came from, in `customer`.

        `customer.origin` stands for the address: orders with the same one came from the same address.

        Raises:
            NotFound: There is none, or it is not theirs.
        """
        staff = principal.may(Permission.READ_ORDERS)
        if not staff and order_id not in principal.orders:
            raise NotFound("there is no such order")
        cursor = await self._log.position()
        document, contact = await self._log.documents([order_key(order_id), contact_key(order_id)])
        if document is None:
            raise NotFound("there is no such order")
        order = load_object(self._log, document, *ORDER_FIELDS)
        if not staff and link_expired(self._log, order, self._clock()):
            # Also in a chat that was opened while the order's link was good.
            raise NotFound("there is no such order")
        if staff and contact is not None:
            order["customer"] |= readable_object(self._log, contact) or {}
        return {"order": order, "cursor": str(cursor)}

    async def find(
        self, principal: Principal, status: OrderStatus | None, limit: int, before: int | None, most_bytes: int = 0
    ) -> Answer:
        """`{orders, next}`: the newest first; `next`, if any, is the `before` of the following page.

        Args:
            most_bytes: A page of so many bytes ends before it is full; 0: no bound.
        """
        principal.require(Permission.READ_ORDERS)
        found: list[dict[str, Any]] = []
        size = 0
        while len(found) < limit:
            page = await self._log.indexed(ALL_ORDERS, before=before, limit=_PAGE)
            if not page:
                return {"orders": found, "next": None}
            documents = await self._log.documents([order_key(member) for member, _ in page])
            for (_, score), document in zip(page, documents, strict=True):
                order = readable_object(self._log, document, *ORDER_FIELDS)
                if document and order and status in (None, order["status"]):
                    size += len(document.body.encode())
                    if most_bytes and found and size > most_bytes:
                        return {"orders": found, "next": before}
                    found.append(order)
                before = score
                if len(found) == limit:
                    break
        return {"orders": found, "next": before}

    # How a change is made

    async def _change(self, principal: Principal, command: cmd.OrderCommand, decide: Decide) -> Answer:
        """Read, decide, commit; and again if somebody else was quicker, for the decision may differ now."""
        write = Write(**identity(principal, command))
        if (known := self._recent.get(command.order_id)) is not None:
            if (answer := await self._change_known(known, decide, write)) is not None:
                return answer
            self._recent.forget(command.order_id)
        for _ in range(_TRIES):
            order = await self._read(command.order_id)
            try:
                happened = decide(order)
                if not happened and not write.command_id:
                    return {"order": order.model_dump(mode="json"), "cursor": str(await self._log.position())}
                return await self._commit(*self._writes.changed(order, happened, write, self._clock()))
            except (Conflict, Forbidden) as exc:  # also of a repeat, when the order has moved on since
                if (first := await self._answered_before(write)) is not None:
                    return first
                if "document" in exc.values:
                    continue
                raise
        raise Unavailable("too many hands on this order; try again", order_id=command.order_id)

    async def _change_known(self, known: Known, decide: Decide, write: Write) -> Answer | None:
        """The same from memory, and in one trip to Redis; None if only what is read can decide."""
        try:
            happened = decide(known.order)
        except ComandaError:
            return None
        if not happened:
            return None
        changed, now_written = self._writes.changed(known.order, happened, write, self._clock())
        try:
            return await self._commit(changed, replace(now_written, expects=(), same=(known.document,)))
        except Conflict:
            return None

    async def _commit(self, order: Order, write: Write) -> Answer:
        """Commit what happened to an order, and remember how it stands."""
        committed = await self._log.commit(write)
        if write.documents and not committed.repeated:
            self._recent.keep(order, write.documents[0])
        answer: Answer = json.loads(committed.result)
        return {**answer, "cursor": str(committed.cursor)}

    async def _answered_before(self, write: Write) -> Answer | None:
        """What this very command was answered with, if an earlier try of it got through."""
        if not write.command_id:
            return None
        first = await self._log.remembered(write.command_id, write.fingerprint)
        return None if first is None else {**json.loads(first.result), "cursor": str(first.cursor)}

    async def _read(self, order_id: str) -> Order:
        document = await self._log.document(order_key(order_id))
        if document is None:
            raise NotFound("there is no such order", order_id=order_id)
        return load(self._log, Order, document)

    def _line(self, number: int, line: OrderLine) -> OrderItem:
        dish = self._menu.dish(line.sku)
        return OrderItem(
            item=number,
            sku=dish.sku,
            name=dish.name,
            qty=line.qty,
            unit_price=dish.price,
            notes=line.notes,
        )


def _placed_anew(command: cmd.ChangeOrder, order: Order, contact: dict[str, Any]) -> cmd.PlaceOrder:
    """The command that places a changed order: its bounds are counted by it. The contact was checked when it came."""
    phone = contact.get("phone")
    customer = cmd.CustomerContact.model_construct(name=order.customer.name, phone=phone)
    return cmd.PlaceOrder.model_construct(customer=customer, items=command.items, delivery=command.delivery)


def _not_for_you(principal: Principal, order_id: str) -> Exception:
    if principal.is_staff:
        return Forbidden("your role may not do this", permission=str(Permission.CANCEL_ORDER))
    return NotFound("there is no such order", order_id=order_id)
