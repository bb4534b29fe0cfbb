"""One try of a delivery: its signature, and what the answer means."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from hub.core.target_policy import TargetPolicy
from hub.outbound.delivery import Delivery
from hub.outbound.safe_http import safe_http_client
from hub.outbound.webhook_sender import DeliveryOutcome, Sent, WebhookSender, signed_headers
from hub.services.webhooks.webhook_documents import new_secret
from tests.support.raw_server import answering, raw_server, silent

NOW = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
DELIVERY = Delivery("e.7", "5-1", "order.ready", "PED1", '{"type":"order.ready","data":"ñ"}', NOW, NOW + timedelta(3))


def test_each_secret_that_signs_verifies_with_the_reference_library_and_others_do_not() -> None:
    now, (new, old, other) = datetime.now(UTC), [new_secret() for _ in range(3)]
    headers = signed_headers(DELIVERY, [new, old], now)
    for secret in (new, old):
        assert Webhook(secret).verify(DELIVERY.body, headers) == {"type": "order.ready", "data": "ñ"}
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(DELIVERY.body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(DELIVERY.body + " ", headers)


def test_a_secret_has_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(3)}
    assert len(secrets) == 3
    for secret in secrets:
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


@pytest.mark.parametrize(
    ("status", "headers", "meaning"),
    [
        (200, "", Sent(DeliveryOutcome.ARRIVED, "200")),
        (204, "", Sent(DeliveryOutcome.ARRIVED, "204")),
        (302, "Location: http://127.0.0.1/\r\n", Sent(DeliveryOutcome.FAILED, "302")),
        (400, "", Sent(DeliveryOutcome.FAILED, "400")),
        (410, "", Sent(DeliveryOutcome.GONE, "410")),
        (429, "Retry-After: 120\r\n", Sent(DeliveryOutcome.FAILED, "429", 120)),
        (503, "Retry-After: Fri, 20 Nov 2026 21:31:00 GMT\r\n", Sent(DeliveryOutcome.FAILED, "503", 60)),
        (503, "Retry-After: Fri, 20 Nov 2026 21:29:00 GMT\r\n", Sent(DeliveryOutcome.FAILED, "503", 0)),
        (503, "Retry-After: soon\r\n", Sent(DeliveryOutcome.FAILED, "503")),
    ],
)
async def test_the_status_says_whether_it_arrived(status: int, headers: str, meaning: Sent) -> None:
    policy = TargetPolicy(("http://127.0.0.1",))
    async with raw_server(answering(status, headers=headers)) as server, safe_http_client(policy) as client:
        url = f"http://127.0.0.1:{server.port}/"
        assert await WebhookSender(client).send(url, [new_secret()], DELIVERY, NOW) == meaning


async def test_a_target_that_is_silent_away_or_refused_has_failed_for_that_reason() -> None:
    policy = TargetPolicy(("http://127.0.0.1",))
    async with raw_server(silent) as server, safe_http_client(policy, deadline_s=0.05) as client:
        sender, secrets = WebhookSender(client), [new_secret()]
        url = f"http://127.0.0.1:{server.port}/"
        assert await sender.send(url, secrets, DELIVERY, NOW) == Sent(DeliveryOutcome.FAILED, "timed_out")
        assert await sender.send("https://10.0.0.1/", secrets, DELIVERY, NOW) == Sent(DeliveryOutcome.FAILED, "refused")
        await server.all_closed.wait()
    async with safe_http_client(policy) as client:
        assert await WebhookSender(client).send(url, secrets, DELIVERY, NOW) == Sent(
            DeliveryOutcome.FAILED, "unreachable"
        )
