"""Follows the chats of numbers: what the agent and people say there goes out by WhatsApp."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from hub.domain.chat import Chat
from hub.domain.paragraphs import paragraphs
from hub.domain.proposal import Proposal
from hub.domain.rooms import RoomKind
from hub.domain.texts import Text
from hub.domain.whatsapp_port import ButtonsMessage, ReplyButton, TextMessage
from hub.outbound.follower import OutboundFollower
from hub.outbound.whatsapp_templates import REPLY, template_message
from hub.services.document_names import chat_key, proposal_key
from hub.services.stored_documents import load_readable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hub.domain.texts import Lang
    from hub.domain.whatsapp_outbox import OutMessage
    from hub.outbound.whatsapp.graph_client import GraphClient
    from hub.services.whatsapp_numbers import WhatsAppNumbers
    from hub.services.whatsapp_outboxes import WhatsAppOutboxes
    from hub.store.log import EventLog
    from hub.store.outbound_stream import OutboundEvent, OutboundStream, ReaderLease

_CHAT = f"{RoomKind.CHAT}:"
_MAX_BODY = 1_024  # characters of a message with buttons
_MAX_SHOWING = 16  # typing indicators on their way; more are left out
_CONFIRM, _DECLINE, _NO = Text("Confirmar", "Confirm"), Text("Mejor no", "Rather not"), Text("No", "No")
_FAILED = Text(
    "Perdona, no pude terminar mi respuesta. Escríbelo otra vez, por favor.",
    "Sorry, I could not finish my answer. Please write it again.",
)
_HANDED_OVER = Text("Desde ahora te atiende una persona.", "From here on a person answers you.")
_HANDED_BACK = Text("Te vuelve a atender el asistente.", "The assistant answers again.")


class ChatFollower:
    """Turns the events of numbers' chats into messages; each event's have the same names whenever it is read."""

    def __init__(
        self,
        log: EventLog,
        numbers: WhatsAppNumbers,
        outboxes: WhatsAppOutboxes,
        client: GraphClient,
        stream: OutboundStream,
        lease: ReaderLease,
        lang: Lang,
    ) -> None:
        self.follower = OutboundFollower(stream, lease, self.take)
        self._log = log
        self._numbers = numbers
        self._outboxes = outboxes
        self._client = client
        self._lang = lang
        self._showing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Follow until cancelled. Redis need not answer yet."""
        try:
            await self.follower.run()
        finally:
            for task in self._showing:
                task.cancel()

    async def take(self, events: tuple[OutboundEvent, ...]) -> None:
        """Take what some events say to numbers.

        Raises:
            Unavailable: Redis did not answer; they come again.
        """
        for event in events:
            chat_id = next((room.removeprefix(_CHAT) for room in event.rooms if room.startswith(_CHAT)), "")
            if chat_id and (wa_id := await self._numbers.of_chat(chat_id)) is not None:
                await self._take(event, chat_id, wa_id)

    async def _take(self, event: OutboundEvent, chat_id: str, wa_id: str) -> None:
        data = json.loads(event.body)["data"]
        if event.type == "chat.message" and data["author"]["kind"] != "staff":
            await self._show_typing(wa_id)
            return
        messages = await self._messages(event, data, chat_id)
        if messages:
            await self._outboxes.take(wa_id, messages)

    async def _messages(self, event: OutboundEvent, data: dict[str, Any], chat_id: str) -> list[OutMessage]:
        chat = load_readable(self._log, Chat, await self._log.document(chat_key(chat_id)))
        lang = (chat and chat.known_lang) or self._lang
        said: Sequence[TextMessage | ButtonsMessage]
        match event.type:
            case "chat.completed":
                said = await self._answer(data["text"], data["turn_id"], chat_id, lang)
            case "chat.stopped":
                said = _texts(data["text"])
            case "chat.failed":
                said = [*_texts(data["text"]), TextMessage(text=_FAILED.in_(lang))]
            case "chat.message":
                return self._reply(event.id, data["text"], lang)
            case "chat.handed_over":
                said = [TextMessage(text=_HANDED_OVER.in_(lang))]
            case "chat.handed_back":
                said = [TextMessage(text=_HANDED_BACK.in_(lang))]
            case _:
                return []
        return [self._outboxes.new(f"{event.id}.{index}", message) for index, message in enumerate(said)]

    def _reply(self, event_id: str, text: str, lang: Lang) -> list[OutMessage]:
        """Return what a person says: in parts, or after a day of silence as one template, which is cut if too long."""
        first, *others = _texts(text) or [TextMessage(text="…")]
        template = template_message(REPLY, lang, {"message": text})
        return [
            self._outboxes.new(f"{event_id}.0", first, template=template),
            *(self._outboxes.new(f"{event_id}.{index}", each) for index, each in enumerate(others, start=1)),
        ]

    async def _answer(
        self, text: str, turn_id: str, chat_id: str, lang: Lang
    ) -> Sequence[TextMessage | ButtonsMessage]:
        """Return an answer of the agent, with the buttons of what it proposes."""
        proposal = load_readable(self._log, Proposal, await self._log.document(proposal_key(chat_id)))
        if proposal is None or not proposal.waits or proposal.turn_id != turn_id or not text.endswith(proposal.shows):
            return _texts(text)
        *before, last = paragraphs(proposal.shows) if len(proposal.shows) > _MAX_BODY else [proposal.shows.strip()]
        buttons = (
            ReplyButton(id=proposal.say, title=_CONFIRM.in_(lang)),
            ReplyButton(id=_NO.in_(lang), title=_DECLINE.in_(lang)),
        )
        said = [*_texts(text.removesuffix(proposal.shows)), *(TextMessage(text=each) for each in before)]
        return [*said, ButtonsMessage(text=last, buttons=buttons)]

    async def _show_typing(self, wa_id: str) -> None:
        """Let a number see that its message is read and answered. Nothing waits for that."""
        number = await self._numbers.get(wa_id)
        if number is not None and number.last_message_id and len(self._showing) < _MAX_SHOWING:
            task = asyncio.create_task(self._client.show_typing(number.last_message_id), name="whatsapp-typing")
            self._showing.add(task)
            task.add_done_callback(self._showing.discard)


def _texts(text: str) -> list[TextMessage]:
    return [TextMessage(text=part) for part in paragraphs(text)]
