"""Asking for a person: the agent falls silent, and staff are called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from agents.tools.base import Arguments, BoundTool, clean
from hub.domain.chat import ChatMode
from hub.domain.events import ChatHandedOver
from hub.domain.values import Note
from hub.services.turns import written

if TYPE_CHECKING:
    from agents.tools.errand import Result
    from hub.eventlog import NewEvent, Write
    from hub.services.turns import TurnRead


class AskPersonArguments(Arguments):
    reason: Note = Field(default="", description="What they want a person for, in their own words")


class AskPersonTool(BoundTool):
    """Hands the chat over. It asks for no yes: it takes nothing, and a person hands it back.

    The agent is silent from that event on: what it has said by then is in the room before it, and nothing after.
    """

    name = "ask_person"
    description = (
        "Hand the conversation to a person who works here. Call it when the customer asks for one, is upset, or needs "
        "what you cannot do. It ends your answer: from then on the person answers, not you."
    )
    arguments = AskPersonArguments
    changes = True
    last = True

    async def do(self, arguments: AskPersonArguments, command_id: str) -> Result:
        if self.errand.last_word is not None:
            await self.errand.last_word(
                self.say(
                    "Le aviso al personal: una persona te contesta aquí mismo.",
                    "I am calling the staff: a person will answer you right here.",
                )
            )
        called = self.errand.services.notifications.call_staff(
            self.say("Un cliente pide a una persona en el chat", "A customer asks for a person in the chat")
        )
        await self.errand.commit(lambda both: self._handed_over(both, arguments, called))
        return {"handed_over": True}

    def called(self, arguments: AskPersonArguments) -> str:
        return self.say("Llamando a una persona", "Calling a person")

    def finished(self, result: Result) -> str:
        return self.say("una persona te contesta aquí", "a person will answer here")

    def _handed_over(self, both: TurnRead, arguments: AskPersonArguments, called: NewEvent) -> Write | None:
        if both.chat.mode is ChatMode.PERSON:
            return None
        event = ChatHandedOver(by=self.say("cliente", "customer"), reason=clean(arguments.reason))
        chat = both.chat.model_copy(update={"mode": ChatMode.PERSON})
        write = written(both, chat, self.errand.services.clock(), event)
        return replace(write, events=(*write.events, called))
