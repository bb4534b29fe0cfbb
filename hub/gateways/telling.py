"""One answer as its reader is told it, whatever becomes of it on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hub.fanout.frames import ROOM_RESET, Frame

if TYPE_CHECKING:
    from hub.eventlog.log import LogEntry
    from hub.services.views import RoomView

DONE = b"data: [DONE]\n\n"
_ENDINGS = frozenset({"chat.completed", "chat.stopped", "chat.failed"})

Event = tuple[str, dict[str, Any]]


class Words(Protocol):
    """How a door words an answer: each method gives whole server-sent events, or nothing."""

    def begin(self, turn_id: str) -> bytes:
        """The answer begins."""

    def text(self, text: str) -> bytes:
        """It says more."""

    def discard(self, attempt: int) -> bytes:
        """All text so far is void: this attempt says it in other words, from the first one on."""

    def event(self, type_: str, data: dict[str, Any]) -> bytes:
        """Something else happened in this turn."""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """The turn is over: completed, stopped or failed."""

    def refuse(self, code: str, message: str) -> bytes:
        """There will be no answer, or no more of it."""


class Telling:
    """Picks one turn out of a chat room's events, and tells each word of it once.

    An answer may begin anew: its worker died, or the log lost its tail. What it says again is held back as long as it
    is what the reader has; from there the rest is told. Where it differs, the reader is told to drop what it has.

    Attributes:
        turn_id: The turn; nothing is told before it is known.
    """

    def __init__(self, words: Words) -> None:
        self.turn_id = ""
        self._words = words
        self._told = ""
        self._again: str | None = None  # what was said anew, while it is no more than the beginning of what was told
        self._attempt = 1
        self._over = False

    def begin(self, turn_id: str, view: RoomView, *, asked: int = 0) -> bytes:
        """The turn from its first word on, as far as it is in the view.

        Args:
            asked: The offset of its question: all that follows one past the view is still to come.
        """
        self.turn_id = turn_id
        return self._words.begin(turn_id) + (b"" if asked > view.cursor.offset else self._so_far(view))

    def encode(self, frame: Frame) -> bytes:
        """A frame of the room, in the door's words."""
        if self._over or not self.turn_id or not frame.type.startswith(("chat.", ROOM_RESET)):
            return b""
        data = json.loads(frame.body)["data"]
        if frame.type == ROOM_RESET:  # the log lost its tail, and perhaps the answer with it
            return self._as_in(data["snapshot"])
        return self._event(frame.type, data) if data.get("turn_id") == self.turn_id else b""

    def _so_far(self, view: RoomView) -> bytes:
        turn = view.snapshot.get("turn")
        if turn is None or turn["turn_id"] != self.turn_id:
            return self._as_in(view.snapshot)
        events = self._last_attempt(view.events)
        said = "".join(data["text"] for type_, data in events if type_ == "chat.delta")
        if not turn["text"].endswith(said):  # then the snapshot is right
            events, said = [event for event in events if event[0] != "chat.delta"], ""
        # The history may be shorter than the answer: its beginning is in the snapshot alone.
        beginning = self._say(turn["text"].removesuffix(said))
        return beginning + b"".join(self._event(*event) for event in events)

    def _last_attempt(self, entries: Sequence[LogEntry]) -> list[Event]:
        """What happened in this turn since it began the last time, oldest first."""
        mine: list[Event] = []
        for entry in entries:
            if entry.type.startswith("chat.") and self.turn_id in entry.body:
                data = json.loads(entry.body)["data"]
                if data.get("turn_id") == self.turn_id:
                    mine = [*([] if entry.type == "chat.started" else mine), (entry.type, data)]
        return mine

    def _as_in(self, snapshot: dict[str, Any]) -> bytes:
        """The turn as a room shows it to those who enter."""
        turn = snapshot.get("turn")
        if turn is not None and turn["turn_id"] == self.turn_id:
            return self._say(turn["text"])
        if self.turn_id in snapshot.get("waiting", ()):
            return b""
        for message in reversed(snapshot["messages"]):
            if message.get("turn_id") == self.turn_id:
                return self._say(message["text"]) + self._end(f"chat.{message['state']}", message)
        self._over = True
        return self._words.refuse("not_found", "this answer is not kept any more") + DONE

    def _event(self, type_: str, data: dict[str, Any]) -> bytes:
        if type_ == "chat.delta":
            return self._say((self._told if self._again is None else self._again) + data["text"])
        if type_ in _ENDINGS:
            return self._end(type_, data)
        if type_ == "chat.started":
            self._attempt, self._again = data["attempt"], ""
        return self._words.event(type_, data)

    def _say(self, text: str) -> bytes:
        """All that the answer says by now."""
        if text.startswith(self._told):
            more = text[len(self._told) :]
            self._told, self._again = text, None
            return self._words.text(more) if more else b""
        if self._told.startswith(text):
            self._again = text
            return b""
        return self._say_instead(text)

    def _say_instead(self, text: str) -> bytes:
        self._told, self._again = text, None
        return self._words.discard(self._attempt) + (self._words.text(text) if text else b"")

    def _end(self, type_: str, data: dict[str, Any]) -> bytes:
        shorter = self._again is not None and self._again != self._told
        rest = self._say_instead(self._again or "") if shorter else b""
        self._over = True
        return rest + self._words.end(type_, data) + DONE
