"""Settings for tests whose many orders, questions and reads come from one address, and are no attack."""

from __future__ import annotations

ORDER_COUNTS = (
    "orders_minute",
    "orders_hour",
    "order_bytes_hour",
    "order_portions_hour",
    "open_orders_address",
    "open_orders_phone",
    "accept_portions_hour",
    "accept_total_hour",
)
TURN_COUNTS = (
    "chats_hour",
    "turns_open",
    "turns_minute",
    "turns_day",
    "turns_order_day",
    "turns_staff_day",
    "tokens_day",
    "tokens_order_day",
    "tokens_branch_day",
)
MESSAGE_COUNTS = ("notify_hour", "messages_minute", "messages_day", "messages_bytes_day", "chat_bytes_day")
READ_COUNTS = ("reads_s", "read_bytes_s")
_EVERY = (*ORDER_COUNTS, *TURN_COUNTS, *MESSAGE_COUNTS, *READ_COUNTS)
UNCOUNTED = {f"COMANDA_LIMIT_{name.upper()}": "0" for name in _EVERY}
