"""A tool's progress, told step by step in the reader's language."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agents.journal import LeaseLost
from hub.domain.events import ChatStep

if TYPE_CHECKING:
    from agents.tools.base import Errand

Texts = dict[str, tuple[str, str]]


class Steps:
    """Steps that follow each other; the one entered last is the one under way."""

    def __init__(self, errand: Errand, texts: Texts) -> None:
        self._errand = errand
        self._texts = texts
        self._now: str | None = None

    async def enter(self, step: str) -> None:
        """The step before is done; this one begins."""
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
        """Tell the room. That the turn is lost by now is no reason to leave a change half done, or not to know of it:
        whoever must not begin one any more is kept from it by the commit that begins it."""
        with suppress(LeaseLost):
            await self._errand.journal.record(*events)

    def _event(self, step: str, state: Any) -> ChatStep:
        text = self._errand.say(*self._texts[step])
        return ChatStep(turn_id=self._errand.turn_id, step=step, state=state, text=text)
