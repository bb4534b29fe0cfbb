"""The names of the documents and indexes that services keep in the log."""

from __future__ import annotations

from hub.store.log import DocKey

ACTIVE_ORDERS = "orders:active"  # not ended yet: what the board shows
UNSEEN_ORDERS = "orders:unseen"  # of the active ones, those that nobody has acknowledged
ORDER_DEADLINES = "orders:deadlines"  # the active ones, by when to see whether they have expired (ms)
ALL_ORDERS = "orders"
ALL_CHATS = "chats"
ATTENDED_CHATS = "chats:attended"  # a person answers in them, or is waited for
PROMOS = "promos"
DUE_NOTICES = "notices:due"  # subjects of notices, by when the next one is to be told (ms)
NOTICE_TALLIES = "notices"  # `push decided`, `push sent`, `push failed`, `push dropped`: a field each
PROMO_LISTENERS = "notify:promos"  # subjects who want to be told of promotions by phone, by when they said so (ms)
NOTIFIER = "notifier"  # the name under which notifiers read the outbound stream
WHATSAPP_CHATS = "whatsapp-chats"  # the reader of the outbound stream that sends what is said in numbers' chats
DUE_WHATSAPP = "whatsapp:due"  # numbers with a message to send, by when (ms)
WHATSAPP_TALLIES = "whatsapp"  # what became of messages: `added`, `sent`, `delivered`, `read`, `failed`, `dropped`
WHATSAPP = "whatsapp"  # the inbox of its webhook
WHATSAPP_READER = "whatsapp-inbox"  # the reader of that inbox
STAFF = "staff"
WEBHOOKS = "webhooks"
API_KEYS = "keys"

ORDER = "order"
PROMO = "promo"


def order_key(order_id: str) -> DocKey:
    """Return the key of an order."""
    return DocKey(ORDER, order_id)


def contact_key(order_id: str) -> DocKey:
    """Return the key of a customer's contact. It is apart from the order, because more people see the order."""
    return DocKey("contact", order_id)


def promo_key(promo_id: str) -> DocKey:
    """Return the key of a promotion."""
    return DocKey(PROMO, promo_id)


def staff_key(staff_id: str) -> DocKey:
    """Return the key of an account."""
    return DocKey("staff", staff_id)


def api_key_key(key_id: str) -> DocKey:
    """Return the key of an API key's document."""
    return DocKey("api_key", key_id)


def orders_of_key(key_id: str) -> str:
    """Return the name of the index of the orders that an API key has placed."""
    return f"orders:key:{key_id}"


def chat_key(chat_id: str) -> DocKey:
    """Return the key of a chat."""
    return DocKey("chat", chat_id)


def notify_key(subject: str) -> DocKey:
    """Return the key of the notification preferences of `order-<id>`, `chat-<id>` or `person-<id>`."""
    return DocKey("notify", subject)


def notices_key(subject: str) -> DocKey:
    """Return the key of the notices of `order-<id>` or `staff-<order id>`."""
    return DocKey("notices", subject)


def devices_key(subject: str) -> DocKey:
    """Return the key of the browsers that are told about `order-<id>`, `chat-<id>` or `person-<id>`."""
    return DocKey("push", subject)


def proposal_key(chat_id: str) -> DocKey:
    """Return the key of the last proposal in a chat."""
    return DocKey("proposal", chat_id)


def webhook_key(webhook_id: str) -> DocKey:
    """Return the key of a webhook's endpoint."""
    return DocKey("webhook", webhook_id)


def webhook_secrets_key(webhook_id: str) -> DocKey:
    """Return the key of the secrets of a webhook's endpoint."""
    return DocKey("webhook-secrets", webhook_id)


def webhook_progress_key(webhook_id: str) -> DocKey:
    """Return the key of the place up to which a webhook's endpoint has its events."""
    return DocKey("webhook-progress", webhook_id)


def dead_letter_key(webhook_id: str, letter_id: str) -> DocKey:
    """Return the key of a delivery that was given up."""
    return DocKey("webhook-dead", f"{webhook_id}:{letter_id}")


def dead_letters(webhook_id: str) -> str:
    """Return the index of an endpoint's dead letters, by the time (ms) at which each was given up."""
    return f"webhooks:dead:{webhook_id}"


def replayed_letters(webhook_id: str) -> str:
    """Return the index of an endpoint's dead letters that are to be sent again, by the same time."""
    return f"webhooks:replay:{webhook_id}"


def whatsapp_number_key(wa_id: str) -> DocKey:
    """Return the key of a phone number that has written by WhatsApp; `wa_id` is the number in digits."""
    return DocKey("whatsapp-number", wa_id)


def whatsapp_chat_key(chat_id: str) -> DocKey:
    """Return the key of the phone number whose chat this is."""
    return DocKey("whatsapp-chat", chat_id)


def whatsapp_order_key(order_id: str) -> DocKey:
    """Return the key of the phone number by which an order was placed."""
    return DocKey("whatsapp-order", order_id)


def whatsapp_outbox_key(wa_id: str) -> DocKey:
    """Return the key of the messages to a phone number."""
    return DocKey("whatsapp-outbox", wa_id)
