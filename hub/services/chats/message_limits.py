"""Bounds on what customers say in chats: messages and bytes of an address, and bytes of one chat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from hub.store.log import Quota

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits
    from hub.domain.roles import Principal
    from hub.services.auth.digests import Digests
    from hub.services.branch_figures import Day

_MINUTE_S = 60
_DAY_S = 25 * 3_600  # the name says which day it is; one of them a year has 25 hours


class MessageLimits:
    """Gives the quotas that go with the commit of a message, whoever answers it. Staff have none."""

    def __init__(self, limits: ChatLimits, digests: Digests, day: Day, clock: Callable[[], datetime]) -> None:
        self._limits = limits
        self._digests = digests
        self._day = day
        self._clock = clock

    def saying(self, principal: Principal, chat_id: str, weight: int) -> tuple[Quota, ...]:
        """Return the quotas of one message; `weight` is its size as JSON, in bytes."""
        if principal.is_staff or not principal.address:
            counts: tuple[Quota, ...] = ()
        else:
            limits, address = self._limits, self._digests.address(principal.address)
            counts = (
                Quota(f"messages_minute:{address}", 1, limits.messages_minute, _MINUTE_S, "messages_minute", True),
                self._daily("messages_day", address, 1, limits.messages_day),
            )
        return (*_bounded(*counts), *self.keeping(principal, chat_id, weight))

    def keeping(self, principal: Principal, chat_id: str, weight: int) -> tuple[Quota, ...]:
        """Return the quotas of bytes that a chat keeps."""
        if principal.is_staff or not weight:
            return ()
        of_chat = self._daily("chat_bytes_day", chat_id, weight, self._limits.chat_bytes_day)
        if not principal.address:
            return _bounded(of_chat)
        address = self._digests.address(principal.address)
        return _bounded(self._daily("messages_bytes_day", address, weight, self._limits.messages_bytes_day), of_chat)

    def _daily(self, label: str, subject: str, amount: int, most: int) -> Quota:
        return Quota(f"{label}:{self._day.name(self._clock())}:{subject}", amount, most, _DAY_S, label)


def _bounded(*quotas: Quota) -> tuple[Quota, ...]:
    """Those of them that are switched on."""
    return tuple(quota for quota in quotas if quota.limit)
