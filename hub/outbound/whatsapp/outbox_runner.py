"""Sends what is due in the outboxes of numbers: numbers side by side, the messages of one in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import Unavailable
from hub.domain.whatsapp_outbox import DOUBT, WORTH, Outbox, OutMessage, OutState
from hub.outbound.whatsapp.graph_client import SendOutcome

if TYPE_CHECKING:
    from hub.domain.whatsapp_number import WhatsAppNumber
    from hub.domain.whatsapp_port import ButtonsMessage, ListMessage, TextMessage
    from hub.domain.whatsapp_template import TemplateMessage
    from hub.outbound.whatsapp.graph_client import GraphClient, SendResult
    from hub.services.whatsapp_numbers import WhatsAppNumbers
    from hub.services.whatsapp_outboxes import WhatsAppOutboxes

logger = structlog.get_logger(__name__)

_LOOK_S = 1.0  # what is due is looked for at least this often
_AT_ONCE = 32  # numbers
_PAUSE_S = (2.0, 300.0)  # before the second try, and the longest before a further one


class OutboxRunner:
    """Any number of processes may run one: a message is begun in a commit, and only by one of them.

    A process that dies in between leaves the message in doubt (see `hub.domain.whatsapp_outbox`).
    """

    def __init__(
        self,
        outboxes: WhatsAppOutboxes,
        numbers: WhatsAppNumbers,
        client: GraphClient,
        clock: Callable[[], datetime],
    ) -> None:
        self._outboxes = outboxes
        self._numbers = numbers
        self._client = client
        self._clock = clock
        self._wake = asyncio.Event()
        outboxes.wake = self._wake_at

    async def run(self) -> None:
        """Send until cancelled. Redis need not answer yet."""
        while True:
            self._wake.clear()
            with suppress(Unavailable):  # the next look comes soon
                await self.send_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._wake.wait()

    def _wake_at(self, due: datetime) -> None:
        """Look for what is due at that time; later times are found by the regular look."""
        wait_s = (due - self._clock()).total_seconds()
        if wait_s <= _LOOK_S * 10:
            asyncio.get_running_loop().call_later(max(0.0, wait_s), self._wake.set)

    async def send_due(self) -> None:
        """Send what is due by now, and record how each try ended.

        Raises:
            Unavailable: Redis did not answer.
        """
        while numbers := await self._outboxes.due():
            for at in range(0, len(numbers), _AT_ONCE):
                done = await asyncio.gather(*map(self._send_all, numbers[at : at + _AT_ONCE]), return_exceptions=True)
                for failed in done:
                    if isinstance(failed, BaseException):
                        raise failed

    async def _send_all(self, wa_id: str) -> None:
        """Send what is due to one number."""
        outbox = await self._outboxes.of(wa_id)
        while outbox.is_due(self._clock()) and (message := outbox.next) is not None:
            outbox = await self._send(wa_id, message) or await self._outboxes.of(wa_id)

    async def _send(self, wa_id: str, message: OutMessage) -> Outbox | None:
        """Send one message; return the outbox after it, or None if another process has begun it."""
        number = await self._numbers.get(wa_id)
        chosen, reason = self._choose(number, message)
        if chosen is None:
            return await self._outboxes.settle(
                wa_id, message.id, lambda each: each.settled(OutState.DROPPED, detail=reason)
            )
        if not await self._outboxes.begin(wa_id, message.id):
            return None
        result = await self._client.send(wa_id, chosen, message.id)
        if result.outcome is not SendOutcome.SENT:
            logger.info("whatsapp.not_sent", outcome=result.outcome.value, reason=result.detail)
        return await self._outboxes.settle(wa_id, message.id, lambda each: self._after(each, result))

    def _choose(
        self, number: WhatsAppNumber | None, message: OutMessage
    ) -> tuple[TextMessage | ButtonsMessage | ListMessage | TemplateMessage | None, str]:
        """Return what is to be sent of a message now, or None and why nothing is."""
        now = self._clock()
        if number is None:  # it has not written for so long that it is forgotten
            return None, "unknown_number"
        if message.is_unasked and number.opted_out:
            return None, "opted_out"
        if now >= message.made_at + WORTH:
            return None, "too_late"
        if number.takes_free_form(now) and not message.as_template:
            return message.message, "empty"
        return message.template, "no_template"

    def _after(self, message: OutMessage, result: SendResult) -> OutMessage:
        """Return a message after a try."""
        now = self._clock()
        match result.outcome:
            case SendOutcome.SENT:
                return message.settled(OutState.SENT, wamid=result.wamid)
            case SendOutcome.UNKNOWN:
                return message.model_copy(update={"next_try": now + DOUBT, "detail": result.detail})
            case SendOutcome.TEMPLATE if not message.as_template:
                return message.postponed(now, result.detail, as_template=True)
            case SendOutcome.REFUSED | SendOutcome.TEMPLATE:
                return message.settled(OutState.FAILED, detail=result.detail)
        pause_s = min(_PAUSE_S[0] * 2 ** (message.tries - 1), _PAUSE_S[1]) * random.uniform(0.75, 1.25)
        return message.postponed(now + timedelta(seconds=result.wait_s or pause_s), result.detail)
