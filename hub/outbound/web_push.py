"""Web Push: one notice to each browser of its subjects (RFC 8030, 8188, 8291, 8292).

The message has the shape of Declarative Web Push: Safari shows it without code, other browsers hand it to the pages'
service worker.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import jwt
import structlog
from pywebpush import WebPusher  # type: ignore[import-untyped]

from hub.core.target_policy import TargetRefused
from hub.domain.notices import KINDS
from hub.domain.notification_preferences import Channel
from hub.outbound.safe_http import DeliveryFailed
from hub.outbound.senders import Outcome, Sending, combined
from hub.outbound.wording import words_of
from hub.services.promo_notices import PROMO

if TYPE_CHECKING:
    from hub.domain.push import Device
    from hub.outbound.safe_http import SafeHttpClient, TargetAnswer
    from hub.outbound.senders import Telling
    from hub.services.push_service import PushService
    from hub.services.vapid_keys import VapidKeys

logger = structlog.get_logger(__name__)

_TOKEN_S = 12 * 3_600  # push services accept a day at the most
_GONE = (404, 410)
_MAX_WAIT_S = 3_600.0
_TOPIC_CHARS = 32


class WebPushSender:
    """Sends notices to browsers.

    Args:
        clock: Return the Unix time, in seconds.
    """

    channel = Channel.PUSH

    def __init__(
        self, push: PushService, keys: VapidKeys, http: SafeHttpClient, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._push = push
        self._keys = keys
        self._http = http
        self._clock = clock
        self._tokens: dict[str, tuple[float, str]] = {}

    async def send(self, telling: Telling) -> Sending:
        """Send a notice to every browser of its subjects. Forget browsers that their service knows no more."""
        devices = [
            (subject, device)
            for subject in telling.subjects
            for device in await self._push.of(subject)
            if telling.notice.device in ("", device.digest)
        ]
        return combined(await asyncio.gather(*(self._send(telling, *each) for each in devices)))

    async def _send(self, telling: Telling, subject: str, device: Device) -> Sending:
        body = _encrypted(message_of(telling, "en" if device.lang == "en" else "es"), device)
        kind = KINDS[telling.notice.type]
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(kind.ttl_s),
            "Urgency": "high" if kind.urgent else "normal",
            "Topic": topic_of(telling),
            "Authorization": await self._authorization(device.endpoint),
        }
        try:
            answer = await self._http.post(device.endpoint, body, headers)
        except DeliveryFailed as exc:
            return Sending(Outcome.AGAIN, exc.reason)
        except TargetRefused:
            return Sending(Outcome.REFUSED, "address")
        return await self._outcome(answer, subject, device)

    async def _outcome(self, answer: TargetAnswer, subject: str, device: Device) -> Sending:
        if answer.status in _GONE:
            await self._push.forget(subject, device.endpoint)
            return Sending(Outcome.NOBODY, "gone")
        if answer.status < 300:
            return Sending(Outcome.SENT)
        if answer.status == 429 or answer.status >= 500:
            return Sending(Outcome.AGAIN, f"status_{answer.status}", _wait_s(answer))
        logger.error("web_push.refused", status=answer.status, service=urlsplit(device.endpoint).hostname)
        return Sending(Outcome.REFUSED, f"status_{answer.status}")

    async def _authorization(self, endpoint: str) -> str:
        """Return the header that says who sends (RFC 8292), made once in hours for each push service."""
        parts = urlsplit(endpoint)
        audience, now = f"{parts.scheme}://{parts.netloc}", self._clock()
        until, header = self._tokens.get(audience, (0.0, ""))
        if until < now + _TOKEN_S / 2:
            claims = {"aud": audience, "exp": int(now + _TOKEN_S), "sub": self._keys.contact}
            token = jwt.encode(claims, await self._keys.private_key(), algorithm="ES256")
            header = f"vapid t={token}, k={await self._keys.public_key()}"
            self._tokens[audience] = (now + _TOKEN_S, header)
        return header


def message_of(telling: Telling, lang: Literal["es", "en"]) -> bytes:
    """Return the message in the shape of Declarative Web Push, as JSON.

    Attributes of `notification` are those of `showNotification`; `navigate` is where a tap leads. `id` is the notice's:
    a message that comes twice has the same.
    """
    words = words_of(telling, lang)
    notification = {
        "title": words.title,
        "body": words.body,
        "navigate": telling.link,
        "lang": lang,
        "tag": topic_of(telling),
        "silent": False,
    }
    return json.dumps(
        {"web_push": 8030, "id": telling.notice.id, "notification": notification}, ensure_ascii=False
    ).encode()


def topic_of(telling: Telling) -> str:
    """Return the topic, under which a newer message about an order replaces an older one that was not delivered yet."""
    if telling.order is None or telling.notice.type == PROMO:
        return telling.notice.id.replace(".", "-")[-_TOPIC_CHARS:]
    return telling.order.id[:_TOPIC_CHARS]


def _encrypted(message: bytes, device: Device) -> bytes:
    keys = {"p256dh": device.p256dh, "auth": device.auth}
    encoded = WebPusher({"endpoint": device.endpoint, "keys": keys}).encode(message, "aes128gcm")
    body: bytes = encoded["body"]
    return body


def _wait_s(answer: TargetAnswer) -> float | None:
    """Return the seconds that the service asks for; None if it does not say, or says it as a date."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), _MAX_WAIT_S) if asked.isdecimal() else None
