"""Builds the parts of a notifier's process that speak to WhatsApp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.outbound.whatsapp.chat_follower import ChatFollower
from hub.outbound.whatsapp.graph_client import open_graph_client
from hub.outbound.whatsapp.notice_sender import WhatsAppNoticeSender
from hub.outbound.whatsapp.outbox_runner import OutboxRunner
from hub.outbound.whatsapp_inbox.inbox_reader import build_inbox_reader
from hub.services.document_names import WHATSAPP_CHATS
from hub.store.outbound_stream import OutboundStream, ReaderLease

if TYPE_CHECKING:
    from hub.config import Settings
    from hub.outbound.senders import Sender
    from hub.outbound.whatsapp_inbox.inbox_reader import InboxReader
    from hub.services.build import Services


@dataclass(frozen=True, slots=True)
class WhatsAppParts:
    """What a notifier's process runs for WhatsApp.

    Attributes:
        inbox: Reads what numbers write.
        chats: Follows what is said to them.
        outboxes: Sends it.
        notices: The notifier's channel.
    """

    inbox: InboxReader
    chats: ChatFollower
    outboxes: OutboxRunner
    notices: Sender

    async def run(self) -> None:
        """Run all of it until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for part in (self.inbox, self.chats, self.outboxes):
                tasks.create_task(part.run())


@asynccontextmanager
async def open_whatsapp(services: Services, settings: Settings, owner: str) -> AsyncIterator[WhatsAppParts]:
    """Give the parts, with a client of the Graph API.

    Args:
        owner: This process, by a name that no other has.
    """
    log, numbers, outboxes = services.log, services.whatsapp, services.outboxes
    async with open_graph_client(settings) as client:
        stream = OutboundStream(log.calls, log.keys)
        lease = ReaderLease(log.calls, log.keys, WHATSAPP_CHATS, owner)
        yield WhatsAppParts(
            inbox=build_inbox_reader(services, settings, outboxes, outboxes, owner),
            chats=ChatFollower(log, numbers, outboxes, client, stream, lease, settings.lang),
            outboxes=OutboxRunner(outboxes, numbers, client, services.clock),
            notices=WhatsAppNoticeSender(log, numbers, outboxes, settings.lang),
        )
