"""A branch to try the services on: a Redis of its own, a clock to turn, a small menu, and people."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from redis.asyncio import Redis

from hub.config import Limits, Settings
from hub.domain import commands as cmd
from hub.domain.answers import Answer
from hub.domain.events import OrderEvent, parse_event
from hub.domain.lifecycle import OrderStatus
from hub.domain.menu import Menu, parse_menu
from hub.domain.order_document import Order
from hub.domain.order_fold import fold
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.domain.rooms import KITCHEN, Room
from hub.services.auth.access import Access
from hub.services.auth.digests import Digests
from hub.services.auth.login_throttle import LoginThrottle
from hub.services.auth.logins import LoginService
from hub.services.auth.pin_hasher import Cost, PinHasher
from hub.services.auth.revocations import Revocations
from hub.services.auth.roster import Roster
from hub.services.auth.service_tokens import ServiceTokens
from hub.services.auth.staff_service import StaffService
from hub.services.branch_figures import Day
from hub.services.build import Services, build_services
from hub.services.couriers import CourierService
from hub.services.document_names import order_key
from hub.services.orders.bulk_cancel import BulkCancel
from hub.services.orders.estimates import Estimates
from hub.services.orders.order_expiry import OrderExpiry
from hub.services.orders.order_limits import OrderLimits
from hub.services.orders.order_service import OrderService
from hub.services.orders.order_writes import OrderWrites
from hub.store.log import EventLog, LogEntry
from hub.store.login_tries import LoginTries
from hub.store.token_store import TokenStore
from tests.support.redis import Backend

START = datetime(2026, 11, 20, 21, 30, 0, 123_000, tzinfo=UTC)  # half past three in the afternoon at the branch
SETTINGS = Settings(_env_file=None)
SECRET = b"a secret of sixteen bytes or more"
PHONE = "+52 55 1234 5678"
PIN = "24681357"

MENU = parse_menu(
    """
name = "Taquería de Prueba"

[[category]]
id = "tacos"
name = "Tacos"
name_en = "Tacos"

[[item]]
sku = "taco-pastor"
name = "Taco al pastor"
name_en = "Al pastor taco"
category = "tacos"
price = 2200
stock = 10
low = 3

[[item]]
sku = "flan"
name = "Flan «de la casa»"
name_en = "House flan"
category = "tacos"
price = 5200
allergens = ["huevo"]
stock = 4
low = 1

[[item]]
sku = "horchata"
name = "Agua de horchata"
name_en = "Horchata"
category = "tacos"
price = 3200
"""
)

KITCHEN_HAND = Principal(kind=Kind.STAFF, id="chuy", name="Chuy", roles=frozenset({Role.KITCHEN}))
RIDER = Principal(kind=Kind.STAFF, id="miguel", name="Miguel", roles=frozenset({Role.COURIER}))
OTHER_RIDER = Principal(kind=Kind.STAFF, id="rosa", name="Rosa", roles=frozenset({Role.COURIER}))
MANAGER = Principal(kind=Kind.STAFF, id="carmen", name="Carmen", roles=frozenset({Role.MANAGER}))


class Clock:
    """Stands still until it is turned."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.seconds = 1_000.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.seconds

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)
        self.seconds += timedelta(**by).total_seconds()


class OnTheWire:
    """A service whose answers are JSON, as the gateways send them."""

    def __init__(self, service: object) -> None:
        object.__setattr__(self, "_service", service)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._service, name, value)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._service, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*args: Any, **named: Any) -> Any:
            answer = await method(*args, **named)
            return answer.as_json() if isinstance(answer, Answer) else answer

        return call


