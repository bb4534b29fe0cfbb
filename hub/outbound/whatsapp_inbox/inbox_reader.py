"""Reads the inbox of WhatsApp's webhook, one process at a time, and deals with what stands in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import Unavailable
from hub.outbound.follower import OutboundFollower
from hub.outbound.whatsapp_inbox.incoming import Incoming, Status
from hub.outbound.whatsapp_inbox.message_handler import MessageHandler
from hub.outbound.whatsapp_inbox.message_reader import MessageReader
from hub.outbound.whatsapp_inbox.payload import MalformedPayload, read_payload
from hub.services.document_names import WHATSAPP, WHATSAPP_READER
from hub.store.inbox_stream import InboxStream
from hub.store.outbound_stream import ReaderLease

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hub.config import Settings
    from hub.domain.whatsapp_port import WhatsAppOutbox, WhatsAppStatuses
    from hub.outbound.whatsapp_inbox.incoming import Payload
    from hub.services.build import Services
    from hub.store.inbox_stream import InboxEntry

logger = structlog.get_logger(__name__)

SEEN_S = 8 * 86_400  # Meta sends a payload again for seven days
_AT_ONCE = 32  # numbers whose messages are dealt with at the same time


class InboxReader:
    """Deals with each message once, those of one number in the order in which they came.

    Payloads come at least once, over any hub. A message that has been dealt with is marked, for longer than Meta sends
    it again. Between the effect and the mark, a process may die; then the effect is asked for again under the same id,
    and does not happen again.

    Args:
        phone_id: The number that the hub answers for.
        statuses: Learns what became of messages.
    """

    def __init__(
        self,
        inbox: InboxStream,
        lease: ReaderLease,
        handler: MessageHandler,
        statuses: WhatsAppStatuses,
        reader: MessageReader,
        phone_id: str,
    ) -> None:
        self.follower = OutboundFollower(inbox, lease, self.take)
        self._inbox = inbox
        self._handler = handler
        self._statuses = statuses
        self._reader = reader
        self._phone_id = phone_id
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Read until cancelled. Redis need not answer yet."""
        await self.follower.run()

    async def take(self, entries: tuple[InboxEntry, ...]) -> None:
        """Deal with payloads, and remove them.

        Raises:
            Unavailable: Redis did not answer; they come again.
        """
        payloads = list(self._read(entries))
        unseen = await self._inbox.unseen([message.id for payload in payloads for message in payload.messages])
        waiting: dict[str, list[Incoming | Status]] = {}
        for each in _in_order(payloads, unseen):
            waiting.setdefault(each.wa_id, []).append(each)
        async with asyncio.TaskGroup() as tasks:
            done = [tasks.create_task(self._work_off(each)) for each in waiting.values()]
        if not all(task.result() for task in done):
            raise Unavailable("Redis does not answer")
        await self._inbox.remove(entries)

    def _read(self, entries: Iterable[InboxEntry]) -> Iterator[Payload]:
        for entry in entries:
            try:
                payload = read_payload(entry.body, self._phone_id, self._reader)
            except MalformedPayload as exc:
                logger.error("whatsapp.payload_unreadable", reason=str(exc))
                continue
            if payload.malformed:
                logger.error("whatsapp.payload_unreadable", reason="messages or statuses", count=payload.malformed)
            if payload.hidden:
                logger.warning("whatsapp.number_hidden", count=payload.hidden)
            if payload.others:
                logger.info("whatsapp.payload_ignored", count=payload.others)
            yield payload

    async def _work_off(self, waiting: Sequence[Incoming | Status]) -> bool:
        """Deal with what one number waits for; return False if Redis did not answer meanwhile."""
        async with self._free:
            try:
                for each in waiting:
                    if isinstance(each, Status):
                        await self._apply(each)
                    else:
                        await self._handler.handle(each)
                        await self._inbox.mark(each.id, SEEN_S)
            except Unavailable:
                return False
            return True

    async def _apply(self, status: Status) -> None:
        try:
            await self._statuses.apply(
                status.wa_id, status.wamid, status.status, status.at, status.data, status.error_code
            )
        except Unavailable:
            raise
        except Exception:  # the status's root: one that breaks something must not hold up all others
            logger.exception("whatsapp.status_failed", status=status.status)


def _in_order(payloads: Iterable[Payload], unseen: set[str]) -> Iterator[Incoming | Status]:
    """Yield what payloads say, in order, each message once."""
    left = set(unseen)
    for payload in payloads:
        for message in payload.messages:
            if message.id in left:
                left.remove(message.id)
                yield message
        yield from payload.statuses


def build_inbox_reader(
    services: Services,
    settings: Settings,
    outbox: WhatsAppOutbox,
    statuses: WhatsAppStatuses,
    owner: str,
    *,
    lease_s: float = 6.0,
) -> InboxReader:
    """Return the reader of a branch's inbox.

    Args:
        owner: This process, by a name that no other has.
        lease_s: The time after which another process goes on, if this one dies.
    """
    log, phone_id = services.log, settings.whatsapp_phone_id
    handler = MessageHandler(log, services.chat, services.whatsapp, outbox, settings.lang)
    inbox = InboxStream(log.calls, log.keys, WHATSAPP)
    lease = ReaderLease(log.calls, log.keys, WHATSAPP_READER, owner, ttl_s=lease_s)
    return InboxReader(inbox, lease, handler, statuses, MessageReader(phone_id), phone_id)
