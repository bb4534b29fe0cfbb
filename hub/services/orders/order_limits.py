"""Bounds on orders: how large one may be, how many an address or a phone number may have, and for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hub.config.limit_settings import OrderingLimits
from hub.core.errors import LimitReached
from hub.domain import commands as cmd
from hub.domain import order as orders
from hub.domain.order_document import Acceptance, AcceptanceState, ExpiryReason, Order, OrderItem
from hub.domain.pricing import total_of
from hub.domain.roles import Principal
from hub.services.auth.digests import Digests
from hub.services.document_names import ORDER_DEADLINES
from hub.store.log import Hold, IndexMove, Quota

_MINUTE_S, _HOUR_S = 60, 3_600
_PERSON_DECIDES = frozenset({"accept_portions_hour", "accept_total_hour", "open_orders_phone"})


@dataclass(frozen=True, slots=True)
class Counted:
    """The quotas and the hold that go with the commit that places an order.

    Attributes:
        origin: A digest of the address that the order came from; empty for callers that are not counted.
    """

    quotas: tuple[Quota, ...] = ()
    hold: Hold | None = None
    origin: str = ""


class OrderLimits:
    """Checks orders against `OrderingLimits`. For staff and programs, only the bytes of an order are bounded."""

    def __init__(self, limits: OrderingLimits, digests: Digests) -> None:
        self._limits = limits
        self._digests = digests
        self._open_for = timedelta(seconds=limits.open_order_s) if limits.open_order_s else None

    def check_bytes(self, command: cmd.PlaceOrder | cmd.ChangeOrder) -> None:
        """Refuse an order whose command is too large.

        Raises:
            LimitReached: `limit`, `most` and `used` say by how much.
        """
        _refuse_past("order_bytes", self._limits.order_bytes, _weight(command))

    def check_size(self, principal: Principal, items: Sequence[OrderItem]) -> None:
        """Refuse an order of too many portions, or of too much money.

        Raises:
            LimitReached: `limit`, `most` and `used` say by how much.
        """
        if principal.is_staff:
            return
        _refuse_past("order_portions", self._limits.order_portions, _portions(items))
        _refuse_past("order_total", self._limits.order_total, total_of(items))

    def acceptance(
        self,
        principal: Principal,
        items: Sequence[OrderItem],
        now: datetime,
        *,
        replaced: Order | None = None,
        waits: bool = False,
    ) -> Acceptance | None:
        """Return the acceptance that an order needs; None for ordinary ones, and for those that staff place.

        Args:
            replaced: The order that this one takes the place of: if it waits, no more time is given.
            waits: It needs one even if it is small; see `waits_instead`.
        """
        limits = self._limits
        small = _fits(_portions(items), limits.accept_portions) and _fits(total_of(items), limits.accept_total)
        if principal.is_staff or (small and not waits):
            return None
        if replaced is not None and replaced.waiting:
            return replaced.acceptance
        until = now + timedelta(seconds=limits.accept_s) if limits.accept_s else None
        return Acceptance(state=AcceptanceState.WAITING, until=until)

    def due(self, order: Order) -> IndexMove:
        """Return the order's entry in the index of deadlines; an order without a deadline leaves the index."""
        found = orders.deadline(order, self._open_for)
        score = math.ceil(found[0].timestamp() * 1000) if found else None
        return IndexMove(ORDER_DEADLINES, order.id, found is not None, keep=0, score=score)

    def expired(self, order: Order, now: datetime) -> ExpiryReason | None:
        """Return the reason for which an order has expired; None if it has not."""
        found = orders.deadline(order, self._open_for)
        return found[1] if found and found[0] <= now else None

    def counted(
        self, principal: Principal, command: cmd.PlaceOrder, order: Order, replaced: Order | None = None
    ) -> Counted:
        """Return the quotas and places that a new order takes up.

        Args:
            replaced: The order that it takes the place of: what that one was counted for is not counted again.
        """
        if principal.is_staff:
            return Counted()
        origin = self._digests.address(principal.address) if principal.address else ""
        phone = self._digests.phone(command.customer.phone) if command.customer.phone else ""
        return Counted(self._quotas(origin, command, order, replaced), self._hold(origin, phone, order), origin)

    def retaken(self, order: Order, contact: Mapping[str, Any]) -> Hold | None:
        """Return the places that an order takes up again when it is taken back from its end, even past the bounds.

        Args:
            contact: The order's contact. It names the address of each order that was counted.
        """
        if not (origin := contact.get("origin")):
            return None
        hold = self._hold(origin, self._digests.phone(contact.get("phone") or ""), order)
        return hold and replace(hold, pools=tuple((pool, 0, label) for pool, _, label in hold.pools))

    def _quotas(self, origin: str, command: cmd.PlaceOrder, order: Order, replaced: Order | None) -> tuple[Quota, ...]:
        if not origin:
            return ()
        limits, before = self._limits, replaced.items if replaced else ()
        bounds = (
            ("orders_minute", 1, limits.orders_minute, _MINUTE_S),
            ("orders_hour", 1, limits.orders_hour, _HOUR_S),
            ("order_bytes_hour", _weight(command) if limits.order_bytes_hour else 0, limits.order_bytes_hour, _HOUR_S),
            ("order_portions_hour", _portions(order.items) - _portions(before), limits.order_portions_hour, _HOUR_S),
        )
        rates = tuple(
            Quota(f"{label}:{origin}", amount, most, window_s, label, passing=True)
            for label, amount, most, window_s in bounds
            if most and amount > 0
        )
        return rates + self._without_acceptance(origin, order, replaced)

    def _without_acceptance(self, origin: str, order: Order, replaced: Order | None) -> tuple[Quota, ...]:
        """Return the hourly quotas of orders without acceptance; past them, an order waits for acceptance."""
        if order.acceptance is not None:
            return ()
        before = replaced.items if replaced is not None and replaced.acceptance is None else ()
        bounds = (
            ("accept_portions_hour", _portions(order.items) - _portions(before), self._limits.accept_portions_hour),
            ("accept_total_hour", total_of(order.items) - total_of(before), self._limits.accept_total_hour),
        )
        return tuple(
            Quota(f"{label}:{origin}", amount, most, _HOUR_S, label)
            for label, amount, most in bounds
            if most and amount > 0
        )

    def _hold(self, origin: str, phone: str, order: Order) -> Hold | None:
        limits = self._limits
        # Anybody can enter somebody else's number: past the bound, an order waits for staff, who can call the number.
        by_phone = limits.open_orders_phone if order.acceptance is None else 0
        counters = (("address", origin, limits.open_orders_address), ("phone", phone, by_phone))
        places = tuple(
            (f"orders-{kind}:{digest}", most, f"open_orders_{kind}")
            for kind, digest, most in counters
            if digest and most
        )
        return Hold(order.id, places) if places else None


def _weight(command: cmd.PlaceOrder | cmd.ChangeOrder) -> int:
    """Return the bytes of what is kept of a command: the prices that the caller saw are not."""
    kept = command.model_dump_json(exclude={"command_id": True, "total": True, "items": {"__all__": {"unit_price"}}})
    return len(kept.encode())


def waits_instead(refused: LimitReached) -> bool:
    """Return True if an order past this bound may be placed with an acceptance: then a person decides."""
    return refused.values.get("limit") in _PERSON_DECIDES


def _portions(items: Sequence[OrderItem]) -> int:
    return sum(item.qty for item in items)


def _fits(used: int, most: int) -> bool:
    return not most or used <= most


def _refuse_past(limit: str, most: int, used: int) -> None:
    if not _fits(used, most):
        raise LimitReached("the order is larger than the limit", limit=limit, most=most, used=used)
