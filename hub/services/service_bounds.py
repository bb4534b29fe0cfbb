"""The fixed bounds of services. Those that an operator may choose are settings (`hub.config`)."""

from __future__ import annotations

# Orders
MAX_BOARD_ORDERS = 500  # in a snapshot or a page of the board, whatever their size
MAX_CANCELLED = 100  # orders that one call of `order.cancel_many` cancels
MAX_EXPIRED_AT_ONCE = 200  # orders that one pass looks at
ORDERS_PAGE = 50  # orders read in one go: those of another status, or long gone, are passed over
OPEN_ORDERS_PAGE = 200  # open orders read in one go, for a filter
MAX_RECENT_ORDERS = 1_000  # orders that a process remembers
MAX_RECENT_BYTES = 4_194_304  # of their documents; with its model, a large order takes five times its document

# Chats
MAX_ENDS_AT_ONCE = 6  # turns that end in one commit, beside its own events
MAX_SLOTS_AT_ONCE = 500  # open turns that one pass looks at
MAX_TURN_ORDERS = 8  # orders of a chat that a turn counts for: the newest
MAX_INBOX_ORDERS = 3  # orders that the inbox shows of a chat: the newest
# Of a conversation that a caller reports at the opening of a chat: one message, and all of it.
MAX_CLAIMED_CHARS = 4_000
MAX_CLAIMED_BYTES = 12 * 1024

# The branch
PROMOS_READ, MAX_PROMOS = 100, 20  # promotions read, and shown: the expired ones among them are not
MAX_FIGURES_ORDERS = 500  # orders counted by status
MAX_RIDES_READ, MAX_RIDES_BYTES = 500, 1_048_576  # open orders among which those on the road are looked for
MAX_TRACKS = 1_000  # couriers whose newest position a process remembers
MAX_ACCOUNTS = 1_000
MAX_KEYS = 200  # API keys of a branch
MAX_SUBJECTS = 15  # orders and chats whose preferences one command sets: a write has at most sixteen documents
MAX_CACHED = 10_000  # answers in a cache

# Webhooks
MAX_WEBHOOKS = 32
MAX_DEAD_LETTERS = 1_000  # of one endpoint; the oldest ones leave
DEAD_LETTERS_KEPT_S = 30 * 86_400
MAX_PROMO_LISTENERS = 20_000  # orders, chats and accounts that want promotions by phone; the oldest leave