class WireServices:
    """The services of a branch, each `OnTheWire`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __getattr__(self, name: str) -> Any:
        return OnTheWire(getattr(self._services, name))


@dataclass
class Branch:
    """The services of one process over one Redis."""

    redis: Redis
    services: Services
    clock: Clock
    order_ids: Iterator[str] = field(default_factory=lambda: (f"PED{number:06d}" for number in count(1)))

    def __post_init__(self) -> None:
        s, clock = self.services, self.clock
        # Hashes that take no time; that the real ones do is a test of its own.
        hasher = PinHasher(SETTINGS.limits.login_hashes, Cost(passes=1, memory_kib=8, lanes=1))
        staff = StaffService(s.log, hasher, clock)
        throttle = LoginThrottle(LoginTries(s.log.calls, s.log.keys), Digests(SECRET), SETTINGS.limits, clock)
        store = TokenStore(s.log.calls, s.log.keys)
        revocations = Revocations(store, clock, clock.monotonic)
        s.close()
        self.services = replace(
            s,
            staff=staff,
            hasher=hasher,
            service_tokens=ServiceTokens(store, s.tokens, revocations, clock),
            logins=LoginService(staff, s.tokens, throttle, hasher, revocations, clock),
            access=Access(s.log, s.tokens, clock, Roster(staff.get, clock.monotonic), revocations, s.keys),
            couriers=CourierService(s.log, clock),
        )
        self.bound()

    def bound(self, **limits: int) -> None:
        """From here on, orders are held to these limits; those not named have their defaults."""
        orders, expiry = self.orders_elsewhere(**limits)
        bulk = BulkCancel(self.log, orders)
        self.services = replace(self.services, orders=orders, expiry=expiry, bulk=bulk)

    def orders_elsewhere(self, **limits: int) -> tuple[OrderService, OrderExpiry]:
        """The orders, and their expiry, of another hub process on the same log."""
        s, estimates = self.services, Estimates(self.log, self.clock.monotonic)
        bounds = OrderLimits(Limits.model_validate(limits), Digests(SECRET))
        writes = OrderWrites(s.menu.menu, s.links, estimates, Day("America/Mexico_City"), bounds)
        orders = OrderService(
            s.log,
            s.menu.menu,
            s.staff,
            estimates,
            bounds,
            s.capacity,
            writes,
            self.clock,
            lambda: next(self.order_ids),
            timedelta(minutes=5),
            s.former_dishes,
        )
        return orders, OrderExpiry(s.log, writes, bounds, self.clock)

    @property
    def log(self) -> EventLog:
        return self.services.log

    @property
    def wire(self) -> Any:
        """The services with answers as JSON: what a client sees of them."""
        return WireServices(self.services)

    @property
    def orders(self) -> Any:
        """The orders, with answers as JSON."""
        return self.wire.orders

    # Things that happen on a usual day

    async def placed(self, **changes: Any) -> str:
        """An order, and its id."""
        answer = await self.orders.place(ANONYMOUS, an_order(**changes))
        order_id: str = answer["order"]["id"]
        return order_id

    async def placed_at(self, status: OrderStatus, **changes: Any) -> str:
        """An order that has come as far as a status."""
        order_id = await self.placed(**changes)
        await self.bring(order_id, status)
        return order_id

    async def bring(self, order_id: str, status: OrderStatus) -> None:
        if status is OrderStatus.CANCELLED:
            await self.orders.cancel(MANAGER, cmd.CancelOrder(order_id=order_id, reason="no"))
            return
        way: list[OrderStatus] = [s for s in OrderStatus if s not in (OrderStatus.CANCELLED, OrderStatus.RECEIVED)]
        order = await self.order(order_id)
        if order.delivery.kind == "pickup":
            way.remove(OrderStatus.EN_ROUTE)
        while (order := await self.order(order_id)).status is not status:
            at = -1 if order.status is OrderStatus.RECEIVED else way.index(OrderStatus(order.status))
            await self.orders.advance(MANAGER, cmd.AdvanceOrder(order_id=order_id, to=way[at + 1]))

    async def hire(self, who: Principal, pin: str = PIN) -> None:
        await self.services.staff.add(who.name, who.roles, pin)

    async def token(self, who: Principal, lasts: timedelta = timedelta(hours=12)) -> str:
        """A token of somebody who was hired, without a login."""
        account = await self.services.staff.get(who.id)
        assert account is not None
        return self.services.tokens.issue(account.principal, self.clock(), lasts)

    # What the log holds

    async def order(self, order_id: str) -> Order:
        document = await self.log.document(order_key(order_id))
        assert document is not None
        order = Order.model_validate_json(document.body)
        assert order.version == document.version
        return order

    async def room(self, room: Room | str) -> list[LogEntry]:
        return await self.log.read(str(room), 0, limit=100_000)

    async def types(self, room: Room | str) -> list[str]:
        return [entry.type for entry in await self.room(room)]

    async def folded(self, order_id: str) -> Order:
        """The order as the events of its two rooms tell it."""
        entries = {
            entry.offset: json.loads(entry.body)
            for room in (Room.order(order_id), KITCHEN)
            for entry in await self.room(room)
            if entry.type.startswith("order.")
        }
        events: list[tuple[OrderEvent, datetime]] = []
        for _, raw in sorted(entries.items()):
            event: Any = parse_event(raw["type"], raw["data"])
            if getattr(event, "order_id", None) == order_id or raw["data"].get("order", {}).get("id") == order_id:
                events.append((event, datetime.fromisoformat(raw["at"])))
        return fold(None, events)


@asynccontextmanager
async def open_branch(menu: Menu = MENU, *, clock: Clock | None = None) -> AsyncIterator[Branch]:
    """A branch that has just opened: everything counted, nobody hired."""
    backend = Backend("fakeredis")
    redis = backend.client()
    clock = clock or Clock()
    log = EventLog(redis, "centro")
    try:
        branch = Branch(redis, build_services(log, SETTINGS, SECRET, menu, clock=clock), clock)
        await branch.services.stock.open_branch()
        try:
            yield branch
        finally:
            branch.services.close()
    finally:
        await log.aclose()
        await backend.aclose()


def an_order(**changes: Any) -> cmd.PlaceOrder:
    """Two tacos and a horchata to the door, unless something else is said."""
    payload: dict[str, Any] = {
        "customer": {"name": "Ana"},
        "items": [{"sku": "taco-pastor", "qty": 2}, {"sku": "horchata", "qty": 1, "notes": "sin hielo"}],
        "delivery": {"kind": "delivery", "address": "Calle Álamo 5"},
    }
    return cmd.PlaceOrder.model_validate(payload | changes)


def only(sku: str, qty: int) -> list[dict[str, Any]]:
    return [{"sku": sku, "qty": qty}]


def customer_of(*order_ids: str) -> Principal:
    return Principal(kind=Kind.CUSTOMER, orders=frozenset(order_ids))


class PubSubProtocol:
    """Hears what is published in rooms, volatile events included."""

    def __init__(self, branch: Branch, pubsub: Any, rooms: tuple[str, ...]) -> None:
        self._branch = branch
        self._pubsub = pubsub
        self._rooms = rooms

    async def heard(self) -> list[tuple[str, dict[str, Any]]]:
        """Everything said since the last time: room, event."""
        keys = self._branch.log.keys
        last = keys.channel(self._rooms[-1])
        await self._branch.redis.publish(last, "that is all")
        said: list[tuple[str, dict[str, Any]]] = []
        while True:
            message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
            if message is None:
                continue
            if message["data"] == "that is all":
                return said
            said.append((keys.room_of(message["channel"]), json.loads(message["data"].partition("\n")[2])))


@asynccontextmanager
async def listening(branch: Branch, *rooms: str) -> AsyncIterator[PubSubProtocol]:
    async with branch.redis.pubsub() as pubsub:
        await pubsub.subscribe(*map(branch.log.keys.channel, rooms))
        for _ in rooms:  # only then does Redis know of them
            assert (await pubsub.get_message(timeout=5) or {})["type"] == "subscribe"
        yield PubSubProtocol(branch, pubsub, rooms)
