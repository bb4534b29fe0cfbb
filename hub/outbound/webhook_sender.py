"""Sends deliveries to endpoints: signs them as Standard Webhooks has it, and reads what the answer means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from standardwebhooks import Webhook

from hub import __version__
from hub.core.target_policy import TargetRefused
from hub.outbound.delivery import Delivery
from hub.outbound.safe_http import DeliveryFailed, SafeHttpClient, TargetAnswer

_GONE = 410


class DeliveryOutcome(Enum):
    """The meaning of an answer."""

    ARRIVED = "arrived"
    FAILED = "failed"
    GONE = "gone"  # the endpoint wants nothing more, ever


@dataclass(frozen=True, slots=True)
class Sent:
    """The result of one try.

    Attributes:
        reason: The status of the answer, or one word.
        retry_after_s: The time that the endpoint asked to be left alone, in seconds.
    """

    outcome: DeliveryOutcome
    reason: str
    retry_after_s: float | None = None


def signed_headers(delivery: Delivery, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the headers of a delivery, with a signature by each secret."""
    signatures = [Webhook(secret).sign(delivery.id, now, delivery.body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Comanda/{__version__}",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


class WebhookSender:
    """Sends one delivery at a time, to any endpoint."""

    def __init__(self, client: SafeHttpClient) -> None:
        self._client = client

    async def send(self, url: str, secrets: Sequence[str], delivery: Delivery, now: datetime) -> Sent:
        """Send a delivery once.

        Args:
            secrets: Each of them signs it.
            now: The time that is signed with it, in UTC.
        """
        try:
            headers = signed_headers(delivery, secrets, now)
            answer = await self._client.post(url, delivery.body.encode(), headers)
        except TargetRefused:
            return Sent(DeliveryOutcome.FAILED, "refused")
        except DeliveryFailed as exc:
            return Sent(DeliveryOutcome.FAILED, exc.reason)
        return _meaning(answer, now)


def _meaning(answer: TargetAnswer, now: datetime) -> Sent:
    reason = str(answer.status)
    if 200 <= answer.status < 300:
        return Sent(DeliveryOutcome.ARRIVED, reason)
    if answer.status == _GONE:
        return Sent(DeliveryOutcome.GONE, reason)
    return Sent(DeliveryOutcome.FAILED, reason, _retry_after_s(answer.headers.get("Retry-After", ""), now))


def _retry_after_s(value: str, now: datetime) -> float | None:
    """Return the seconds of a `Retry-After`, which is a number or a date; None if it is neither."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
