"""The names of the documents and indexes that services keep in the log."""

from __future__ import annotations

from hub.eventlog.log import DocKey

ACTIVE_ORDERS = "orders:active"  # not ended yet: what the board shows
UNSEEN_ORDERS = "orders:unseen"  # of the active ones, those that nobody has acknowledged
ORDER_DEADLINES = "orders:deadlines"  # the active ones, by when to see whether they have expired (ms)
ALL_ORDERS = "orders"
ALL_CHATS = "chats"
ATTENDED_CHATS = "chats:attended"  # a person answers in them, or is waited for
PROMOS = "promos"
STAFF = "staff"

ORDER = "order"
PROMO = "promo"


def order_key(order_id: str) -> DocKey:
    return DocKey(ORDER, order_id)


def contact_key(order_id: str) -> DocKey:
    """How to reach the customer. Apart from the order, because the order is shown to more people."""
    return DocKey("contact", order_id)


def promo_key(promo_id: str) -> DocKey:
    return DocKey(PROMO, promo_id)


def staff_key(staff_id: str) -> DocKey:
    return DocKey("staff", staff_id)


def chat_key(chat_id: str) -> DocKey:
    return DocKey("chat", chat_id)


def notify_key(subject: str) -> DocKey:
    """What somebody wants to be told of: `order-<id>`, `chat-<id>` or `person-<id>`."""
    return DocKey("notify", subject)


def proposal_key(chat_id: str) -> DocKey:
    """What was last proposed in a chat, and waits for a yes."""
    return DocKey("proposal", chat_id)
