"""Answers about webhooks."""

from __future__ import annotations

from pydantic import Field

from hub.domain.answers.base import Answer, CommandAnswer
from hub.domain.values import Time


class ShownWebhook(Answer):
    """An endpoint. Its secret is not shown again.

    Attributes:
        state: `enabled`, `paused` (by a manager), `gone` (it answered 410) or `failing` (nothing could be delivered).
        dead: The number of deliveries that were given up, and that can be driven again.
    """

    id: str
    url: str
    types: tuple[str, ...]
    description: str
    state: str
    version: int
    created_at: Time
    dead: int


class WebhookList(Answer):
    """The endpoints, the oldest first."""

    webhooks: tuple[ShownWebhook, ...]


class WebhookDetail(Answer):
    """One endpoint."""

    webhook: ShownWebhook


class ChangedWebhook(CommandAnswer):
    """An endpoint after a change."""

    webhook: ShownWebhook


class SecretOfWebhook(CommandAnswer):
    """An endpoint with its new secret, which is shown this once."""

    webhook: ShownWebhook
    secret: str = Field(repr=False)


class ShownDeadLetter(Answer):
    """A delivery that was given up. `id` is its `webhook-id`; `order_id` is empty if it is about no order."""

    id: str
    type: str
    order_id: str
    event_at: Time
    given_up_at: Time
    reason: str
    attempts: int


class DeadLetters(Answer):
    """A page of dead letters, the newest first. `next`: the `before` of the next page; null: this is the last one."""

    dead: tuple[ShownDeadLetter, ...]
    next: int | None


class ReplayedLetters(CommandAnswer):
    """The number of dead letters that are sent again."""

    replayed: int
