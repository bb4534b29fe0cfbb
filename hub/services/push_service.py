"""Web Push: which browsers are told about an order, a chat or a member of staff."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from hub.core.errors import BadRequest, Conflict
from hub.domain.answers.base import CommandAnswer
from hub.domain.push import Device, Devices
from hub.domain.room_retention import NOTIFICATION_PREFERENCES_KEPT_S
from hub.services.auth.command_identity import idempotency_key
from hub.services.command_answers import answer_of
from hub.services.document_names import devices_key
from hub.services.stored_documents import load_readable
from hub.services.subjects import subjects_of
from hub.store.conflicts import retry_on_conflict
from hub.store.log import Document, EventLog, Quota, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.config.limit_settings import ChatLimits
    from hub.domain.push import PushKeys, SubscribePush, UnsubscribePush
    from hub.domain.roles import Principal
    from hub.services.auth.digests import Digests

_HOUR_S = 3_600


class PushService:
    """Keeps the browsers of each order, chat and account.

    Args:
        services: The push services that may be used, as patterns of host names.
    """

    def __init__(self, log: EventLog, limits: ChatLimits, digests: Digests, services: Sequence[str]) -> None:
        self._log = log
        self._limits = limits
        self._digests = digests
        self._services = services

    async def subscribe(self, principal: Principal, command: SubscribePush) -> CommandAnswer:
        """Tell a browser about the caller's orders and chats, or a member of staff's browser about their work.

        Raises:
            BadRequest: The endpoint belongs to no push service that this hub uses, or the key is none.
            NotFound: The caller holds no order or chat.
            RateLimited: The address has changed its notifications too often within an hour.
        """
        self._check_service(command.endpoint)
        _check_key(command.keys)
        device = Device(
            endpoint=command.endpoint, p256dh=command.keys.p256dh, auth=command.keys.auth, lang=command.lang
        )
        return await self._change(principal, command, lambda devices: devices.adding(device))

    async def unsubscribe(self, principal: Principal, command: UnsubscribePush) -> CommandAnswer:
        """Tell a browser nothing more about what the caller holds. It need not have been told before.

        Raises:
            NotFound: The caller holds no order or chat.
        """
        return await self._change(principal, command, lambda devices: devices.without(command.endpoint))

    async def of(self, subject: str) -> tuple[Device, ...]:
        """Return the browsers of `order-<id>`, `chat-<id>` or `person-<id>`."""
        found = await self._log.document(devices_key(subject))
        return (load_readable(self._log, Devices, found) or Devices()).devices

    async def forget(self, subject: str, endpoint: str) -> None:
        """Forget a browser whose push service knows it no more."""

        async def attempt() -> None:
            key = devices_key(subject)
            found = await self._log.document(key)
            devices = load_readable(self._log, Devices, found)
            if found is None or devices is None or devices == devices.without(endpoint):
                return
            body = devices.without(endpoint).model_dump_json()
            expire = ((key, NOTIFICATION_PREFERENCES_KEPT_S),)
            documents = (Document(key, found.version + 1, body),)
            await self._log.commit(Write(expects=((key, found.version),), documents=documents, expire=expire))

        await retry_on_conflict(attempt)

    async def inherit(self, order_id: str, chat_id: str) -> None:
        """Let the browsers of a chat be told about an order that was placed in it, unless the order has its own."""
        theirs = await self._log.document(devices_key(f"chat-{chat_id}"))
        if theirs is None:
            return
        key = devices_key(f"order-{order_id}")
        documents, expire = (Document(key, 1, theirs.body),), ((key, NOTIFICATION_PREFERENCES_KEPT_S),)
        with suppress(Conflict):
            await self._log.commit(Write(expects=((key, 0),), documents=documents, expire=expire))

    async def _change(
        self,
        principal: Principal,
        command: SubscribePush | UnsubscribePush,
        changed: Callable[[Devices], Devices],
    ) -> CommandAnswer:
        keys = [devices_key(subject) for subject in subjects_of(principal)]

        async def attempt() -> CommandAnswer:
            found = await self._log.documents(keys)
            versions = [0 if document is None else document.version for document in found]
            wanted = [changed(load_readable(self._log, Devices, document) or Devices()) for document in found]
            write = Write(
                expects=tuple(zip(keys, versions, strict=True)),
                documents=tuple(
                    Document(key, version + 1, each.model_dump_json())
                    for key, version, each in zip(keys, versions, wanted, strict=True)
                ),
                expire=tuple((key, NOTIFICATION_PREFERENCES_KEPT_S) for key in keys),
                quotas=self._quotas(principal),
                result="{}",
                idempotency=idempotency_key(principal, command),
            )
            return answer_of(CommandAnswer, await self._log.commit(write))

        return await retry_on_conflict(attempt)

    def _quotas(self, principal: Principal) -> tuple[Quota, ...]:
        most = self._limits.notify_hour
        if principal.is_staff or not principal.address or not most:
            return ()
        address = self._digests.address(principal.address)
        return (Quota(f"notify_hour:{address}", 1, most, _HOUR_S, "notify_hour", passing=True),)

    def _check_service(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        host = (parts.hostname or "").lower()
        named = f"{parts.scheme}://{parts.netloc}".lower()
        # An address with its scheme is meant literally; a name means https.
        if named in self._services or (parts.scheme == "https" and any(fnmatchcase(host, s) for s in self._services)):
            return
        raise BadRequest("this hub sends nothing to that push service", field="endpoint")


def _check_key(keys: PushKeys) -> None:
    try:
        point = urlsafe_b64decode(keys.p256dh.rstrip("=") + "=")
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise BadRequest("this key is no point of the curve P-256", field="keys.p256dh") from None
