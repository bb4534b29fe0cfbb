"""Answers about notices."""

from __future__ import annotations

from typing import Literal

from hub.domain.answers.base import Answer
from hub.domain.values import Time


class ShownNotice(Answer):
    """One notice, by one channel.

    Attributes:
        to: Who is told.
        state: `waiting`, `sent`, `failed` or `dropped`.
        due: When it may be told first.
        settled_at: When it was sent, failed or was dropped.
        detail: Why it failed, was dropped, or is tried again: one word.
    """

    id: str
    to: Literal["customer", "staff"]
    type: str
    channel: str
    state: str
    due: Time
    tries: int
    settled_at: Time | None
    detail: str


class OrderNotices(Answer):
    """The notices about one order, the customer's first, each the oldest first."""

    notices: tuple[ShownNotice, ...]
