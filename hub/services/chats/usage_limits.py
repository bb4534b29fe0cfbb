"""Bounds on the use of the agent: new chats, turns, and the tokens that models read and write for them.

An address and an order have turns and tokens for a day, a member of staff has turns. The commit of a question counts
the turn. The commit of the turn's end counts its tokens, and the next question is checked against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from hub.domain.roles import Kind
from hub.domain.tallies import TurnsToday
from hub.services.chats.chat_documents import place_of
from hub.services.service_bounds import MAX_TURN_ORDERS
from hub.store.log import EventLog, Hold, Quota

if TYPE_CHECKING:
    from hub.config.limit_settings import QuestionLimits
    from hub.domain.chat import Chat
    from hub.domain.requested_by import RequestedBy
    from hub.domain.roles import Principal
    from hub.services.auth.digests import Digests
    from hub.services.branch_figures import Day

_MINUTE_S, _HOUR_S = 60, 3_600
_DAY_S = 25 * 3_600  # the name says which day it is; one of them a year has 25 hours
_OPEN_RETRY_S = 2.0  # most answers take less


class UsageLimits:
    """Returns the quotas of a commit, from `QuestionLimits`."""

    def __init__(
        self, log: EventLog, limits: QuestionLimits, digests: Digests, day: Day, clock: Callable[[], datetime]
    ) -> None:
        self._log = log
        self._limits = limits
        self._digests = digests
        self._day = day
        self._clock = clock

    def opening(self, principal: Principal) -> tuple[Quota, ...]:
        """Return the quotas of a new chat.

        Staff are not bounded, because each of their chats comes from an account.
        """
        most = self._limits.chats_hour
        if principal.is_staff or not principal.address or not most:
            return ()
        return (
            Quota(
                f"chats_hour:{self._digests.address(principal.address)}", 1, most, _HOUR_S, "chats_hour", passing=True
            ),
        )

    def asking(self, asker: RequestedBy, chat: Chat) -> tuple[Quota, ...]:
        """Return the quotas of a question: one turn more, and something left of the day's tokens."""
        day = self._day.name(self._clock())
        turns = [
            Quota(f"{label}:{day}:{subject}", 1, most, _DAY_S, label)
            for label, subject, most in self._turn_subjects(asker, chat)
            if most
        ]
        tokens = [
            Quota(f"{label}:{day}:{subject}", 0, most, _DAY_S, label)
            for label, subject, most in self._token_subjects(asker, chat)
            if most
        ]
        branch = Quota(f"turns_branch:{day}", 1, 0, _DAY_S, "turns_branch")
        return (*self._rate(asker), *turns, *tokens, branch)

    def place(self, asker: RequestedBy, turn_id: str) -> Hold | None:
        """Return the place that a turn holds until it ends; None for staff, who are bounded by account."""
        most = self._limits.turns_open
        if _is_staff(asker) or not asker.address or not most:
            return None
        counter = f"turns-address:{self._digests.address(asker.address)}"
        return Hold(place_of(turn_id), ((counter, most, "turns_open"),), retry_after_s=_OPEN_RETRY_S)

    def spent(self, asker: RequestedBy, chat: Chat, tokens: int) -> tuple[Quota, ...]:
        """Return the quotas that count a turn's tokens. They refuse nothing, as the tokens are used already."""
        if tokens <= 0:
            return ()
        day = self._day.name(self._clock())
        counted = [
            Quota(f"{label}:{day}:{subject}", tokens, 0, _DAY_S, label)
            for label, subject, most in self._token_subjects(asker, chat)
            if most
        ]
        return (*counted, Quota(_branch_tokens(day), tokens, 0, _DAY_S, "tokens_branch_day"))

    async def today(self) -> TurnsToday:
        """Return what the branch has used today.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        day = self._day.name(self._clock())
        turns, tokens = await self._log.used([f"turns_branch:{day}", _branch_tokens(day)])
        return TurnsToday(turns, tokens, self._limits.tokens_branch_day)

    # How

    def _rate(self, asker: RequestedBy) -> tuple[Quota, ...]:
        most = self._limits.turns_minute
        if _is_staff(asker) or not asker.address or not most:
            return ()
        return (
            Quota(
                f"turns_minute:{self._digests.address(asker.address)}", 1, most, _MINUTE_S, "turns_minute", passing=True
            ),
        )

    def _turn_subjects(self, asker: RequestedBy, chat: Chat) -> Iterator[tuple[str, str, int]]:
        """Bounds on turns: each one's label, for whom, and the most."""
        if _is_staff(asker):
            yield "turns_staff_day", asker.id, self._limits.turns_staff_day
            return
        if asker.address:
            yield "turns_day", self._digests.address(asker.address), self._limits.turns_day
        for order_id in _orders(asker, chat):
            yield "turns_order_day", order_id, self._limits.turns_order_day

    def _token_subjects(self, asker: RequestedBy, chat: Chat) -> Iterator[tuple[str, str, int]]:
        """The same for tokens."""
        if _is_staff(asker):
            return
        if asker.address:
            yield "tokens_day", self._digests.address(asker.address), self._limits.tokens_day
        for order_id in _orders(asker, chat):
            yield "tokens_order_day", order_id, self._limits.tokens_order_day


def _branch_tokens(day: str) -> str:
    return f"tokens_branch_day:{day}"


def _is_staff(asker: RequestedBy) -> bool:
    return asker.kind in (Kind.STAFF, Kind.SERVICE)


def _orders(asker: RequestedBy, chat: Chat) -> tuple[str, ...]:
    """The orders that a turn of this chat is about."""
    return tuple(dict.fromkeys((*asker.orders, *chat.order_ids)))[-MAX_TURN_ORDERS:]
