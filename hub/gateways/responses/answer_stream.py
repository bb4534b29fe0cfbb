"""One answer of the agent as a stream: picks it out of its room and survives a new attempt or a reset."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hub.domain.answers.chat_answers import ChatSnapshot
from hub.relay.frames import ROOM_RESET, Frame

if TYPE_CHECKING:
    from hub.services.room_views import RoomView
    from hub.store.log import LogEntry

DONE = b"data: [DONE]\n\n"
_ENDINGS = frozenset({"chat.completed", "chat.stopped", "chat.failed"})

Event = tuple[str, dict[str, Any]]


class AnswerFormat(Protocol):
    """A format for the stream of one answer. Each method returns whole messages, or nothing."""

    @property
    def done(self) -> bytes:
        """The message behind all others."""
        return DONE

    def begin(self, turn_id: str) -> bytes:
        """Return the beginning of the stream."""

    def text(self, text: str) -> bytes:
        """Return more text of the answer, to be appended."""

    def discard(self, attempt: int) -> bytes:
        """Return the message that voids all text so far: this attempt of the turn begins with other words."""

    def event(self, type_: str, data: dict[str, Any]) -> bytes:
        """Return another event of this turn, such as a step or a tool call."""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """Return the end of the turn, which was completed, stopped or failed."""

    def refuse(self, code: str, message: str) -> bytes:
        """Return the message that refuses an answer, or ends it early."""


class AnswerStream:
    """Picks one turn out of a chat room's events and streams each piece of its text once.

    An answer may begin anew, because its worker died or the log lost its tail. The new text is held back while it
    equals what the reader already has; the rest follows. Where the new text differs, the stream tells the reader to
    discard what it has.

    Attributes:
        turn_id: The turn. Nothing is streamed before it is known.
        over: The stream has had its last message.

    Example:
        >>> stream = AnswerStream(TokenFormat())
        >>> buffer.put(stream.begin(turn_id, view))  # the answer so far
        >>> buffer.put(stream.encode(frame))  # each later frame of the room
    """

    def __init__(self, format_: AnswerFormat) -> None:
        self.turn_id = ""
        self.over = False
        self._format = format_
        self._sent = ""
        self._repeated: str | None = None  # the text of a new attempt, while it is a prefix of the text that was sent
        self._attempt = 1

    def begin(self, turn_id: str, view: RoomView, *, question_offset: int = 0) -> bytes:
        """Return the turn from its first word, as far as the view has it.

        Args:
            question_offset: The offset of the turn's question. If it is past the view, the whole answer is still to
                come.
        """
        self.turn_id = turn_id
        return self._format.begin(turn_id) + (b"" if question_offset > view.cursor.offset else self._so_far(view))

    def resume(self, turn_id: str, view: RoomView, had_of: Callable[[str], str | None]) -> bytes:
        """Return what a reader lacks of a turn, as far as the view has it.

        Args:
            had_of: Returns what the reader has of the answer's text so far; None if that is void.
        """
        self.turn_id = turn_id
        snapshot = chat_of(view)
        had = had_of(text_of(snapshot, turn_id))
        self._sent = had or ""
        void = b"" if had is not None else self._format.discard(self._attempt)
        return void + self._from_snapshot(snapshot)

    def refuse(self, code: str, message: str) -> bytes:
        """Return the messages that refuse the answer and end the stream."""
        self.over = True
        return self._format.refuse(code, message) + self._format.done

    def encode(self, frame: Frame) -> bytes:
        """Return a frame of the room in the stream's format; empty if it is not about this turn."""
        if self.over or not self.turn_id or not frame.type.startswith(("chat.", ROOM_RESET)):
            return b""
        data = json.loads(frame.body)["data"]
        if frame.type == ROOM_RESET:  # the log lost its newest events, perhaps the answer too
            return self._from_snapshot(ChatSnapshot.model_validate(data["snapshot"]))
        return self._event(frame.type, data) if data.get("turn_id") == self.turn_id else b""

    def _so_far(self, view: RoomView) -> bytes:
        snapshot = chat_of(view)
        turn = snapshot.turn
        if turn is None or turn.turn_id != self.turn_id:
            return self._from_snapshot(snapshot)
        events = self._last_attempt(view.events)
        text = "".join(data["text"] for type_, data in events if type_ == "chat.delta")
        if not turn.text.endswith(text):  # then the snapshot is right
            events, text = [event for event in events if event[0] != "chat.delta"], ""
        # The history may be shorter than the answer: then only the snapshot has its beginning.
        beginning = self._send_all(turn.text.removesuffix(text))
        return beginning + b"".join(self._event(*event) for event in events)

    def _last_attempt(self, entries: Sequence[LogEntry]) -> list[Event]:
        """Return the events of this turn since its last attempt began, oldest first."""
        found: list[Event] = []
        for entry in entries:
            if entry.type.startswith("chat.") and self.turn_id in entry.body:
                data = json.loads(entry.body)["data"]
                if data.get("turn_id") == self.turn_id:
                    found = [*([] if entry.type == "chat.started" else found), (entry.type, data)]
        return found

    def _from_snapshot(self, snapshot: ChatSnapshot) -> bytes:
        """Return what a snapshot of the room holds of the turn and was not sent yet."""
        if snapshot.turn is not None and snapshot.turn.turn_id == self.turn_id:
            return self._send_all(snapshot.turn.text)
        if self.turn_id in snapshot.waiting:
            return b""
        for message in reversed(snapshot.messages):
            if message.turn_id == self.turn_id:
                return self._send_all(message.text) + self._end(f"chat.{message.state}", message.as_json())
        return self.refuse("not_found", "this answer is no longer kept")

    def _event(self, type_: str, data: dict[str, Any]) -> bytes:
        if type_ == "chat.delta":
            return self._send_all((self._sent if self._repeated is None else self._repeated) + data["text"])
        if type_ in _ENDINGS:
            return self._end(type_, data)
        if type_ == "chat.started":
            self._attempt, self._repeated = data["attempt"], ""
        return self._format.event(type_, data)

    def _send_all(self, text: str) -> bytes:
        """Return what is missing for the reader to have the answer's whole text so far."""
        if text.startswith(self._sent):
            more = text[len(self._sent) :]
            self._sent, self._repeated = text, None
            return self._format.text(more) if more else b""
        if self._sent.startswith(text):
            self._repeated = text
            return b""
        return self._send_anew(text)

    def _send_anew(self, text: str) -> bytes:
        self._sent, self._repeated = text, None
        return self._format.discard(self._attempt) + (self._format.text(text) if text else b"")

    def _end(self, type_: str, data: dict[str, Any]) -> bytes:
        shorter = self._repeated is not None and self._repeated != self._sent
        rest = self._send_anew(self._repeated or "") if shorter else b""
        self.over = True
        return rest + self._format.end(type_, data) + self._format.done


def text_of(snapshot: ChatSnapshot, turn_id: str) -> str:
    """Return the text of an answer so far; empty if it has none, or is not kept."""
    if snapshot.turn is not None and snapshot.turn.turn_id == turn_id:
        return snapshot.turn.text
    return next((message.text for message in snapshot.messages if message.turn_id == turn_id), "")


def chat_of(view: RoomView) -> ChatSnapshot:
    """Return the state of a chat's room.

    Raises:
        TypeError: The view is of a room of another kind.
    """
    if not isinstance(view.state, ChatSnapshot):
        raise TypeError(f"a chat's room has no {type(view.state).__name__}")
    return view.state
