"""Settings for tests whose many orders come from one address, and are no attack."""

from __future__ import annotations

ORDER_COUNTS = (
    "orders_minute",
    "orders_hour",
    "order_bytes_hour",
    "order_portions_hour",
    "open_orders_address",
    "open_orders_phone",
)
UNCOUNTED = {f"COMANDA_LIMIT_{name.upper()}": "0" for name in ORDER_COUNTS}
