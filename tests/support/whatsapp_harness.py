"""A branch that WhatsApp writes to, with stand-ins for what sends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from hub.core.errors import Unavailable
from hub.domain.chat import Chat
from hub.domain.rooms import Room
from hub.domain.whatsapp_port import ButtonsMessage, ListMessage, TextMessage
from hub.outbound.whatsapp_inbox.inbox_reader import InboxReader
from hub.outbound.whatsapp_inbox.message_handler import MessageHandler
from hub.outbound.whatsapp_inbox.message_reader import MessageReader
from hub.services.document_names import chat_key
from hub.store.inbox_stream import InboxStream
from hub.store.outbound_stream import START, ReaderLease
from tests.support.services_harness import Branch, open_branch
from tests.support.whatsapp_payloads import ANA, PHONE_ID


@dataclass
class Outbox:
    """What was added, by number: each name once."""

    sent: list[tuple[str, str, TextMessage | ButtonsMessage | ListMessage]] = field(default_factory=list)

    async def add(self, wa_id: str, message_id: str, message: TextMessage | ButtonsMessage | ListMessage) -> None:
        if all(message_id != known for _, known, _ in self.sent):
            self.sent.append((wa_id, message_id, message))

    def texts(self, wa_id: str = ANA) -> list[str]:
        return [message.text for number, _, message in self.sent if number == wa_id]


@dataclass
class Statuses:
    """What was applied."""

    applied: list[tuple[Any, ...]] = field(default_factory=list)
    away: bool = False

    async def apply(
        self,
        wa_id: str,
        wamid: str,
        status: str,
        timestamp: datetime,
        biz_opaque_callback_data: str,
        error_code: int | None,
    ) -> None:
        if self.away:
            raise Unavailable("Redis does not answer")
        self.applied.append((wa_id, wamid, status, timestamp, biz_opaque_callback_data, error_code))


@dataclass
class WhatsAppBranch:
    """A branch, its inbox, and the process that reads it."""

    branch: Branch
    outbox: Outbox = field(default_factory=Outbox)
    statuses: Statuses = field(default_factory=Statuses)
    names: Any = field(default_factory=lambda: count(1))

    @property
    def inbox(self) -> InboxStream:
        return InboxStream(self.branch.log.calls, self.branch.log.keys, "whatsapp")

    def reader(self, **changes: Any) -> InboxReader:
        """A process that reads the inbox."""
        services, log = self.branch.services, self.branch.log
        chat = changes.get("chat", services.chat)
        handler = MessageHandler(log, chat, services.whatsapp, self.outbox, "es")
        lease = ReaderLease(log.calls, log.keys, "whatsapp", f"process-{next(self.names)}")
        return InboxReader(self.inbox, lease, handler, self.statuses, MessageReader(PHONE_ID), PHONE_ID)

    async def put(self, *payloads: Any) -> None:
        """Put payloads into the inbox, as the webhook does."""
        for each in payloads:
            assert await self.inbox.add(each if isinstance(each, str) else json.dumps(each))

    async def get(self, *payloads: Any, reader: InboxReader | None = None) -> None:
        """Put payloads into the inbox, and have all that is there read."""
        await self.put(*payloads)
        reader = reader or self.reader()
        while entries := await self.inbox.read(START, 10):
            await reader.take(entries)

    async def said(self, wa_id: str = ANA) -> list[str]:
        """What the number has said in its chat, the oldest first."""
        number = await self.branch.services.whatsapp.get(wa_id)
        if number is None:
            return []
        entries = await self.branch.room(Room.chat(number.chat_id))
        return [json.loads(each.body)["data"]["text"] for each in entries if each.type == "chat.message"]

    async def chat(self, wa_id: str = ANA) -> Chat:
        number = await self.branch.services.whatsapp.get(wa_id)
        assert number is not None
        document = await self.branch.log.document(chat_key(number.chat_id))
        assert document is not None
        return Chat.model_validate_json(document.body)


@asynccontextmanager
async def whatsapp_branch() -> AsyncIterator[WhatsAppBranch]:
    async with open_branch() as branch:
        yield WhatsAppBranch(branch)
