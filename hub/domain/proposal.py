"""An action that the agent has proposed and that waits for the requester's yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.requested_by import RequestedBy
from hub.domain.values import Stored, Time, stored_as

if TYPE_CHECKING:
    from hub.domain.conversation import Message


class Proposal(Stored):
    """The proposal document, one a chat.

    Attributes:
        id: Made from the turn, so that another attempt at it proposes the same. It is also the command id.
        code: The name of the proposal in a tap.
        say: The message that a tap sends, in the chat's language.
        asks: The summary as a sentence, as the room has seen it.
        command: The command for the service. It is complete, so that nothing is decided after the yes.
        terms: Values that must not have changed by then: a total, a version. Otherwise the tool proposes anew.
        shows: The end of the answer: the summary, and the question for a yes.
        begun_in: The turn in which the command began to be carried out.
    """

    id: str
    code: str
    say: str = ""
    asks: str = ""
    tool: str
    command: str
    summary: str
    terms: str
    shows: str
    requested_by: RequestedBy = stored_as("asked_by")
    turn_id: str
    made_at: Time
    begun_in: str = ""
    done: bool = False

    def read_in(self, answer: Message) -> bool:
        """Return True if this answer made the proposal and ended with its summary, so that a reader saw it last."""
        whole = answer.turn_id == self.turn_id and answer.state == "completed"
        return whole and bool(self.shows) and answer.text.endswith(self.shows)

    @property
    def waits(self) -> bool:
        """True if nobody has confirmed the proposal yet."""
        return not (self.done or self.begun_in)
