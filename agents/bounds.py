"""How long an answer may take, how much it may cost, and how its words come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.config import AgentLimits


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one turn is held to; the settings say it (`COMANDA_AGENT_…`).

    Attributes:
        first_token_s: From asking a model to its first word, in one try.
        idle_s: Between two words of a model.
        turn_s: The whole turn, tools and pauses included.
        tries: At one model, before its first word.
        pause_s: Before the second try; it doubles with each, and is never the same for two turns.
        tokens: That models may write in the turn, tool calls included.
        llm_calls: To models that were answered: each tool call leads to another.
        memory_tokens: Of the conversation that the model is shown.
        pace: Characters a second at most; 0: as they come.
    """

    first_token_s: float = 20.0
    idle_s: float = 20.0
    turn_s: float = 120.0
    tries: int = 3
    pause_s: float = 0.25
    tokens: int = 8_000
    llm_calls: int = 8
    memory_tokens: int = 3_000
    pace: float = 0.0

    @classmethod
    def of(cls, limits: AgentLimits) -> Bounds:
        return cls(
            first_token_s=limits.first_token_s,
            idle_s=limits.idle_s,
            turn_s=limits.turn_s,
            tries=limits.tries,
            tokens=limits.turn_tokens,
            memory_tokens=limits.memory_tokens,
            pace=limits.pace,
        )
