"""The services wired to each other: the part of the composition that the hub and the agent worker share."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from hub.config import Settings
from hub.domain.menu import Menu
from hub.domain.values import to_milliseconds
from hub.eventlog.follow import Follower
from hub.eventlog.log import EventLog
from hub.eventlog.login_tries import LoginTries
from hub.eventlog.memory import MemoryWatch
from hub.eventlog.token_store import TokenStore
from hub.eventlog.turns import TurnQueue
from hub.services.access import Access
from hub.services.board import Board
from hub.services.bulk_cancel import BulkCancel
from hub.services.capacity import Capacity
from hub.services.chat import ChatService
from hub.services.couriers import CourierService
from hub.services.digests import Digests
from hub.services.estimates import Estimates
from hub.services.figures import Day, Figures
from hub.services.handover import Handover
from hub.services.inbox import Inbox
from hub.services.login_throttle import LoginThrottle
from hub.services.logins import LoginService
from hub.services.menu import MenuService
from hub.services.message_bounds import MessageBounds
from hub.services.messages import Messages
from hub.services.notifications import NotificationService
from hub.services.order_bounds import OrderBounds
from hub.services.order_expiry import OrderExpiry
from hub.services.order_writes import OrderWrites
from hub.services.orders import OrderService
from hub.services.pin_hasher import PinHasher
from hub.services.places import Places
from hub.services.promos import PromoService
from hub.services.revocations import Revocations
from hub.services.roster import Roster
from hub.services.service_tokens import ServiceTokens
from hub.services.staff import StaffService
from hub.services.stock import StockService
from hub.services.stops import Stops
from hub.services.tokens import Tokens
from hub.services.turn_bounds import TurnBounds
from hub.services.unattended import Unattended
from hub.services.views import RoomViews

# No vowels: an order number is never a word. No 0/O, 1/I: it survives being shouted.
_CALLABLE = "23456789BCDFGHJKMNPQRSTVWXZ"
# A tracking link is made from the id: one that came back years later would open somebody else's order.
# At a thousand orders a day, the first of nine letters to come back is due after some ten years (n²/2 ≈ 27⁹).
# People call out the last four.
_ID_LETTERS = 9


@dataclass(frozen=True, slots=True)
class Services:
    """One of each."""

    log: EventLog
    turns: TurnQueue
    tokens: Tokens
    access: Access
    orders: OrderService
    bulk: BulkCancel
    expiry: OrderExpiry
    board: Board
    memory: MemoryWatch
    capacity: Capacity
    menu: MenuService
    stock: StockService
    promos: PromoService
    notifications: NotificationService
    follower: Follower
    couriers: CourierService
    chat: ChatService
    turn_bounds: TurnBounds
    handover: Handover
    unattended: Unattended
    places: Places
    inbox: Inbox
    staff: StaffService
    logins: LoginService
    hasher: PinHasher
    service_tokens: ServiceTokens
    figures: Figures
    views: RoomViews
    clock: Callable[[], datetime]

    def close(self) -> None:
        """End the threads that services own."""
        self.hasher.close()


def utc_now() -> datetime:
    """The clock: UTC, in whole milliseconds, as documents keep it."""
    return to_milliseconds(datetime.now(UTC))


def service_life_of(settings: Settings) -> timedelta | None:
    """Return the longest life of a program's token; None: no bound."""
    days = settings.limits.token_days
    return timedelta(days=days) if days else None


def new_order_id() -> str:
    return "PED" + "".join(secrets.choice(_CALLABLE) for _ in range(_ID_LETTERS))


def new_id() -> str:
    """128 bits that nobody guesses."""
    return secrets.token_hex(16)


def build_services(
    log: EventLog,
    redis: Redis,
    settings: Settings,
    secret: bytes,
    menu: Menu,
    *,
    clock: Callable[[], datetime] = utc_now,
    connections: Callable[[], int] = lambda: 0,
) -> Services:
    """Every service over one log.

    Args:
        connections: How many sockets this process holds, for the floor's figures.
    """
    tokens = Tokens(secret, settings.branch, service_life_of(settings))
    token_store = TokenStore(log.calls, log.keys)
    revocations = Revocations(token_store, clock)
    hasher = PinHasher(settings.limits.login_hashes)
    staff = StaffService(log, hasher, clock)
    throttle = LoginThrottle(LoginTries(log.calls, log.keys), Digests(secret), settings.limits, clock)
    day = Day(settings.timezone)
    digests, estimates = Digests(secret), Estimates(log)
    bounds = OrderBounds(settings.limits, digests)
    writes = OrderWrites(menu, tokens, estimates, day, bounds)
    memory = MemoryWatch(
        log.calls,
        ceiling_mb=settings.redis_memory_mb,
        high_percent=settings.limits.memory_high_percent,
        nearly_full_percent=settings.limits.memory_nearly_full_percent,
    )
    capacity = Capacity(memory)
    orders = OrderService(log, menu, staff, estimates, bounds, capacity, writes, clock, new_order_id)
    figures = Figures(log, day, menu.currency, clock, connections, capacity.figures, settings.limits.snapshot_bytes)
    access = Access(log, tokens, clock, Roster(staff.get), revocations)
    turns = TurnQueue(redis, log.keys, deadline_s=settings.redis_deadline_s)
    messages = Messages(log, new_id, settings.limits, MessageBounds(settings.limits, digests, day, clock))
    stops = Stops(log, turns, clock, settings.limits)
    turn_bounds = TurnBounds(log, settings.limits, digests, day, clock)
    chat = ChatService(
        log,
        access,
        tokens,
        clock,
        new_id,
        settings.limits,
        messages,
        stops,
        turn_bounds,
        capacity,
        interrupt=settings.agent.interrupt,
    )
    return Services(
        log=log,
        turns=turns,
        tokens=tokens,
        access=access,
        orders=orders,
        bulk=BulkCancel(log, orders),
        expiry=OrderExpiry(log, writes, bounds, clock),
        board=Board(log, settings.limits),
        memory=memory,
        capacity=capacity,
        menu=MenuService(log, menu),
        stock=StockService(log, menu, clock),
        promos=PromoService(log, clock, new_id),
        notifications=NotificationService(log, clock, new_id, settings.limits, digests, settings.timezone),
        follower=Follower(redis, log),
        couriers=CourierService(log, clock),
        chat=chat,
        turn_bounds=turn_bounds,
        handover=Handover(log, messages, stops, clock, settings.limits),
        unattended=Unattended(log, turns, clock, settings.limits, settings.lang),
        places=Places(log, clock),
        inbox=Inbox(log),
        staff=staff,
        logins=LoginService(staff, tokens, throttle, hasher, revocations, clock),
        hasher=hasher,
        service_tokens=ServiceTokens(token_store, tokens, revocations, clock),
        figures=figures,
        views=RoomViews(log, menu, clock, figures.read, chat.snapshot, settings.limits),
        clock=clock,
    )
