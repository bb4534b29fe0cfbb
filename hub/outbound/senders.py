"""What the notifier needs of a channel: send one notice, and say how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hub.domain.notices import Notice
    from hub.domain.notification_preferences import Channel
    from hub.domain.order_document import Order


class Outcome(Enum):
    """How one try ended."""

    SENT = "sent"
    NOBODY = "nobody"  # the subject has no address of this channel
    REFUSED = "refused"  # for good
    AGAIN = "again"  # it may work later


@dataclass(frozen=True, slots=True)
class Sending:
    """The outcome of one try.

    Attributes:
        detail: Why it was not sent: one word.
        wait_s: With `AGAIN`: the seconds that the other side asked for; None: it did not say.
    """

    outcome: Outcome
    detail: str = ""
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """One notice on its way.

    Attributes:
        subjects: Whose addresses it goes to: `order-<id>`, or `person-<id>` for each member of staff.
        order: The order that it is about; None: it is about no order, like a promotion.
        link: Where it leads, as a path or a whole address.
    """

    notice: Notice
    subjects: Sequence[str]
    order: Order | None
    link: str


class Sender(Protocol):
    """A channel that reaches people outside the pages."""

    @property
    def channel(self) -> Channel:
        """The channel."""

    async def send(self, telling: Telling) -> Sending:
        """Send a notice once, to every address of its subjects. A repeat carries the same id.

        It ends within a deadline of its own, and raises nothing but `Unavailable`, if Redis does not answer.
        """


def combined(sendings: Sequence[Sending]) -> Sending:
    """Return the outcome for a person with several addresses: one that was reached is enough."""
    for outcome in (Outcome.SENT, Outcome.AGAIN, Outcome.REFUSED, Outcome.NOBODY):
        found = [sending for sending in sendings if sending.outcome is outcome]
        if found:
            return max(found, key=lambda sending: sending.wait_s or 0)
    return Sending(Outcome.NOBODY, "nobody")
