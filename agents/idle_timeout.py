"""A timeout that starts anew with each sign of life."""

from __future__ import annotations

import asyncio
from typing import Self


class IdleTimeout:
    """A timeout for the statements of its block, which starts anew with each `renew`.

    It is like `asyncio.timeout`, but renewing costs almost nothing: a word comes every few milliseconds in every chat.

    Raises:
        TimeoutError: At the end of the block.
    """

    _timer: asyncio.TimerHandle

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + seconds
        self._task = asyncio.current_task()
        self._cancels = self._task.cancelling() if self._task is not None else 0
        self._late = False

    def renew(self, seconds: float) -> None:
        """Let the time begin anew, with this many seconds."""
        self._until = self._loop.time() + seconds
        if self._until < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._until, self._look)

    async def __aenter__(self) -> Self:
        self._timer = self._loop.call_at(self._until, self._look)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        if not self._late or self._task is None:
            return
        if self._task.uncancel() <= self._cancels and kind is asyncio.CancelledError:
            raise TimeoutError from exc

    def _look(self) -> None:
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        elif self._task is not None:
            self._late = True
            self._task.cancel()
