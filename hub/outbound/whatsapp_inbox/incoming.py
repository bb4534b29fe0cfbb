"""What a payload of WhatsApp's Cloud API says, in the hub's own terms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Kind(StrEnum):
    """What is done with a message."""

    SAID = "said"  # words, or a tap that stands for words
    PLACE = "place"  # a place on the map
    REFUSED = "refused"  # a kind that the hub does not take; the customer is told so
    IGNORED = "ignored"  # a kind that needs no answer


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the map, in degrees."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a customer.

    Attributes:
        id: WhatsApp's id of the message; a repeat has the same.
        wa_id: The customer's number, in digits.
        name: The name in the customer's profile.
        at: When it was sent, by WhatsApp's clock.
        text: The words; of a kind that is refused, those beside it.
    """

    id: str
    wa_id: str
    name: str
    at: datetime
    kind: Kind
    text: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a message to a customer; the arguments of `WhatsAppStatuses.apply`."""

    wa_id: str
    wamid: str
    status: str
    at: datetime
    data: str = ""
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload.

    Attributes:
        others: The entries that are not about messages of this number.
        malformed: The messages and statuses without what every one of them has.
        hidden: The messages of customers who hide their number behind a user name.
    """

    messages: tuple[Incoming, ...] = ()
    statuses: tuple[Status, ...] = ()
    others: int = 0
    malformed: int = 0
    hidden: int = 0
