"""The fold of an answer that is being made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from hub.domain import events as ev
from hub.domain.answers.chat_answers import ShownStep, ShownTurn

if TYPE_CHECKING:
    from collections.abc import Sequence

# The events that an unfinished answer is made of.
ANSWER_EVENTS = frozenset({"chat.started", "chat.delta", "chat.step"})


@dataclass(slots=True)
class OpenTurn:
    """An answer that is being made."""

    turn_id: str
    attempt: int = 0
    answer: Annotated[str, Field(validation_alias="text", serialization_alias="text")] = ""
    next_index: int = 0
    steps: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, turn_id: str, events: Sequence[ev.ReadEvent], checkpoint: OpenTurn | None = None) -> OpenTurn | None:
        """Return the unfinished answer of a turn; None if it has not begun.

        Args:
            events: Of its room, oldest first; the beginning may be missing.
            checkpoint: What it had said at some moment, if that is known.
        """
        mine = [event for event in events if getattr(event, "turn_id", None) == turn_id]
        begins = [number for number, event in enumerate(mine) if isinstance(event, ev.ChatStarted)]
        known = checkpoint if checkpoint is not None and checkpoint.turn_id == turn_id else None
        if not mine and known is None:
            return None
        turn = cls(turn_id)
        if not begins and known is not None:
            turn = replace(known, steps=dict(known.steps))
        for event in mine[begins[-1] if begins else 0 :]:
            turn.apply(event)
        return turn

    def apply(self, event: ev.ReadEvent) -> None:
        """Apply an event of the turn; other events change nothing."""
        match event:
            case ev.ChatStarted():
                # A second attempt starts with an empty answer, like the first.
                self.attempt, self.answer, self.next_index, self.steps = event.attempt, "", 0, {}
            case ev.ChatDelta() if event.index >= self.next_index:
                self.answer += event.text
                self.next_index = event.index + 1
            case ev.ChatStep():
                self.steps[event.step] = {"step": event.step, "state": event.state, "text": event.text}
            case _:
                pass

    def shown(self) -> ShownTurn:
        """Return the answer as a page shows it."""
        steps = tuple(ShownStep(**step) for step in self.steps.values())
        return ShownTurn(turn_id=self.turn_id, text=self.answer, next_index=self.next_index, steps=steps)
