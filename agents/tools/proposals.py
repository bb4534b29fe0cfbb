"""Proposals of changes, and the check of the asker's yes.

The model decides neither. The hub ends an answer that proposes something with the true summary, as part of the
answer's own text, so that every door carries it and the person reads it last. The yes is read from the asker's own
message: a plain yes and nothing else, right after such an answer; or a later tap that names the proposal by its code.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ValidationError

from agents import texts
from agents.journal import LeaseLost
from agents.language import says_yes, tap, tapped
from agents.tools.bound_tool import Arguments, BoundTool
from agents.tools.cleaning import MAX_TEXT, clean
from agents.tools.results import ConfirmedChange, MissingFacts, ProposedChange, ToolError
from agents.tools.tool_context import ToolContext
from hub.core.errors import Unavailable
from hub.domain.commands import Keyed
from hub.domain.proposal import Proposal
from hub.domain.requested_by import RequestedBy
from hub.domain.texts import Text
from hub.services.chats.chat_documents import read_chat
from hub.services.document_names import proposal_key
from hub.services.stored_documents import load
from hub.store import Document, Write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agents.tools.results import ToolResult
    from hub.domain.texts import Lang
    from hub.services.chats.chat_documents import TurnRead

GOOD_FOR = timedelta(minutes=10)
_KEPT_S = 3_600
_MAX_SUMMARY = MAX_TEXT - 100
_LETTERS = "23456789BCDFGHJKMNPQRSTVWXZ"

Refusal = Literal["nothing_proposed", "not_confirmed", "not_shown", "expired", "already_done"]
_REFUSED: dict[Refusal, str] = {
    "nothing_proposed": "nothing waits for a yes: propose it first",
    "not_confirmed": "the person has not plainly said yes to it: show them the summary and ask; if they want something "
    "else, propose that",
    "not_shown": "the person has not read its summary, as the answer that proposed it was cut off: propose it again",
    "expired": "it was proposed too long ago: propose it again",
    "already_done": "that was done already",
}
TERMS_CHANGED = ToolError(error="terms_changed", message="it would be something else by now: propose it again")


@dataclass(frozen=True, slots=True)
class Plan:
    """A proposed change: in words to say yes to, in facts, and as a command."""

    summary: str
    facts: ToolResult
    command: Keyed
    terms: str = ""


class Proposals:
    """The one proposal of a turn's chat."""

    def __init__(self, context: ToolContext) -> None:
        self._context = context
        self._key = proposal_key(context.chat_id)

    async def make(self, tool: str, plan: Plan, asks: str) -> Proposal:
        """Store a proposal in place of the chat's former one.

        Args:
            asks: The summary as a sentence.
        """
        turn = self._context.journal.turn
        known_as, summary = f"{turn.id}.{tool}", clean(plan.summary)
        proposal = Proposal(
            id=known_as,
            code=(code := _code(known_as + summary)),
            say=tap(code, self._context.lang),
            asks=asks,
            tool=tool,
            command=plan.command.model_dump_json(exclude={"command_id"}, exclude_none=True),
            summary=summary,
            terms=plan.terms,
            shows=closing(asks, self._context.lang),
            requested_by=_signed(turn.requested_by),
            turn_id=turn.id,
            made_at=self._context.services.clock(),
        )
        await self._put(proposal)
        self._context.closing = proposal.shows
        return proposal

    async def confirmed(self) -> Proposal | Refusal:
        """Return the proposal that the asker has just agreed to, or the reason why there is none."""
        document = await self._context.services.log.document(self._key)
        if document is None:
            return "nothing_proposed"
        proposal, turn = load(self._context.services.log, Proposal, document), self._context.journal.turn
        if _signed(proposal.requested_by) != _signed(turn.requested_by):
            return "nothing_proposed"  # another person's, who has this chat open as well
        if proposal.begun_in == turn.id:
            return proposal  # by an earlier attempt at this turn
        if proposal.done:
            return "already_done"
        if self._context.services.clock() - proposal.made_at > GOOD_FOR:
            return "expired"
        code = tapped(turn.question)
        agreed = says_yes(turn.question) if code is None else code == proposal.code
        if not agreed:
            return "not_confirmed"
        return await self._unread(proposal, by_tap=code is not None) or proposal

    async def begin(self, proposal: Proposal) -> None:
        """It is being done: another attempt at this turn goes on with it, whatever it has changed by then."""
        await self._put(proposal.model_copy(update={"begun_in": self._context.turn_id}))

    async def close(self, proposal: Proposal) -> None:
        """It is done: a second yes does it no second time."""
        await self._put(proposal.model_copy(update={"begun_in": self._context.turn_id, "done": True}))

    async def _put(self, proposal: Proposal) -> None:
        document = await self._context.services.log.document(self._key)
        version = document.version if document else 0

        def written(_both: TurnRead) -> Write:
            return Write(
                documents=(Document(self._key, version + 1, proposal.model_dump_json()),),
                expire=((self._key, _KEPT_S),),
            )

        await self._context.commit(written)

    async def _unread(self, proposal: Proposal, *, by_tap: bool) -> Refusal | None:
        """Return the reason why this turn's message is no answer to the summary; None if it is one.

        By the log's order, the answer that ended with the summary comes before the message. For a plain yes it is the
        last thing before: of two messages in a row, the second is no answer to what the first one led to.
        """
        read = await read_chat(self._context.services.log, self._context.chat_id)
        said = read.conversation.messages if read else ()
        asked = self._context.journal.turn.message_id
        at = next((number for number, message in enumerate(said) if message.message_id == asked), 0)
        before = [message for message in said[:at] if message.turn_id or message.kind != "agent"]  # but for notices
        answer = next((message for message in reversed(before) if message.turn_id == proposal.turn_id), None)
        if answer is None or not (by_tap or answer is before[-1]):
            return "not_confirmed"
        return None if proposal.read_in(answer) else "not_shown"


