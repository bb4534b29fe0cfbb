"""The notifier as a process of its own, `comanda notifier`: notices to people, and webhooks."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import structlog

from hub.bootstrap import open_services
from hub.core.target_policy import TargetPolicy
from hub.ops.supervisor import when_parent_ends
from hub.ops.whatsapp_extra import require_whatsapp_extra
from hub.outbound.notifier import Notifier
from hub.outbound.safe_http import safe_http_client
from hub.outbound.webhook_dispatcher import build_dispatcher
from hub.services.document_names import NOTIFIER
from hub.store.outbound_stream import OutboundStream, ReaderLease

if TYPE_CHECKING:
    from hub.config import Settings
    from hub.outbound.safe_http import SafeHttpClient
    from hub.outbound.senders import Sender
    from hub.outbound.whatsapp.whatsapp_parts import WhatsAppParts
    from hub.services.build import Services

logger = structlog.get_logger(__name__)


async def notify(settings: Settings) -> None:
    """Tell people and other programs of what happens in the branch, until SIGINT or SIGTERM.

    Raises:
        CannotStart: The menu, the secret or the Redis URL cannot be used, or an extra is missing.
    """
    require_whatsapp_extra(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    when_parent_ends(stop.set)
    policy = TargetPolicy(settings.outbound_allow)
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    async with (
        open_services(settings, settings.redis_url or None) as services,
        safe_http_client(policy) as http,
        _whatsapp(services, settings, owner) as whatsapp,
    ):
        senders = [*_senders(services, settings, http), *([whatsapp.notices] if whatsapp else [])]
        parts: list[_Part] = [_notifier(services, senders, owner), build_dispatcher(services, settings, http, owner)]
        running = asyncio.create_task(_run([*parts, *([whatsapp] if whatsapp else [])]), name="notifier")
        logger.info("notifier.ready", branch=settings.branch)
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            running.cancel()
            stopped.cancel()
            await asyncio.gather(running, stopped, return_exceptions=True)
        logger.info("notifier.stopped")


class _Part(Protocol):
    async def run(self) -> None: ...


async def _run(parts: Iterable[_Part]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for part in parts:
            tasks.create_task(part.run())


@asynccontextmanager
async def _whatsapp(services: Services, settings: Settings, owner: str) -> AsyncIterator[WhatsAppParts | None]:
    """Give what speaks to WhatsApp, if it is set up."""
    if not settings.has_whatsapp:
        yield None
        return
    from hub.outbound.whatsapp.whatsapp_parts import open_whatsapp  # pywa comes with an extra

    async with open_whatsapp(services, settings, owner) as parts:
        yield parts


def _senders(services: Services, settings: Settings, http: SafeHttpClient) -> list[Sender]:
    """Return the channels that are set up."""
    if not settings.push_contact_address:
        return []
    # The encryption takes a tenth of a second to import; a hub does without it.
    from hub.outbound.web_push import WebPushSender

    return [WebPushSender(services.push, services.vapid_keys, http)]


def _notifier(services: Services, senders: list[Sender], owner: str) -> Notifier:
    log = services.log
    return Notifier(
        services.notices,
        services.promo_notices,
        services.staff,
        services.links,
        OutboundStream(log.calls, log.keys),
        ReaderLease(log.calls, log.keys, NOTIFIER, owner),
        senders,
        services.clock,
    )
