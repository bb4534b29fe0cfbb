"""The errors of a restaurant, beside those that every hub has, and the table of all of them."""

from __future__ import annotations

from hub.core.errors import ERRORS as COMMON_ERRORS
from hub.core.errors import ComandaError


class OutOfStock(ComandaError):
    """There is not enough of a dish left.

    `items` has the `sku` of each short dish and what is `left` of it; `lines` the `item` (the line's number), `sku`,
    `name`, `qty` and `left` of each line with such a dish. A line is short if `left` is less than `qty`.
    """

    code = "out_of_stock"
    status = 409


class PriceChanged(ComandaError):
    """The order costs something else than the caller saw. Nothing was written.

    `total` is what it costs now, `expected` what the caller saw; `items` has the `item` (the line's number), `sku`,
    `name`, `was` (if the caller told it) and `now` of each line whose price differs.
    """

    code = "price_changed"
    status = 409


class RecallExpired(ComandaError):
    """The time in which the order's last step could be taken back is over; `until` says when it ended."""

    code = "recall_expired"
    status = 409


ERRORS: tuple[type[ComandaError], ...] = (*COMMON_ERRORS, OutOfStock, PriceChanged, RecallExpired)
