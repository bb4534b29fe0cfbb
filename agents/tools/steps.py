"""The progress of a tool, shown step by step in the reader's language."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agents.journal import LeaseLost
from hub.domain.events import ChatStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.tools.tool_context import ToolContext
    from hub.domain.texts import Text


class Steps:
    """Consecutive steps; the last one entered is running."""

    def __init__(self, context: ToolContext, texts: Mapping[str, Text]) -> None:
        self._context = context
        self._texts = texts
        self._now: str | None = None

    async def enter(self, step: str) -> None:
        """End the step before, and begin this one."""
        events = [self._event(self._now, "done")] if self._now else []
        self._now = step
        await self._record(*events, self._event(step, "started"))

    async def done(self) -> None:
        await self._close("done")

    async def failed(self) -> None:
        await self._close("failed")

    async def _close(self, state: Any) -> None:
        if self._now:
            step, self._now = self._now, None
            await self._record(self._event(step, state))

    async def _record(self, *events: ChatStep) -> None:
        """Show the room the steps.

        A lost turn does not interrupt a change: the commit that begins a change has checked the lease already.
        """
        with suppress(LeaseLost):
            await self._context.journal.record(*events)

    def _event(self, step: str, state: Any) -> ChatStep:
        text = self._context.say(self._texts[step])
        return ChatStep(turn_id=self._context.turn_id, step=step, state=state, text=text)
