"""The outbox of one phone number: what is to be sent by WhatsApp, in order, and what became of it. No I/O.

A message is *sending* while the Graph API is asked. If the answer is lost, nobody knows whether it was sent: then the
status that carries the message's id is waited for, and only without one is it sent again, under the same id.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hub.domain.values import Stored, Time
from hub.domain.whatsapp_port import ButtonsMessage, ListMessage, TextMessage
from hub.domain.whatsapp_template import TemplateMessage

MAX_WAITING = 100  # messages of one number; more are not taken
MAX_SETTLED = 120  # of one number, by name, so that none is taken twice; without their words
PACE = timedelta(seconds=6)  # WhatsApp takes one message to a number in this time,
BURST = 45  # and this many at once, which then count for the time after
DOUBT = timedelta(seconds=45)  # how long a status is waited for when an answer was lost
WORTH = timedelta(hours=24)  # what has waited for longer than this is told no more


class OutState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENDING = "sending"  # the Graph API is asked, or its answer was lost
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    DROPPED = "dropped"  # not wanted any more, or too late


_OPEN = (OutState.WAITING, OutState.SENDING)
# A status moves a message forwards only, in whatever order statuses come.
_RANK = {state: rank for rank, state in enumerate((*_OPEN, OutState.SENT, OutState.DELIVERED, OutState.READ))}


class OutMessage(Stored):
    """One message.

    Attributes:
        id: Its name, which comes back in statuses. Whoever decides again to send it gives it the same.
        message: What is sent within a day of the number's last message; None once it is settled.
        template: What is sent instead after that; None: nothing is.
        is_unasked: It answers nothing that the number has said: it is dropped if the number has opted out.
        next_try: When it is to be tried next; while it is sending: until when a status is waited for.
        wamid: WhatsApp's id of it.
        detail: Why it failed or was dropped: a word, or Meta's code.
    """

    id: str
    message: Annotated[TextMessage | ButtonsMessage | ListMessage, Field(discriminator="kind")] | None = None
    template: TemplateMessage | None = None
    is_unasked: bool = False
    as_template: bool = False
    state: Annotated[OutState | str, Field(union_mode="left_to_right")] = OutState.WAITING
    made_at: Time
    next_try: Time
    tries: int = 0
    wamid: str = ""
    detail: str = ""

    @property
    def is_open(self) -> bool:
        """True if it is still to be sent."""
        return self.state in _OPEN

    def settled(self, state: OutState, *, wamid: str = "", detail: str = "") -> OutMessage:
        """Return the message with what became of it, and without its words."""
        changes = {"state": state, "wamid": wamid or self.wamid, "detail": detail, "message": None, "template": None}
        return self.model_copy(update=changes)

    def begun(self, now: datetime) -> OutMessage:
        """Return the message while the Graph API is asked."""
        return self.model_copy(
            update={"state": OutState.SENDING, "tries": self.tries + 1, "next_try": now + DOUBT, "detail": ""}
        )

    def postponed(self, until: datetime, detail: str, *, as_template: bool = False) -> OutMessage:
        """Return a message that was certainly not sent, and is to be tried later."""
        changes = {
            "state": OutState.WAITING,
            "next_try": until,
            "detail": detail,
            "as_template": as_template or self.as_template,
        }
        return self.model_copy(update=changes)

    def after_status(self, status: str, wamid: str, code: int | None) -> OutMessage:
        """Return the message after a status of WhatsApp's."""
        if status == OutState.FAILED:
            # One that was read did arrive, whatever is said after.
            late = self.state in (OutState.READ, OutState.DELIVERED)
            return self if late else self.settled(OutState.FAILED, wamid=wamid, detail=f"code_{code}" if code else "")
        if status not in _RANK or self.state == OutState.FAILED:
            return self
        new = OutState(status)
        is_news = _RANK.get(OutState(self.state), 0) < _RANK[new] if self.state in _RANK else False
        return self.settled(new, wamid=wamid) if is_news else self


class Outbox(Stored):
    """The outbox document of one number, the oldest message first.

    Attributes:
        paced_until: The time at which the pace so far is made up for (a leaky bucket).
    """

    messages: tuple[OutMessage, ...] = ()
    paced_until: Time | None = None

    def adding(self, new: OutMessage) -> Outbox:
        """Return the outbox with one more message, unless it is there. One for which there is no room is dropped."""
        if any(each.id == new.id for each in self.messages):
            return self
        if sum(each.is_open for each in self.messages) >= MAX_WAITING:
            new = new.settled(OutState.DROPPED, detail="full")
        return self.model_copy(update={"messages": _kept((*self.messages, new))})

    @property
    def next(self) -> OutMessage | None:
        """The message whose turn it is: the oldest one that is open. The others wait for it."""
        return next((each for each in self.messages if each.is_open), None)

    @property
    def next_due(self) -> datetime | None:
        """When there is something to do for this number; None: nothing is open."""
        if (message := self.next) is None:
            return None
        return max(message.next_try, self._free_at or message.next_try)

    def is_due(self, now: datetime) -> bool:
        """Return True if the next message may be tried now."""
        due = self.next_due
        return due is not None and due <= now

    def begin(self, now: datetime) -> Outbox:
        """Return the outbox while its next message is sent, which counts for the pace."""
        message = self.next
        assert message is not None
        paced = max(self.paced_until or now, now) + PACE
        return self.replacing(message.begun(now)).model_copy(update={"paced_until": paced})

    def replacing(self, message: OutMessage) -> Outbox:
        """Return the outbox with a message in the place of the one with its id."""
        return self.changing(message.id, lambda _: message)

    def changing(self, message_id: str, change: Callable[[OutMessage], OutMessage]) -> Outbox:
        """Return the outbox with one message changed; as it is if there is none of this id."""
        return self.model_copy(
            update={"messages": tuple(change(each) if each.id == message_id else each for each in self.messages)}
        )

    def id_of(self, message_id: str, wamid: str) -> str:
        """Return the id of the message that a status is about; an empty text if it is not known here."""
        found = (each.id for each in self.messages if each.id == message_id or (wamid and each.wamid == wamid))
        return next(found, "")

    def news_since(self, before: Outbox) -> tuple[str, ...]:
        """Return what has become of messages since an earlier state, for tallies: `added`, `sent`, `failed` …"""
        known = {each.id: each.state for each in before.messages}
        added = ["added" for each in self.messages if each.id not in known]
        moved = [str(each.state) for each in self.messages if not each.is_open and known.get(each.id) != each.state]
        return (*added, *moved)

    @property
    def _free_at(self) -> datetime | None:
        return None if self.paced_until is None else self.paced_until - PACE * (BURST - 1)


def _kept(messages: tuple[OutMessage, ...]) -> tuple[OutMessage, ...]:
    spare = sum(not each.is_open for each in messages) - MAX_SETTLED
    left = [each.id for each in messages if not each.is_open][: max(0, spare)]
    return tuple(each for each in messages if each.id not in left) if left else messages
