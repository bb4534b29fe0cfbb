"""Deliveries of webhooks: the events of the branch in the form in which endpoints get them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.domain.webhooks import DeadLetter


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint.

    Attributes:
        id: The `webhook-id`, the same for each try: the event's id.
        cursor: Its place in the outbound stream; empty if it does not come from there.
        queue: Deliveries of one queue arrive in their order: an order's id, or a star and a family of events.
        body: The request's body.
        expires_at: The time from which on it is given up.
        replayed: It was given up before, and a manager has it sent again.
        attempts: How often it was tried before it was given up, if it was.
    """

    id: str
    cursor: str
    type: str
    queue: str
    body: str
    event_at: datetime
    expires_at: datetime
    replayed: bool = False
    attempts: int = 0

    @property
    def order_id(self) -> str:
        """The order that the event is about; empty: none."""
        return "" if self.queue.startswith("*") else self.queue


def delivery_of(id: str, cursor: str, type_: str, body: str, retry_for: timedelta) -> Delivery | None:
    """Return the delivery of an event; None if the event cannot be read.

    Args:
        id: The event's id.
        cursor: Its place in the outbound stream.
        body: The event as the log keeps it, `{"type": …, "at": …, "data": {…}}`.
        retry_for: The time after the event for which it is tried.
    """
    try:
        event = json.loads(body)
        at, data = datetime.fromisoformat(event["at"]), event["data"]
        payload = {"type": type_, "timestamp": event["at"], "data": data}
        return Delivery(
            id=id,
            cursor=cursor,
            type=type_,
            queue=_queue_of(type_, data),
            body=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
            event_at=at,
            expires_at=at + retry_for,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _queue_of(type_: str, data: dict[str, object]) -> str:
    order = data.get("order")
    found = order.get("id") if isinstance(order, dict) else data.get("order_id")
    return found if isinstance(found, str) and found else f"*{type_.partition('.')[0]}"


def delivery_again(letter: DeadLetter, now: datetime, retry_for: timedelta) -> Delivery:
    """Return the delivery of a dead letter that a manager has sent again."""
    return Delivery(
        id=letter.id,
        cursor="",
        type=letter.type,
        queue=letter.order_id or f"*{letter.type.partition('.')[0]}",
        body=letter.body,
        event_at=letter.event_at,
        expires_at=now + retry_for,
        replayed=True,
        attempts=letter.attempts,
    )
