"""Answers about the branch: its menu, stock, promotions, notifications and figures."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from hub.domain.answers.base import Answer, CommandAnswer
from hub.domain.menu import Category
from hub.domain.notification_preferences import Preferences
from hub.domain.positions import Verdict
from hub.domain.values import Stored, absent


class ShownDish(Answer):
    """A dish of the menu. `price` is in minor units; `left` is there if the kitchen counts the dish."""

    sku: str
    name: str
    name_en: str
    category: str
    price: int
    description: str
    description_en: str
    allergens: tuple[str, ...]
    currency: str
    available: bool
    left: int | None = Field(default=None, exclude_if=absent)


class ShownMenu(Answer):
    """The menu, with what is left of each dish."""

    name: str
    categories: tuple[Category, ...]
    items: tuple[ShownDish, ...]


class PositionsTaken(Answer):
    """The outcome of a report of positions.

    Attributes:
        taken: Positions that were the courier's newest. The last one is passed on.
        ignored: Those that were not passed on.
        reason: Why the last ignored one was ignored.
    """

    taken: int
    ignored: int
    reason: Verdict | None = Field(default=None, exclude_if=absent)

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> PositionsTaken:
        """Return the outcome of these positions."""
        ignored = [verdict for verdict in verdicts if verdict is not Verdict.TAKEN]
        return cls(taken=len(verdicts) - len(ignored), ignored=len(ignored), reason=ignored[-1] if ignored else None)


class StockLevel(Answer):
    """The number that is left of a dish; None if it is not counted."""

    sku: str
    name: str
    left: int | None


class StockSnapshot(Answer):
    """The dishes that the kitchen counts."""

    items: tuple[StockLevel, ...]


class PublishedPromo(CommandAnswer):
    """A promotion that was published."""

    promo_id: str


class Promo(Stored):
    """A promotion, as stored."""

    promo_id: str
    title: str
    message: str
    expires_at: str | None = Field(default=None, exclude_if=absent)


class PromosSnapshot(Answer):
    """The promotions that are on, the newest first."""

    promos: tuple[Promo, ...]


class ChosenNotifications(CommandAnswer):
    """The notifications that the caller has chosen."""

    preferences: Preferences


class PushKey(Answer):
    """What a browser needs to know of Web Push.

    Attributes:
        key: The hub's public key (`applicationServerKey`): 65 bytes in base64url; None if nothing is pushed.
        unseen_s: The age, in seconds, at which an order that nobody has acknowledged wakes kitchen and managers; 0: it
            does not.
    """

    key: str | None
    unseen_s: int


class SentNotice(CommandAnswer):
    """A notice that was sent."""

    notice_id: str


class MemoryFigures(Answer):
    """Redis's memory, as last read."""

    level: str
    used_bytes: int
    ceiling_bytes: int


class DashboardFigures(Answer):
    """The live figures of the branch.

    Attributes:
        sales_today: In `currency`'s minor units.
        by_status: The number of open orders in each status, of those that wait longest.
        avg_prep_s: The average time on the grill, in seconds; None until there is one.
        connections: Of this process.
        memory: None if Redis does not say.
    """

    orders_active: int
    orders_today: int
    cancelled_today: int
    sales_today: int
    currency: str
    by_status: dict[str, int]
    avg_prep_s: int | None
    connections: int
    memory: MemoryFigures | None
    at: str


class DayFigures(Answer):
    """The figures of one business day.

    Attributes:
        day: The date on which it begins.
        begins_at, ends_at: The bounds of the day; it ends just before the latter.
        previous: The day before.
        orders: The orders that were placed on it.
        cancelled: The orders that were cancelled on it.
        sales: Of the orders that were placed on it, without the cancelled ones; in `currency`'s minor units.
    """

    day: str
    begins_at: str
    ends_at: str
    previous: str
    orders: int
    cancelled: int
    sales: int
    currency: str


class DashboardSnapshot(Answer):
    """The state of the dashboard's room."""

    figures: DashboardFigures