class ProposingTool(BoundTool):
    """A tool that changes something after its asker has said yes.

    A subclass implements `propose` and `carry_out`.
    """

    command: ClassVar[type[Keyed]]
    asks: ClassVar[Text] = texts.ASKS  # the summary as a sentence

    @abstractmethod
    async def propose(self, arguments: Any) -> Plan | MissingFacts | ToolError:
        """Return the proposed change, or an error, or what is missing."""

    @abstractmethod
    async def carry_out(self, command: Any) -> ToolResult:
        """Carry out the confirmed command, once under its id, however often this is called."""

    async def terms_of(self, command: Any) -> str:
        """Return the current terms, just before the change is made."""
        return ""

    def carried_out(self, result: Any) -> str:
        """Return the result of the change in words, for the room; `result` is no error."""
        return self.say(texts.DONE)

    def link(self, result: Any) -> str:
        """Return the link that the person gets with the change; an empty text if it has none."""
        return ""

    async def do(self, arguments: Any, command_id: str) -> ProposedChange | MissingFacts | ToolError:
        plan = await self.propose(arguments)
        if not isinstance(plan, Plan):
            return plan
        if len(plan.summary) > _MAX_SUMMARY:  # nobody says yes to what was cut off
            return ToolError(error="too_much", message="that is too much for one summary: split it up")
        made = await Proposals(self.context).make(self.name, plan, self._asking(plan.summary))
        return ProposedChange(
            proposed=self.name,
            summary=made.summary,
            person_reads=made.shows,
            confirm_with=made.say,
            facts=plan.facts,
        )

    def finished(self, result: ProposedChange | MissingFacts) -> str:
        if isinstance(result, ProposedChange):
            return self._asking(result.summary)
        return self.say(texts.SOMETHING_MISSING)

    def _asking(self, summary: str) -> str:
        return self.say(self.asks, summary=clean(summary))


class ConfirmTool(BoundTool):
    """The tool that carries out a proposal if the asker has said yes."""

    name = "confirm"
    description = (
        "Carry out what was proposed in your previous answer. Call it when the person has answered it with a yes, "
        "and only then. It takes no arguments: it knows what was proposed, and checks that they said yes."
    )
    changes = True

    def __init__(self, context: ToolContext, tools: Iterable[BoundTool]) -> None:
        super().__init__(context)
        self._tools = {tool.name: tool for tool in tools if isinstance(tool, ProposingTool)}

    async def do(self, arguments: Arguments, command_id: str) -> ConfirmedChange | ToolError:
        proposals = Proposals(self.context)
        proposal = await proposals.confirmed()
        if isinstance(proposal, str):
            return ToolError(error=proposal, message=_REFUSED[proposal])
        tool = self._tools.get(proposal.tool)
        if tool is None:  # their role is another by now
            return ToolError(error="forbidden", message="this is not allowed for this person")
        command = _command_of(tool, proposal)
        if command is None:
            return TERMS_CHANGED
        if proposal.begun_in != self.context.turn_id:
            if await tool.terms_of(command) != proposal.terms:
                return TERMS_CHANGED
            await proposals.begin(proposal)
        outcome = await tool.carry_out(command)
        if not outcome.failed:
            with suppress(LeaseLost):  # the answer was stopped meanwhile; a second yes finds it done all the same
                await proposals.close(proposal)
        return ConfirmedChange(confirmed=proposal.tool, outcome=outcome)

    def called(self, arguments: Arguments) -> str:
        return self.say(texts.DOING_IT)

    def finished(self, result: ConfirmedChange) -> str:
        return self._tools[result.confirmed].carried_out(result.outcome)

    def afterwards(self, result: ConfirmedChange | ToolError) -> str:
        if isinstance(result, ToolError) and result.error == Unavailable.code:
            return self.say(texts.UNKNOWN_WHETHER_DONE)
        if isinstance(result, ToolError) or result.failed:
            return ""
        done, link = self.finished(result), self._tools[result.confirmed].link(result.outcome)
        text = self.say(texts.DONE_BEFORE_STOP, done=done)
        return f"{text} {link}".strip()


def closing(asks: str, lang: Lang) -> str:
    """Return the end of an answer that proposes something: the summary, and the question for a yes."""
    question = f"{texts.ASKS_YES.in_(lang)} {texts.SAY_YES.in_(lang)}"
    return f"{asks} {question}" if asks.endswith((".", "!", "?", "…")) else f"{asks}. {question}"


def _command_of(tool: ProposingTool, proposal: Proposal) -> Keyed | None:
    """Return the proposed command; None if it has fields that only a newer worker knows.

    Without those fields it would be another command than the one that the asker agreed to.
    """
    try:
        return tool.command.model_validate_json(proposal.command).model_copy(update={"command_id": proposal.id})
    except ValidationError:
        return None


def _signed(asker: RequestedBy) -> RequestedBy:
    """Return an asker's identity without the capabilities of the moment."""
    return RequestedBy(kind=asker.kind, id=asker.id, roles=asker.roles)


def _code(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    return "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(4))
