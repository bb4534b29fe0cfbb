"""The limits on callers (`COMANDA_LIMIT_…`), one class a subject; 0 switches a count or a rate off."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from hub.config.environment import PREFIX, Count, EnvironmentSettings, Percent, Rate, Wait

LIMIT_PREFIX = f"{PREFIX}LIMIT_"


class LimitSettings(EnvironmentSettings):
    """The base of every class of limits."""

    model_config = SettingsConfigDict(env_prefix=LIMIT_PREFIX)


class ConnectionLimits(LimitSettings):
    """One connection: its messages, rooms and commands, and the bytes that wait for it.

    Attributes:
        message_bytes: Of a client's message or an HTTP body.
        rooms: That one connection is in.
        commands_s, commands_burst: Commands on one connection.
        pings_s, pings_burst: `hub.ping` on one connection; those past it count as commands.
        connections: Connections and streams of one address.
        unsent_bytes: Bytes that wait for one connection.
        connect_s: Seconds from a Socket.IO connection to its CONNECT.
    """

    message_bytes: Count = 65_536
    rooms: Count = 64
    commands_s: Rate = 20
    commands_burst: Count = 40
    pings_s: Rate = 5
    pings_burst: Count = 20
    connections: Count = 200
    unsent_bytes: Count = 1_048_576
    connect_s: Rate = 10


class RequestLimits(LimitSettings):
    """HTTP requests, and what customers of one address read: rooms joined, resumed or paged, and their bytes.

    Attributes:
        positions_s, positions_burst: Requests of one courier's app; a phone that was offline sends all at once.
    """

    requests_s: Rate = 20
    requests_burst: Count = 60
    staff_requests_s: Rate = 500
    staff_requests_burst: Count = 1_000
    positions_s: Rate = 5
    positions_burst: Count = 200
    reads_s: Rate = 50
    reads_burst: Count = 1_000  # 200 connections come back within seconds when a hub restarts, each to 3–4 rooms
    read_bytes_s: Count = 1_048_576
    read_bytes_burst: Count = 16_777_216


class AuthLimits(LimitSettings):
    """Logins and tokens.

    Attributes:
        login_requests_s, login_requests_burst: `POST /api/login` from one address; the tries below limit guessing.
        login_tries: Wrong PINs at one name from one address, or from one known device; then one try each …_wait_s.
        login_address_tries: Wrong PINs from one address, whatever the names.
        login_name_tries: Wrong PINs at one name, from devices that it does not know.
        login_devices: Devices known to one account, and as many addresses; 0: none is known.
        login_hashes: PINs that wait to be checked.
        token_days: The longest life of a program's token.
    """

    login_requests_s: Rate = 250
    login_requests_burst: Count = 500
    login_tries: Count = 5
    login_wait_s: Wait = 30
    login_address_tries: Count = 50
    login_address_wait_s: Wait = 10
    login_name_tries: Count = 30
    login_name_wait_s: Wait = 15
    login_devices: Count = 10
    login_hashes: Count = 8
    token_days: Count = 90


class LogLimits(LimitSettings):
    """The log, what is read of it at once, and Redis's memory.

    Attributes:
        room_events: Events kept for a room, about.
        snapshot_bytes: Of documents in a room's snapshot, in a page of a list, of past events with it.
        missed_bytes: Of events for a reader that comes back to a room; past it, it gets a snapshot.
        memory_high_percent: Of Redis's memory, from which on staff are told.
        memory_nearly_full_percent: Of Redis's memory, from which on strangers begin nothing new.
    """

    room_events: Count = 1_000
    snapshot_bytes: Count = 262_144
    missed_bytes: Count = 1_048_576
    memory_high_percent: Percent = 75
    memory_nearly_full_percent: Percent = 90


class OrderingLimits(LimitSettings):
    """Customers' orders; of these, staff have `order_bytes` only. Totals are in minor units.

    Attributes:
        order_bytes: Of one order's command as JSON.
        accept_portions, accept_total: Past either of these an order waits for a person's acceptance.
        accept_s: Seconds that it waits.
        open_order_s: Seconds that any order may be open after its last change.
        orders_minute, orders_hour, order_bytes_hour, order_portions_hour, open_orders_address: Of one address; an
            office at lunch is one address.
        accept_portions_hour, accept_total_hour: Of one address; past either an order waits for acceptance. Orders
            that wait, or waited, do not count.
        open_orders_phone: Of one phone number; the same.
    """

    order_portions: Count = 100
    order_total: Count = 500_000
    order_bytes: Count = 8_192
    accept_portions: Count = 40
    accept_total: Count = 200_000
    accept_s: Count = 600
    open_order_s: Count = 43_200
    orders_minute: Count = 10
    orders_hour: Count = 60
    order_bytes_hour: Count = 131_072
    order_portions_hour: Count = 240
    open_orders_address: Count = 20
    accept_portions_hour: Count = 40
    accept_total_hour: Count = 200_000
    open_orders_phone: Count = 5


class ChatLimits(LimitSettings):
    """Chats, messages in them, and notifications. A chat is kept for a week after its last message.

    Attributes:
        chat_chars: Characters of a message.
        turns: Answers at once in a chat.
        turns_waiting: Questions that wait in a chat.
        messages_minute, messages_day: Messages of one address, to the agent or to a person.
        messages_bytes_day: Of messages as JSON, of one address.
        chat_bytes_day: Of messages as JSON in one chat, from whatever address.
        notify_hour: Changes of one address's notifications.
    """

    chat_chars: Count = 2_000
    turns: Count = 1
    turns_waiting: Count = 3
    messages_minute: Count = 30
    messages_day: Count = 1_000
    messages_bytes_day: Count = 1_048_576
    chat_bytes_day: Count = 131_072
    notify_hour: Count = 60


class QuestionLimits(LimitSettings):
    """New chats, questions to the agent, and the tokens that models read and wrote for them.

    An address may be a family behind one router, or an office at lunch. A question takes some 8,000 tokens: most of
    them are the instructions, read twice.

    Attributes:
        chats_hour: New chats of one address.
        turns_open: Questions of one address that have no answer yet.
        turns_minute, turns_day: Questions of one address.
        turns_order_day: Questions in the chats of one order, from whatever address.
        turns_staff_day: Questions of one staff account, or of one program's token.
        tokens_day: Of one address.
        tokens_order_day: Of one order.
        tokens_branch_day: Of the branch; past it the offline model answers.
    """

    chats_hour: Count = 60
    turns_open: Count = 5
    turns_minute: Count = 20
    turns_day: Count = 300
    turns_order_day: Count = 100
    turns_staff_day: Count = 2_000
    tokens_day: Count = 2_000_000
    tokens_order_day: Count = 1_000_000
    tokens_branch_day: Count = 20_000_000


class Limits(ConnectionLimits, RequestLimits, AuthLimits, LogLimits, OrderingLimits, ChatLimits, QuestionLimits):
    """All limits together."""
