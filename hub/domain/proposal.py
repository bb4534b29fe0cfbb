"""What the agent has proposed and not done yet: it waits for its asker's yes."""

from __future__ import annotations

from hub.domain.asker import Asker
from hub.domain.values import Time, Value


class Proposal(Value):
    """The proposal document, one a chat.

    Attributes:
        id: Made from the turn, so that another attempt at it proposes the same; what is done is done under this id.
        code: What a tap calls it by.
        say: The message that a tap sends, in the chat's language.
        asks: What the room was told that it would confirm.
        command: What is to be done, as the service takes it: settled now, so that nothing is decided after the yes.
        terms: What must still be so then: a total, a version. If it is not, it is proposed anew.
        shows: What the answer must have said for a yes to be one: the total, a name. A tap stands beside the summary.
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

    @property
    def waits(self) -> bool:
        """Whether a yes to it would still be the first one."""
        return not (self.done or self.begun_in)
