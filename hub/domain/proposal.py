"""What the agent has proposed and not done yet: it waits for its asker's yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.asker import Asker
from hub.domain.values import Stored, Time

if TYPE_CHECKING:
    from hub.domain.chat import Message


class Proposal(Stored):
    """The proposal document, one a chat.

    Attributes:
        id: Made from the turn, so that another attempt at it proposes the same; what is done is done under this id.
        code: What a tap calls it by.
        say: The message that a tap sends, in the chat's language.
        asks: What the room was told that it would confirm.
        command: What is to be done, as the service takes it: settled now, so that nothing is decided after the yes.
        terms: What must still be so then: a total, a version. If it is not, it is proposed anew.
        shows: What the hub ends the answer with: the summary, and the question for a yes.
        begun_in: The turn in which it was begun to be done.
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
    asked_by: Asker
    turn_id: str
    made_at: Time
    begun_in: str = ""
    done: bool = False

    def read_in(self, answer: Message) -> bool:
        """Return True if this answer proposed it, and ended with its summary: whoever read it, read that last."""
        whole = answer.turn_id == self.turn_id and answer.state == "completed"
        return whole and bool(self.shows) and answer.text.endswith(self.shows)

    @property
    def waits(self) -> bool:
        """Whether a yes to it would still be the first one."""
        return not (self.done or self.begun_in)
