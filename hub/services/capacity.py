"""Keeps the last of Redis's memory for work that has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.core.errors import Unavailable
from hub.domain.answers.branch_answers import MemoryFigures
from hub.store.redis.memory_use import MemoryLevel

if TYPE_CHECKING:
    from hub.domain.roles import Principal
    from hub.store.redis.memory_use import MemoryWatch

_COME_BACK_S = 60.0


class Capacity:
    """Refuses new orders and chats of customers and strangers when Redis's memory is nearly full; staff go on."""

    def __init__(self, memory: MemoryWatch) -> None:
        self._memory = memory

    async def require(self, principal: Principal) -> None:
        """Check that this principal may begin an order or a chat now.

        Raises:
            Unavailable: Redis's memory is nearly full, and the principal is not staff.
        """
        if principal.is_staff or await self._memory.current_level() is not MemoryLevel.NEARLY_FULL:
            return
        raise Unavailable("no new orders or chats at the moment: memory is nearly full", retry_after_s=_COME_BACK_S)

    def figures(self) -> MemoryFigures | None:
        """Return Redis's memory as last read, for staff; None if Redis does not say."""
        use = self._memory.use
        if use is None:
            return None
        return MemoryFigures(level=str(self._memory.level), used_bytes=use.used_bytes, ceiling_bytes=use.ceiling_bytes)
