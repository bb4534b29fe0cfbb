"""Webhooks: the endpoints of partners, the events that each one wants, and the secrets that sign them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from hub.domain.events import EVENTS
from hub.domain.texts import Text
from hub.domain.values import Id, Stored, Time, absent

MAX_FILTERS = 32
SECRET_PREFIX = "whsec_"
_FAMILIES = ("order", "promo")

# The events that may leave the house. What people say in chats, and notices to one customer, stay.
WEBHOOK_EVENTS: frozenset[str] = frozenset(
    type_ for type_, event in EVENTS.items() if type_.partition(".")[0] in _FAMILIES and event.outbound
)


def _known_filter(text: str) -> str:
    if not matches((text,), WEBHOOK_EVENTS):
        raise ValueError(f"no event that webhooks send matches {text[:80]!r}; write a type, or a family like order.*")
    return text


def matches(filters: Iterable[str], types: Iterable[str]) -> bool:
    """Return True if one of the filters takes one of the event types. A filter is a type, or a family: `order.*`."""
    types = frozenset(types) & WEBHOOK_EVENTS
    return any(
        wanted in types or (wanted.endswith(".*") and any(type_.startswith(wanted[:-1]) for type_ in types))
        for wanted in filters
    )


EventFilter = Annotated[str, Field(max_length=64), AfterValidator(_known_filter)]


class EndpointState(StrEnum):
    """The state of an endpoint."""

    ENABLED = "enabled"
    PAUSED = "paused"  # by a manager
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # nothing was delivered for as long as deliveries are tried


# What managers are told when the hub itself stops sending.
DISABLED_TEXTS: Mapping[EndpointState, Text] = {
    EndpointState.GONE: Text(
        es="El webhook «{name}» contestó que ya no quiere avisos: quedó apagado.",
        en="The webhook “{name}” answered that it wants no more events: it is switched off.",
    ),
    EndpointState.FAILING: Text(
        es="El webhook «{name}» no recibió nada en tres días: quedó apagado. Lo pendiente se puede volver a enviar.",
        en="The webhook “{name}” received nothing for three days: it is switched off. What waits can be sent again.",
    ),
}


def host_of(url: str) -> str:
    """Return the host of a URL, which may be shown: the rest of it may be secret."""
    return urlsplit(url).hostname or ""


class WebhookEndpoint(Stored):
    """An endpoint of a partner.

    Attributes:
        types: The filters of events; see `matches`.
        state: Events are sent only while it is `enabled`; those that happen meanwhile are not sent later.
        since: The cursor of the outbound stream after which its events are sent.
    """

    id: Id
    url: str
    types: tuple[str, ...]
    description: str = ""
    state: Annotated[EndpointState | str, Field(union_mode="left_to_right")] = EndpointState.ENABLED
    since: str
    created_at: Time

    @property
    def enabled(self) -> bool:
        """Return True if the endpoint gets events."""
        return self.state == EndpointState.ENABLED

    def wants(self, type_: str) -> bool:
        """Return True if an event of this type goes to the endpoint."""
        return matches(self.types, (type_,))


class WebhookSecrets(Stored):
    """The secrets of an endpoint, each `whsec_` and base64. They are in a document of their own, read only to sign.

    Attributes:
        previous: The secret before the present one, which signs beside it until `previous_until`.
    """

    current: str
    previous: str | None = Field(default=None, exclude_if=absent)
    previous_until: Time | None = Field(default=None, exclude_if=absent)

    def signing(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that sign at this time, the present one first."""
        if self.previous is None or self.previous_until is None or now >= self.previous_until:
            return (self.current,)
        return (self.current, self.previous)

    def rotated(self, secret: str, until: datetime) -> WebhookSecrets:
        """Return the secrets after a rotation. The present secret signs on until a time."""
        return self.model_copy(update={"current": secret, "previous": self.current, "previous_until": until})


class DeadLetter(Stored):
    """A delivery that was given up, with all that it takes to drive it again.

    Attributes:
        id: The `webhook-id` under which it was sent, and is sent again.
        order_id: The order that the event is about; empty: none.
        body: The body, as it was sent.
        reason: The last failure: a status like `500`, or one word.
        attempts: How often it was tried.
    """

    id: str
    type: str
    order_id: str = ""
    body: str
    event_at: Time
    given_up_at: Time
    reason: str
    attempts: int
