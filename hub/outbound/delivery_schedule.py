"""The order and the times in which one endpoint gets its deliveries: a state machine without I/O or clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.outbound.delivery import Delivery

# Seconds from a failure to the next try; from the last one on, always that long.
BACKOFF_S = (5, 15, 60, 300, 900, 1_800, 3_600)
MAX_RETRY_AFTER_S = 3_600.0
JITTER = 0.2  # of the wait, at most, in either direction
PARALLEL = 4
MAX_HELD = 256
BREAK_AFTER = 5  # failures in a row, of any orders: from then on the endpoint is only probed


def backoff_s(failures: int, chance: float) -> float:
    """Return the wait after so many failures in a row, in seconds.

    Args:
        chance: From 0 to 1: where in the range of the jitter.
    """
    wait_s = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]
    return wait_s * (1 - JITTER + 2 * JITTER * chance)


@dataclass(slots=True)
class DeliveryQueue:
    """The deliveries of one order that have not arrived, oldest first.

    Attributes:
        attempts: Failed tries of the first one.
        retry_at: The time of its next try; None: at once.
        under_way: The first one is being sent.
    """

    key: str
    held: deque[Delivery] = field(default_factory=deque)
    attempts: int = 0
    retry_at: datetime | None = None
    under_way: bool = False

    def due(self, now: datetime) -> bool:
        """Return True if the first delivery may be sent now."""
        return bool(self.held) and not self.under_way and (self.retry_at is None or self.retry_at <= now)

    def drop_first(self) -> Delivery:
        """Remove the first delivery: the next one begins anew."""
        self.attempts, self.retry_at, self.under_way = 0, None, False
        return self.held.popleft()


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A delivery that is not tried any more.

    Attributes:
        attempts: The failed tries.
    """

    delivery: Delivery
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do now: deliveries to send, and those to give up."""

    send: tuple[Delivery, ...]
    give_up: tuple[GivenUp, ...]


class DeliverySchedule:
    """Decides what an endpoint is sent when.

    One delivery of an order is under way at a time; orders do not wait for each other. After some failures in a row,
    of whatever orders, the endpoint counts as down: one delivery at a time probes it, with longer and longer pauses,
    and the first that arrives lets all others go at once.

    Args:
        chance: Return a number from 0 to 1, for the jitter.

    Attributes:
        queues: By order, what has not arrived.
        failures: Failures since the last delivery that arrived.
        failing_since: The time of the first of them.
        probe_at: While the endpoint counts as down: the time of the next probe.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._reasons: dict[str, str] = {}
        self.queues: dict[str, DeliveryQueue] = {}
        self.failures = 0
        self.failing_since: datetime | None = None
        self.probe_at: datetime | None = None

    @property
    def room(self) -> int:
        """How many more deliveries may be held."""
        return max(0, MAX_HELD - sum(len(queue.held) for queue in self.queues.values()))

    @property
    def down(self) -> bool:
        """Return True if the endpoint is only probed."""
        return self.failures >= BREAK_AFTER

    def add(self, delivery: Delivery) -> None:
        """Hold a delivery, behind those of its order."""
        key = f"again {delivery.queue}" if delivery.replayed else delivery.queue
        self.queues.setdefault(key, DeliveryQueue(key)).held.append(delivery)

    def advance(self, now: datetime) -> Steps:
        """Return what to do now, and count the deliveries to send as under way."""
        give_up = tuple(self._expired(now))
        free = self._parallel - sum(queue.under_way for queue in self.queues.values())
        if free <= 0 or (self.down and self.probe_at is not None and self.probe_at > now):
            return Steps((), give_up)
        due = sorted((queue for queue in self.queues.values() if queue.due(now)), key=_waiting_since)
        for queue in due[:free]:
            queue.under_way = True
        return Steps(tuple(queue.held[0] for queue in due[:free]), give_up)

    def wake_at(self) -> datetime | None:
        """Return the next time at which `advance` may have something to do; None: not before something happens."""
        idle = [queue for queue in self.queues.values() if not queue.under_way]
        if len(self.queues) - len(idle) >= self._parallel:
            return None
        if self.down and self.probe_at is not None:
            return max(min((queue.retry_at or self.probe_at for queue in idle), default=self.probe_at), self.probe_at)
        return min((queue.retry_at for queue in idle if queue.retry_at is not None), default=None)

    def arrived(self, delivery: Delivery, now: datetime) -> None:
        """Note that a delivery has arrived."""
        self._drop_first(self._queue_of(delivery))
        if self.down:
            for queue in self.queues.values():
                queue.retry_at = None if queue.retry_at is None else min(queue.retry_at, now)
        self.failures, self.failing_since, self.probe_at = 0, None, None

    def failed(self, delivery: Delivery, now: datetime, reason: str, retry_after_s: float | None = None) -> None:
        """Note that a delivery has failed: it is tried again later.

        Args:
            reason: One word.
            retry_after_s: The least time to wait, as the endpoint asked for it, in seconds.
        """
        queue = self._queue_of(delivery)
        queue.under_way = False
        queue.attempts += 1
        self._reasons[queue.key] = reason
        self.failures += 1
        self.failing_since = self.failing_since or now
        asked_s = min(retry_after_s or 0.0, MAX_RETRY_AFTER_S)
        queue.retry_at = now + timedelta(seconds=max(asked_s, backoff_s(queue.attempts, self._chance())))
        if self.down:
            wait_s = max(asked_s, backoff_s(self.failures - BREAK_AFTER + 1, self._chance()))
            self.probe_at = now + timedelta(seconds=wait_s)

    def interrupted(self, delivery: Delivery) -> None:
        """Note that a try was broken off: it counts as none."""
        self._queue_of(delivery).under_way = False

    def give_up_all(self, reason: str) -> tuple[GivenUp, ...]:
        """Let go of everything that is held, oldest first."""
        held = [
            GivenUp(delivery, queue.attempts, self._reasons.get(key, reason))
            if delivery is queue.held[0]
            else GivenUp(delivery, 0, reason)
            for key, queue in self.queues.items()
            for delivery in queue.held
        ]
        self.queues.clear()
        self._reasons.clear()
        return tuple(sorted(held, key=lambda each: each.delivery.event_at))

    @property
    def _parallel(self) -> int:
        return 1 if self.down else PARALLEL

    def _expired(self, now: datetime) -> Iterator[GivenUp]:
        """Drop what is too old and was tried at least once, or would not be tried because the endpoint is down."""
        for queue in list(self.queues.values()):
            while queue.held and not queue.under_way and queue.held[0].expires_at <= now:
                if not queue.attempts and not self.down:
                    break
                attempts, reason = queue.attempts, self._reasons.get(queue.key, "expired")
                yield GivenUp(self._drop_first(queue), attempts, reason)

    def _queue_of(self, delivery: Delivery) -> DeliveryQueue:
        return self.queues[f"again {delivery.queue}" if delivery.replayed else delivery.queue]

    def _drop_first(self, queue: DeliveryQueue) -> Delivery:
        dropped = queue.drop_first()
        self._reasons.pop(queue.key, None)
        if not queue.held:
            del self.queues[queue.key]
        return dropped


def _waiting_since(queue: DeliveryQueue) -> datetime:
    return queue.retry_at or queue.held[0].event_at
