"""The outboxes of WhatsApp's numbers in the log: taking messages, sending them one by one, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from hub.domain.whatsapp_outbox import Outbox, OutMessage
from hub.services.document_names import DUE_WHATSAPP, WHATSAPP_TALLIES, whatsapp_outbox_key
from hub.services.stored_documents import load_readable
from hub.store.conflicts import retry_on_conflict
from hub.store.log import Document, EventLog, IndexMove, Write

if TYPE_CHECKING:
    from hub.domain.whatsapp_port import ButtonsMessage, ListMessage, TextMessage
    from hub.domain.whatsapp_template import TemplateMessage

OUTBOX_KEPT_S = 9 * 86_400  # after its last change: longer than Meta sends a payload again
_AT_ONCE = 200


class WhatsAppOutboxes:
    """Keeps the messages to numbers, in order, each name once. It is the `WhatsAppOutbox` and the `WhatsAppStatuses`.

    Attributes:
        wake: Called with the time at which a number has something to do, when that has changed here.
    """

    def __init__(self, log: EventLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock
        self.wake: Callable[[datetime], None] = lambda _: None

    # Taking messages

    async def add(self, wa_id: str, message_id: str, message: TextMessage | ButtonsMessage | ListMessage) -> None:
        """Take an answer to what a number has said (see `WhatsAppOutbox.add`)."""
        await self.take(wa_id, [self.new(message_id, message)])

    def new(
        self,
        message_id: str,
        message: TextMessage | ButtonsMessage | ListMessage,
        *,
        template: TemplateMessage | None = None,
        is_unasked: bool = False,
    ) -> OutMessage:
        """Return a message to take (see `OutMessage` for the arguments)."""
        now = self._clock()
        return OutMessage(
            id=message_id, message=message, template=template, is_unasked=is_unasked, made_at=now, next_try=now
        )

    async def take(self, wa_id: str, messages: list[OutMessage]) -> None:
        """Take messages to a number, in one commit, each unless it is there.

        Raises:
            Unavailable: Redis did not answer; take them again.
        """

        def added(outbox: Outbox) -> Outbox:
            for message in messages:
                outbox = outbox.adding(message)
            return outbox

        await self._change(wa_id, added)

    # Sending

    async def due(self) -> list[str]:
        """Return numbers with something to do, the longest overdue first."""
        return await self._log.earliest(DUE_WHATSAPP, _ms(self._clock()), _AT_ONCE)

    async def of(self, wa_id: str) -> Outbox:
        """Return the outbox of a number."""
        return load_readable(self._log, Outbox, await self._log.document(whatsapp_outbox_key(wa_id))) or Outbox()

    async def begin(self, wa_id: str, message_id: str) -> bool:
        """Record that the next message is being sent. Return False if it is another's turn, or not due any more."""
        is_begun = False

        def begun(outbox: Outbox) -> Outbox:
            nonlocal is_begun
            message, now = outbox.next, self._clock()
            is_begun = message is not None and message.id == message_id and outbox.is_due(now)
            return outbox.begin(now) if is_begun else outbox

        await self._change(wa_id, begun)
        return is_begun

    async def settle(self, wa_id: str, message_id: str, change: Callable[[OutMessage], OutMessage]) -> Outbox:
        """Record what became of a message, unless a status has settled it meanwhile. Return the outbox."""
        return await self._change(
            wa_id, lambda outbox: outbox.changing(message_id, lambda each: change(each) if each.is_open else each)
        )

    async def apply(
        self,
        wa_id: str,
        wamid: str,
        status: str,
        timestamp: datetime,
        biz_opaque_callback_data: str,
        error_code: int | None,
    ) -> None:
        """Apply a status (see `WhatsAppStatuses.apply`)."""

        def applied(outbox: Outbox) -> Outbox:
            found = outbox.id_of(biz_opaque_callback_data, wamid)
            return outbox.changing(found, lambda each: each.after_status(status, wamid, error_code))

        await self._change(wa_id, applied)

    async def _change(self, wa_id: str, changed: Callable[[Outbox], Outbox]) -> Outbox:
        key = whatsapp_outbox_key(wa_id)

        async def attempt() -> Outbox:
            found = await self._log.document(key)
            before = load_readable(self._log, Outbox, found) or Outbox()
            after = changed(before)
            if after == before:
                return after
            version, due = 0 if found is None else found.version, after.next_due
            score = None if due is None else _ms(due)
            await self._log.commit(
                Write(
                    expects=((key, version),),
                    documents=(Document(key, version + 1, after.model_dump_json()),),
                    index=(IndexMove(DUE_WHATSAPP, wa_id, due is not None, keep=0, score=score),),
                    expire=((key, OUTBOX_KEPT_S),),
                    counts=tuple((WHATSAPP_TALLIES, news, 1) for news in after.news_since(before)),
                )
            )
            if due is not None:
                self.wake(due)
            return after

        return await retry_on_conflict(attempt)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
