"""The place up to which an endpoint has its events, as it is stored, so that another process can go on from there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from hub.domain.values import Stored, Time
from hub.outbound.delivery import Delivery
from hub.outbound.delivery_schedule import DeliveryQueue, DeliverySchedule


class QueueProgress(Stored):
    """The deliveries of one order that have not arrived: their cursors in the outbound stream, oldest first."""

    key: str
    cursors: tuple[str, ...]
    attempts: int = 0
    retry_at: Time | None = None


class WebhookProgress(Stored):
    """The progress of an endpoint. Every event up to `cursor` has arrived, or is in a queue, or is a dead letter.

    Attributes:
        since: The `since` of the endpoint for which it holds: one that was enabled anew begins anew.
    """

    since: str
    cursor: str
    queues: tuple[QueueProgress, ...] = ()
    failures: int = 0
    failing_since: Time | None = None
    probe_at: Time | None = None

    @property
    def held(self) -> frozenset[str]:
        """The cursors of everything that has not arrived."""
        return frozenset(cursor for queue in self.queues for cursor in queue.cursors)


def progress_of(schedule: DeliverySchedule, since: str, cursor: str, also: Iterable[Delivery] = ()) -> WebhookProgress:
    """Return the progress of a schedule. What a manager has sent again is kept elsewhere.

    Args:
        also: Further deliveries that have not arrived, older than those of the schedule.
    """
    queues = {queue.key: queue for queue in schedule.queues.values() if not queue.held[0].replayed}
    for delivery in also:
        if not delivery.replayed:
            queues[f"left {delivery.id}"] = DeliveryQueue(delivery.queue, deque((delivery,)))
    return WebhookProgress(
        since=since,
        cursor=cursor,
        queues=tuple(
            QueueProgress(
                key=queue.key,
                cursors=tuple(delivery.cursor for delivery in queue.held),
                attempts=queue.attempts,
                retry_at=queue.retry_at,
            )
            for queue in queues.values()
        ),
        failures=schedule.failures,
        failing_since=schedule.failing_since,
        probe_at=schedule.probe_at,
    )


def schedule_of(
    progress: WebhookProgress, deliveries: Iterable[Delivery], chance: Callable[[], float]
) -> DeliverySchedule:
    """Return the schedule of a stored progress.

    Args:
        deliveries: Those of the cursors in its queues that can still be read, oldest first.
    """
    schedule = DeliverySchedule(chance)
    schedule.failures, schedule.failing_since = progress.failures, progress.failing_since
    schedule.probe_at = progress.probe_at
    for delivery in deliveries:
        schedule.add(delivery)
    for stored in progress.queues:
        queue = schedule.queues.get(stored.key)
        if queue is not None and queue.held[0].cursor == stored.cursors[0]:
            _restore(queue, stored)
    return schedule


def _restore(queue: DeliveryQueue, stored: QueueProgress) -> None:
    queue.attempts, queue.retry_at = stored.attempts, stored.retry_at
