"""The webhook of WhatsApp's Cloud API: its verification, and what Meta sends."""

from __future__ import annotations

import hashlib
import hmac
import re

from aiohttp import web

from hub.config.environment import plain_text
from hub.config.whatsapp_settings import WhatsAppSettings
from hub.core.errors import BadRequest, Forbidden, NotFound, TooLarge, Unauthorized, Unavailable
from hub.domain.roles import ANONYMOUS
from hub.gateways.peer import PRINCIPAL
from hub.gateways.query import Text
from hub.gateways.request_body import read_bytes
from hub.gateways.route_table import RateClass, Route, Tag
from hub.store.inbox_stream import InboxStream
from hub.telemetry import Metrics

MAX_BODY_BYTES = 3 * 1024 * 1024  # Meta's own bound on a payload
SIGNATURE = "X-Hub-Signature-256"
_PATH = "/webhooks/whatsapp"
_COME_BACK_S = 30.0
_CHALLENGE = re.compile(r"[\w.-]{1,256}", re.ASCII)
_SIGNED = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)
_MODE, _TOKEN, _ASKED = Text("hub.mode"), Text("hub.verify_token"), Text("hub.challenge")


class WhatsAppWebhook:
    """Takes what Meta sends, checks who it is from, and keeps it for the notifier's process, which reads it.

    Meta sends a payload again for up to a week until it is answered with 200. So the answer waits for Redis, and for
    nothing else.
    """

    def __init__(self, settings: WhatsAppSettings, inbox: InboxStream, metrics: Metrics) -> None:
        self._is_set_up = settings.has_whatsapp
        self._app_secret = plain_text(settings.whatsapp_app_secret).encode()
        self._verify_token = plain_text(settings.whatsapp_verify_token).encode()
        self._inbox = inbox
        self._payloads = metrics.whatsapp_payloads

    def routes(self) -> list[Route]:
        """Return the routes of the webhook."""
        return [
            Route(
                method="GET",
                path=_PATH,
                handler=self.verify,
                tag=Tag.CHATS,
                summary="Prove to Meta that the webhook of WhatsApp is here",
                media_type="text/plain",
                query=(_MODE, _TOKEN, _ASKED),
                errors=(BadRequest, Forbidden, NotFound),
                rate=RateClass.CREDENTIAL,
                head=False,
            ),
            Route(
                method="POST",
                path=_PATH,
                handler=self.take,
                tag=Tag.CHATS,
                summary="Take messages and statuses of WhatsApp",
                foreign_body=f"A payload of WhatsApp's Cloud API, signed in `{SIGNATURE}`.",
                errors=(BadRequest, NotFound, TooLarge),
                rate=RateClass.CREDENTIAL,
                max_body_bytes=MAX_BODY_BYTES,
            ),
        ]

    async def verify(self, request: web.Request) -> web.Response:
        """Answer with the challenge, if the verify token is ours."""
        self._require_set_up()
        token = (_TOKEN.read(request) or "").encode(errors="surrogatepass")
        if not hmac.compare_digest(token, self._verify_token) or _MODE.read(request) != "subscribe":
            raise Forbidden("this is not the verify token of COMANDA_WHATSAPP_VERIFY_TOKEN")
        request[PRINCIPAL] = ANONYMOUS
        challenge = _ASKED.read(request) or ""
        if not _CHALLENGE.fullmatch(challenge):
            raise BadRequest("there is no challenge to answer", field="hub.challenge")
        return web.Response(text=challenge)

    async def take(self, request: web.Request) -> web.Response:
        """Keep a payload that Meta has signed. Nothing of it is parsed here."""
        self._require_set_up()
        signature = request.headers.get(SIGNATURE, "")
        # Without anything like a signature, the body is not worth reading.
        if not _SIGNED.fullmatch(signature) or not self._is_signed(signature, raw := await read_bytes(request)):
            self._payloads.labels("unsigned").inc()
            raise Unauthorized(f"the signature in {SIGNATURE} is missing or wrong")
        request[PRINCIPAL] = ANONYMOUS
        try:
            body = raw.decode()
        except UnicodeDecodeError as exc:
            raise BadRequest("the body is not UTF-8") from exc
        if not await self._inbox.add(body):
            self._payloads.labels("full").inc()
            raise Unavailable("too much waits to be read; send it again later", retry_after_s=_COME_BACK_S)
        self._payloads.labels("taken").inc()
        return web.json_response({})

    def _require_set_up(self) -> None:
        if not self._is_set_up:
            raise NotFound("there is nothing at this address")

    def _is_signed(self, signature: str, raw: bytes) -> bool:
        expected = "sha256=" + hmac.digest(self._app_secret, raw, hashlib.sha256).hex()
        return hmac.compare_digest(signature, expected)
