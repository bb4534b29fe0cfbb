"""Builds the event log and the services over it, for the hub and for the agent worker."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from hub.config import Settings
from hub.config.secret_key import PreviousSecret
from hub.core.target_policy import TargetPolicy
from hub.domain import order_codes
from hub.domain.menu import Menu
from hub.domain.notification_preferences import Channel
from hub.domain.room_retention import is_kept_whole
from hub.domain.values import to_milliseconds
from hub.services.auth.access import Access
from hub.services.auth.api_keys import ApiKeys
from hub.services.auth.digests import Digests
from hub.services.auth.login_throttle import LoginThrottle
from hub.services.auth.logins import LoginService
from hub.services.auth.pin_hasher import PinHasher
from hub.services.auth.revocations import Revocations
from hub.services.auth.roster import Roster
from hub.services.auth.service_tokens import ServiceTokens
from hub.services.auth.staff_service import StaffService
from hub.services.auth.tokens import Tokens
from hub.services.branch_figures import BranchFigures, Day
from hub.services.capacity import Capacity
from hub.services.chats.chat_service import ChatService
from hub.services.chats.handover import Handover
from hub.services.chats.message_limits import MessageLimits
from hub.services.chats.messages import Messages
from hub.services.chats.stale_turns import StaleTurns
from hub.services.chats.support_inbox import SupportInbox
from hub.services.chats.turn_jobs import TurnQueue, turn_queue
from hub.services.chats.turn_slots import TurnSlots
from hub.services.chats.turn_stops import TurnStops
from hub.services.chats.usage_limits import UsageLimits
from hub.services.courier_positions import CourierPositions
from hub.services.couriers import CourierService
from hub.services.former_dishes import FormerDishes
from hub.services.menu_service import MenuService
from hub.services.notice_service import NoticeService
from hub.services.notification_service import NotificationService
from hub.services.orders.bulk_cancel import BulkCancel
from hub.services.orders.estimates import Estimates
from hub.services.orders.kitchen_board import KitchenBoard
from hub.services.orders.order_expiry import OrderExpiry
from hub.services.orders.order_limits import OrderLimits
from hub.services.orders.order_service import OrderService
from hub.services.orders.order_writes import OrderWrites
from hub.services.orders.reserved_codes import ReservedCodes
from hub.services.orders.tracking_links import TrackingLinks
from hub.services.promo_notices import PromoNotices
from hub.services.promotions import PromotionService
from hub.services.push_service import PushService
from hub.services.room_views import RoomViews
from hub.services.stock_service import StockService
from hub.services.vapid_keys import VapidKeys
from hub.services.webhooks.dead_letter_service import DeadLetterService
from hub.services.webhooks.webhook_service import WebhookService
from hub.services.whatsapp_numbers import WhatsAppNumbers
from hub.services.whatsapp_outboxes import WhatsAppOutboxes
from hub.store.follow import Follower
from hub.store.high_water_mark import HighWaterMark
from hub.store.log import EventLog
from hub.store.login_tries import LoginTries
from hub.store.redis.client import ReplicaWait
from hub.store.redis.memory_use import MemoryWatch
from hub.store.retention import Retention
from hub.store.token_store import TokenStore


@dataclass(frozen=True, slots=True)
class Services:
    """The services of a branch."""

    log: EventLog
    turns: TurnQueue
    tokens: Tokens
    links: TrackingLinks
    access: Access
    orders: OrderService
    bulk: BulkCancel
    expiry: OrderExpiry
    board: KitchenBoard
    codes: ReservedCodes
    memory: MemoryWatch
    capacity: Capacity
    menu: MenuService
    former_dishes: FormerDishes
    stock: StockService
    promos: PromotionService
    notifications: NotificationService
    push: PushService
    vapid_keys: VapidKeys
    notices: NoticeService
    promo_notices: PromoNotices
    follower: Follower
    couriers: CourierService
    positions: CourierPositions
    chat: ChatService
    usage_limits: UsageLimits
    handover: Handover
    stale_turns: StaleTurns
    turn_slots: TurnSlots
    inbox: SupportInbox
    staff: StaffService
    logins: LoginService
    hasher: PinHasher
    service_tokens: ServiceTokens
    webhooks: WebhookService
    dead_letters: DeadLetterService
    keys: ApiKeys
    whatsapp: WhatsAppNumbers
    outboxes: WhatsAppOutboxes
    figures: BranchFigures
    views: RoomViews
    clock: Callable[[], datetime]

    def close(self) -> None:
        """End the threads that services own."""
        self.hasher.close()


def utc_now() -> datetime:
    """Return the time in UTC, in whole milliseconds, as documents keep it."""
    return to_milliseconds(datetime.now(UTC))


def service_life_of(settings: Settings) -> timedelta | None:
    """Return the longest life of a program's token; None: no bound."""
    days = settings.limits.token_days
    return timedelta(days=days) if days else None


def new_order_id() -> str:
    """Return a random order number that people can call out."""
    return order_codes.new_id(secrets.choice)


def new_id() -> str:
    """Return an unguessable id of 128 random bits."""
    return secrets.token_hex(16)


