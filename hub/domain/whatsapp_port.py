"""What the inbound half of WhatsApp needs of the outbound half: an outbox for answers, and a place for statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field

from hub.domain.values import Stored

if TYPE_CHECKING:
    from datetime import datetime


class ReplyButton(Stored):
    """A button under a message. The customer's tap says `id`: it comes back as if they had written it.

    Attributes:
        id: What a tap says, up to 256 characters: the `say` of a proposal.
        title: What stands on it, up to 20 characters.
    """

    id: str
    title: str


class ListRow(Stored):
    """A row of a list. Like a button's, its `id` is what a tap says, up to 200 characters.

    Attributes:
        title: Up to 24 characters.
        description: Up to 72.
    """

    id: str
    title: str
    description: str = ""


class TextMessage(Stored):
    """A message of text."""

    kind: Literal["text"] = "text"
    text: str


class ButtonsMessage(Stored):
    """A text with up to three buttons below it."""

    kind: Literal["buttons"] = "buttons"
    text: str
    buttons: tuple[ReplyButton, ...]


class ListMessage(Stored):
    """A text with a button that opens a list of up to ten rows.

    Attributes:
        button: What stands on the button, up to 20 characters.
    """

    kind: Literal["list"] = "list"
    text: str
    button: str
    rows: tuple[ListRow, ...]


OutboxMessage = Annotated[TextMessage | ButtonsMessage | ListMessage, Field(discriminator="kind")]


class WhatsAppOutbox(Protocol):
    """Sends messages to numbers, each number's in order."""

    async def add(self, wa_id: str, message_id: str, message: TextMessage | ButtonsMessage | ListMessage) -> None:
        """Take one message to send. It is stored when this returns, and sent soon.

        Args:
            wa_id: The number, in digits.
            message_id: The name of this message. A second one of the same name is ignored, as long as it
                is among the last 120 that were settled, and the outbox was used within nine days.

        Raises:
            Unavailable: Redis did not answer; add it again.
        """


class WhatsAppStatuses(Protocol):
    """Learns what became of messages that were sent."""

    async def apply(
        self,
        wa_id: str,
        wamid: str,
        status: str,
        timestamp: datetime,
        biz_opaque_callback_data: str,
        error_code: int | None,
    ) -> None:
        """Apply one status. Statuses come in any order, and more than once.

        Args:
            wa_id: The recipient, in digits.
            wamid: WhatsApp's id of the message.
            status: `sent`, `delivered`, `read`, `failed`, or what Meta adds.
            timestamp: When it happened, by WhatsApp's clock.
            biz_opaque_callback_data: What the hub sent with the message; an empty text if nothing.
            error_code: Meta's code, if it failed.

        Raises:
            Unavailable: Redis did not answer; apply it again.
        """
