"""The tool that hands a chat to a person."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import Arguments, BoundTool
from agents.tools.cleaning import clean
from agents.tools.results import ToolResult
from hub.domain.chat import ChatMode
from hub.domain.events import ChatHandedOver
from hub.domain.values import Note
from hub.services.chats.chat_documents import written

if TYPE_CHECKING:
    from hub.services.chats.chat_documents import TurnRead
    from hub.store import NewEvent, Write


class AskPersonArguments(Arguments):
    reason: Note = Field(default="", description="What they want a person for, in their own words")


class HandedOver(ToolResult):
    """The chat is a person's from now on."""

    handed_over: bool = True


class AskPersonTool(BoundTool):
    """The tool that hands a chat over to staff. It needs no yes: nothing is lost, and a person can hand it back.

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

    async def do(self, arguments: AskPersonArguments, command_id: str) -> HandedOver:
        if self.context.flush is not None:
            await self.context.flush(self.say(texts.PERSON_WILL_ANSWER))
        called = self.context.services.notifications.call_staff(self.say(texts.STAFF_CALLED))
        await self.context.commit(lambda loaded: self._handed_over(loaded, arguments, called))
        return HandedOver()

    def called(self, arguments: AskPersonArguments) -> str:
        return self.say(texts.CALLING_PERSON)

    def finished(self, result: HandedOver) -> str:
        return self.say(texts.PERSON_ANSWERS)

    def _handed_over(self, loaded: TurnRead, arguments: AskPersonArguments, called: NewEvent) -> Write | None:
        if loaded.chat.mode is ChatMode.PERSON:
            return None
        event = ChatHandedOver(by=self.say(texts.CUSTOMER), reason=clean(arguments.reason))
        chat = loaded.chat.model_copy(update={"mode": ChatMode.PERSON})
        write = written(loaded, chat, self.context.services.clock(), event)
        return replace(write, events=(*write.events, called))