def build_log(
    redis: Redis,
    settings: Settings,
    seen: HighWaterMark,
    *,
    on_cursor_ahead: Callable[[], None] | None = None,
    on_unreadable: Callable[[], None] | None = None,
) -> EventLog:
    """Build the event log of the branch that the settings name.

    Args:
        seen: The places in the log that this process knows of; the log adds to it.
        on_cursor_ahead: Called when a reader brings a cursor past the log's end.
        on_unreadable: Called each time a stored document or event cannot be read.
    """
    return EventLog(
        redis,
        settings.branch,
        retention=Retention(settings.limits.room_events, is_kept_whole),
        missed_bytes=settings.limits.missed_bytes,
        deadline_s=settings.redis_deadline_s,
        wait=ReplicaWait.of(settings.redis_wait_replicas, settings.redis_wait_ms),
        seen=seen,
        on_cursor_ahead=on_cursor_ahead,
        on_unreadable=on_unreadable,
    )


def build_services(
    log: EventLog,
    settings: Settings,
    secret: bytes,
    menu: Menu,
    *,
    previous: PreviousSecret | None = None,
    clock: Callable[[], datetime] = utc_now,
    connections: Callable[[], int] = lambda: 0,
) -> Services:
    """Build the services of a branch over its log.

    Args:
        secret: The key that signs tokens.
        previous: The key before it, if tokens of it may still be accepted.
        clock: Returns the time, in UTC and whole milliseconds.
        connections: Returns the number of connections of this process, for the dashboard.
    """
    tokens = Tokens(secret, settings.branch, service_life_of(settings), previous=previous, clock=clock)
    token_store = TokenStore(log.calls, log.keys)
    revocations = Revocations(token_store, clock)
    hasher = PinHasher(settings.limits.login_hashes)
    staff = StaffService(log, hasher, clock)
    throttle = LoginThrottle(LoginTries(log.calls, log.keys), Digests(secret), settings.limits, clock)
    day = Day(settings.timezone, settings.day_starts)
    digests, estimates = Digests(secret), Estimates(log)
    order_limits = OrderLimits(settings.limits, digests)
    links = TrackingLinks(tokens, settings.public_url)
    order_writes = OrderWrites(menu, links, estimates, day, order_limits)
    memory = MemoryWatch(
        log.calls,
        ceiling_mb=settings.redis_memory_mb,
        high_percent=settings.limits.memory_high_percent,
        nearly_full_percent=settings.limits.memory_nearly_full_percent,
    )
    capacity = Capacity(memory)
    former = FormerDishes(log, menu)
    orders = OrderService(
        log,
        menu,
        staff,
        estimates,
        order_limits,
        capacity,
        order_writes,
        clock,
        new_order_id,
        timedelta(seconds=settings.recall_s),
        former,
    )
    figures = BranchFigures(
        log, day, menu.currency, clock, connections, capacity.figures, settings.limits.snapshot_bytes
    )
    keys = ApiKeys(log, clock)
    access = Access(log, tokens, clock, Roster(staff.get), revocations, keys)
    turns = turn_queue(log.calls, log.keys)
    messages = Messages(log, new_id, settings.limits, MessageLimits(settings.limits, digests, day, clock))
    couriers = CourierService(log, clock)
    stops = TurnStops(log, turns, clock, settings.limits)
    usage_limits = UsageLimits(log, settings.limits, digests, day, clock)
    chat = ChatService(
        log,
        access,
        tokens,
        clock,
        new_id,
        settings.limits,
        messages,
        stops,
        usage_limits,
        capacity,
        interrupt=settings.agent.interrupt,
    )
    numbers = WhatsAppNumbers(log, new_id)
    able = _channels_able(settings)
    notices = NoticeService(log, settings, clock, settings.timezone, able)
    push = PushService(log, settings.limits, digests, settings.push_services)
    return Services(
        log=log,
        turns=turns,
        tokens=tokens,
        links=links,
        access=access,
        orders=orders,
        bulk=BulkCancel(log, orders),
        expiry=OrderExpiry(log, order_writes, order_limits, clock),
        board=KitchenBoard(log, settings.limits),
        codes=ReservedCodes(log),
        memory=memory,
        capacity=capacity,
        menu=MenuService(log, menu),
        former_dishes=former,
        stock=StockService(log, menu, clock),
        promos=PromotionService(log, clock, new_id),
        notifications=NotificationService(log, clock, new_id, settings.limits, digests, settings.timezone),
        push=push,
        vapid_keys=VapidKeys(log, settings.push_contact_address),
        notices=notices,
        promo_notices=PromoNotices(log, notices, push, settings, clock, settings.timezone, able),
        follower=Follower(log),
        couriers=couriers,
        positions=CourierPositions(log, couriers, clock),
        chat=chat,
        usage_limits=usage_limits,
        handover=Handover(log, messages, stops, clock, settings.limits, numbers),
        stale_turns=StaleTurns(log, turns, clock, settings.limits, settings.lang),
        turn_slots=TurnSlots(log, clock),
        inbox=SupportInbox(log),
        staff=staff,
        logins=LoginService(staff, tokens, throttle, hasher, revocations, clock),
        hasher=hasher,
        service_tokens=ServiceTokens(token_store, tokens, revocations, clock),
        webhooks=WebhookService(log, TargetPolicy(settings.outbound_allow), clock, new_id),
        dead_letters=DeadLetterService(log),
        keys=keys,
        whatsapp=numbers,
        outboxes=WhatsAppOutboxes(log, clock),
        figures=figures,
        views=RoomViews(log, menu, clock, figures.read, settings.limits),
        clock=clock,
    )


def _channels_able(settings: Settings) -> frozenset[Channel]:
    """Return the channels by which this branch reaches people outside its pages."""
    set_up = {Channel.PUSH: bool(settings.push_contact_address), Channel.WHATSAPP: settings.has_whatsapp}
    return frozenset(channel for channel, is_set_up in set_up.items() if is_set_up)
