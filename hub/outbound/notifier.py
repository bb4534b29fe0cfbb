"""The notifier: follows the outbound stream, decides who is told, and tells them when it is time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import Unavailable
from hub.domain.notices import UNSEEN, Notice, NoticeState, is_still_true
from hub.domain.roles import Role
from hub.outbound.follower import OutboundFollower
from hub.outbound.senders import Outcome, Sender, Sending, Telling
from hub.services.promo_notices import PROMO

if TYPE_CHECKING:
    from hub.domain.notification_preferences import Preferences
    from hub.domain.order_document import Order
    from hub.services.auth.staff_service import StaffService
    from hub.services.notice_service import NoticeService
    from hub.services.orders.tracking_links import TrackingLinks
    from hub.services.promo_notices import PromoNotices
    from hub.store.outbound_stream import OutboundEvent, OutboundStream, ReaderLease

logger = structlog.get_logger(__name__)

_LOOK_S = 1.0  # what is due is looked for at least this often
_AT_ONCE = 32  # subjects that are told at the same time
_PAUSE_S = (2.0, 300.0)  # before the second try, and the longest before a further one
_WOKEN = (Role.KITCHEN, Role.MANAGER)


class Notifier:
    """Decides under the lease of one reader of the outbound stream, and sends what is due.

    Any number of processes may run one; the one with the lease works. The decision to tell somebody is a commit, once.
    A try to send whose outcome was not recorded, because the process died, is made again under the same id.

    Args:
        senders: The channels that reach people outside the pages.
        clock: Return the time, in UTC.
    """

    def __init__(
        self,
        notices: NoticeService,
        promos: PromoNotices,
        staff: StaffService,
        links: TrackingLinks,
        stream: OutboundStream,
        lease: ReaderLease,
        senders: Iterable[Sender],
        clock: Callable[[], datetime],
    ) -> None:
        self.follower = OutboundFollower(stream, lease, self.decide)
        self._notices = notices
        self._promos = promos
        self._staff = staff
        self._links = links
        self._senders: Mapping[str, Sender] = {sender.channel: sender for sender in senders}
        self._clock = clock
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Decide and send until cancelled. Redis need not answer yet."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.follower.run())
            tasks.create_task(self._send())

    async def decide(self, events: tuple[OutboundEvent, ...]) -> None:
        """Decide for each event who is told. Deciding twice is as good as once."""
        for event in events:
            deciding = self._promos.decide(event) if event.type == PROMO else self._notices.decide(event)
            if (due := await deciding) is not None:
                self._wake_at(due)

    def _wake_at(self, due: datetime) -> None:
        """Look for what is due at that time; later times are found by the regular look."""
        wait_s = (due - self._clock()).total_seconds()
        if wait_s <= _LOOK_S * 10:
            asyncio.get_running_loop().call_later(max(0.0, wait_s), self._wake.set)

    async def _send(self) -> None:
        while True:
            self._wake.clear()
            if self.follower.state.is_active:
                with suppress(Unavailable):  # the next look comes soon
                    await self.send_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._wake.wait()

    async def send_due(self) -> None:
        """Send what is due by now, and record how each try ended."""
        while subjects := await self._notices.due():
            for at in range(0, len(subjects), _AT_ONCE):
                await self._tell_all(subjects[at : at + _AT_ONCE])

    async def _tell_all(self, subjects: list[str]) -> None:
        done = await asyncio.gather(*map(self._tell_subject, subjects), return_exceptions=True)
        failed = [each for each in done if isinstance(each, BaseException)]
        for error in failed:
            if not isinstance(error, Unavailable):
                raise error
        if failed:
            raise failed[0]

    async def _tell_subject(self, subject: str) -> None:
        """Tell what is due to one subject, one notice after the other, and record how each ended."""
        notices = await self._notices.of(subject)
        due = notices.due(self._clock())
        order = await self._notices.order_of(subject) if due else None
        preferences = await self._notices.preferences_of(subject) if due else None
        outcomes: dict[str, Notice] = {}
        for notice in due:
            outcomes[notice.id] = self._unwanted(notice, preferences) or await self._tell(subject, notice, order)
        next_due = await self._notices.settle(subject, outcomes)
        if next_due is not None:
            self._wake_at(next_due)

    def _unwanted(self, notice: Notice, preferences: Preferences | None) -> Notice | None:
        """Return a notice that its person does not want, or not now; None if it may be told."""
        if preferences is None:
            return None
        now, told_from = self._clock(), self._notices.may_be_told(notice, preferences)
        if told_from is None:
            return notice.settled(NoticeState.DROPPED, now, "unwanted")
        return notice.postponed(told_from) if told_from > now else None

    async def _tell(self, subject: str, notice: Notice, order: Order | None) -> Notice:
        now = self._clock()
        sender = self._senders.get(notice.channel)
        if order is None and notice.type != PROMO:
            return notice.settled(NoticeState.DROPPED, now, "gone")
        if order is not None and not is_still_true(notice.type, order.status, acknowledged=order.acknowledged):
            return notice.settled(NoticeState.DROPPED, now, "undone")
        if now >= notice.expires:
            return notice.settled(NoticeState.FAILED, now, "expired")
        if sender is None:
            return notice.settled(NoticeState.DROPPED, now, "channel")
        telling = Telling(notice, await self._subjects(subject, notice), order, self._link(notice, order))
        return _after(notice, await sender.send(telling), self._clock())

    async def _subjects(self, subject: str, notice: Notice) -> list[str]:
        if notice.type != UNSEEN:
            return [subject]
        people = {account.id for role in _WOKEN for account in await self._staff.list(role)}
        return [f"person-{person}" for person in sorted(people)]

    def _link(self, notice: Notice, order: Order | None) -> str:
        if order is None or notice.type == PROMO:
            return "/"
        return "/kitchen" if notice.type == UNSEEN else self._links.of(order.id).url


def _after(notice: Notice, sending: Sending, now: datetime) -> Notice:
    """Return a notice after a try."""
    if sending.outcome is Outcome.SENT:
        return notice.tried(now, "").settled(NoticeState.SENT, now)
    if sending.outcome is Outcome.NOBODY:
        return notice.settled(NoticeState.DROPPED, now, sending.detail)
    if sending.outcome is Outcome.REFUSED:
        return notice.tried(now, "").settled(NoticeState.FAILED, now, sending.detail)
    wait_s = sending.wait_s or min(_PAUSE_S[0] * 2**notice.tries, _PAUSE_S[1]) * random.uniform(0.75, 1.25)
    return notice.tried(now + timedelta(seconds=wait_s), sending.detail)
