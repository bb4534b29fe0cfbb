"""The inbox of a WebSocket: what has arrived and is not handled yet, bounded, and handled one item at a time."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import structlog

from hub.socketio.close_reason import CloseReason

logger = structlog.get_logger(__name__)

_MAX_ITEMS = 64  # with more of them waiting, reading from the WebSocket pauses

Item = str | bytes | int | None  # a text, a binary message, a close code for a violation, or the connection's end


class Source(Protocol):
    """The source of the items, which the inbox can pause."""

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`."""

    def resume_reading(self) -> None:
        """Read again."""


class InboxOwner(Protocol):
    """The connection that handles the items."""

    @property
    def closed(self) -> bool:
        """True once the connection is over."""

    async def handle(self, item: Item) -> None:
        """Handle one item to its end."""

    def inbox_emptied(self) -> None:
        """No item is left; the inbox is not used any more."""

    def close(self, reason: CloseReason, code: int | None = None) -> None:
        """Close the connection for this reason."""


class Inbox:
    """Exists while there is something to handle: thousands of idle connections have none, and no task."""

    __slots__ = ("_items", "_owner", "_source")

    def __init__(self, owner: InboxOwner, source: Source) -> None:
        self._owner = owner
        self._source = source
        self._items: deque[Item] = deque()

    def put(self, item: Item) -> None:
        """Add an item behind all others."""
        self._items.append(item)
        if len(self._items) == _MAX_ITEMS:
            self._source.pause_reading()

    def __len__(self) -> int:
        return len(self._items)

    async def run(self) -> None:
        """Handle items until there are no more, or the connection is closed."""
        try:
            while self._items and not self._owner.closed:
                await self._owner.handle(self._items.popleft())
                if len(self._items) == _MAX_ITEMS // 2:
                    self._source.resume_reading()
        except Exception:  # the task's root
            logger.exception("connection.failed")
            self._owner.close(CloseReason.SERVER)
        finally:
            self._owner.inbox_emptied()
