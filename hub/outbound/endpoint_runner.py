"""Delivers the outbound stream's events to one endpoint, in one process at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import ComandaError
from hub.domain.webhooks import DeadLetter, EndpointState, WebhookEndpoint
from hub.outbound.delivery import Delivery, delivery_again, delivery_of
from hub.outbound.delivery_schedule import DeliverySchedule, GivenUp
from hub.outbound.endpoint_store import LETTERS_A_WRITE, EndpointStore, EndpointView
from hub.outbound.follower import LeaseLost
from hub.outbound.runner_settings import RunnerSettings
from hub.outbound.webhook_progress import WebhookProgress, progress_of, schedule_of
from hub.outbound.webhook_sender import DeliveryOutcome, Sent, WebhookSender

if TYPE_CHECKING:
    from hub.store.outbound_stream import OutboundEvent, OutboundStream, ReaderLease

logger = structlog.get_logger(__name__)

PAGE = 100
_LAST_OF_A_MS = 18_446_744_073_709_551_615


@dataclass(slots=True)
class _Times:
    """When the loop did things last, by the loop's own clock, in seconds."""

    refreshed: float = float("-inf")
    saved: float = float("-inf")
    renewed: float = float("-inf")


class EndpointRunner:
    """Runs one endpoint while this process has its lease.

    The progress is stored as it goes. A process that takes over sends what was not yet stored as arrived again, under
    the same ids; it skips nothing.

    """

    def __init__(
        self,
        store: EndpointStore,
        stream: OutboundStream,
        lease: ReaderLease,
        sender: WebhookSender,
        settings: RunnerSettings,
    ) -> None:
        self._store = store
        self._stream = stream
        self._lease = lease
        self._sender = sender
        self._settings = settings
        self._schedule = DeliverySchedule(settings.chance)
        self._cursor = ""
        self._at_end = False
        self._gone = False
        self._times = _Times()
        self._saved: WebhookProgress | None = None
        self._tallies: Counter[str] = Counter()
        self._replaying: set[str] = set()
        self._replayed: list[str] = []
        self._sends: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def hear(self) -> None:
        """Read the outbound stream again: it may have something new."""
        self._at_end = False
        self._woken.set()

    async def run(self) -> None:
        """Deliver until the endpoint is removed or disabled. Return at once if another process has the lease.

        Raises:
            LeaseLost, VersionConflict: Another process has taken over.
            Unavailable: Redis did not answer in time.
        """
        if await self._lease.take() is None:
            return
        try:
            view = await self._store.view()
            if view is not None and view.endpoint.enabled:
                await self._open(view.endpoint)
                await self._deliver(view)
        finally:
            with suppress(ComandaError):
                await self._lease.end()

    async def _deliver(self, view: EndpointView | None) -> None:
        try:
            while view is not None:
                if not view.endpoint.enabled:
                    await self._cancel_sends()
                    await self._bury(view.endpoint, self._schedule.give_up_all("paused"))
                    return
                await self._fetch(view.endpoint)
                await self._step(view)
                if self._gone or self._is_dead():
                    await self._disable(view.endpoint, EndpointState.GONE if self._gone else EndpointState.FAILING)
                    return
                await self._save(view.endpoint)
                await self._wait()
                await self._keep_lease()
                view = await self._refreshed(view)
        finally:
            await self._stop_sending(view)

    # Beginning and end

    async def _open(self, endpoint: WebhookEndpoint) -> None:
        """Go on from the stored progress; begin anew if there is none, or the endpoint was enabled anew."""
        stored = await self._store.progress()
        held = await self._read_held(stored) if stored is not None else []
        if stored is not None and stored.since == endpoint.since:
            self._cursor = stored.cursor
            self._schedule = schedule_of(stored, held, self._settings.chance)
            if not await self._stream.is_whole_after(stored.cursor):
                logger.error("webhook.events_lost", webhook_id=endpoint.id, cursor=stored.cursor)
        else:
            self._cursor = endpoint.since
            await self._bury(endpoint, [GivenUp(delivery, 0, "paused") for delivery in held])

    async def _read_held(self, stored: WebhookProgress) -> list[Delivery]:
        """Read what had not arrived, oldest first. What has left the stream is lost."""
        cursors = sorted(stored.held, key=_place)
        found = [await self._stream.read(_before(cursor), 1) for cursor in cursors]
        events = [page[0] for page, cursor in zip(found, cursors, strict=True) if page and page[0].cursor == cursor]
        if len(events) < len(cursors):
            logger.error("webhook.events_lost", webhook_id=self._store.webhook_id, events=len(cursors) - len(events))
        return [delivery for event in events if (delivery := self._delivery(event)) is not None]

    async def _disable(self, endpoint: WebhookEndpoint, state: EndpointState) -> None:
        """Give up all that is held and all that is waiting in the stream; then disable the endpoint."""
        await self._cancel_sends()
        await self._bury(endpoint, self._schedule.give_up_all(str(state)))
        while page := await self._stream.read(self._cursor, PAGE):
            waiting = [self._delivery(event) for event in page if endpoint.wants(event.type)]
            self._cursor = page[-1].cursor
            await self._bury(endpoint, [GivenUp(each, 0, str(state)) for each in waiting if each is not None])
        await self._store.disable(state, self._settings.notice(endpoint, state))
        logger.error("webhook.endpoint_disabled", webhook_id=endpoint.id, state=str(state))

    async def _cancel_sends(self) -> None:
        """Break off what is under way: it counts as not tried."""
        for send in self._sends:
            send.cancel()
        await asyncio.gather(*self._sends, return_exceptions=True)

    async def _stop_sending(self, view: EndpointView | None) -> None:
        await self._cancel_sends()
        if view is not None:
            with suppress(ComandaError):  # what cannot be stored now is sent again
                await self._save(view.endpoint, at_once=True)

    def _is_dead(self) -> bool:
        since = self._schedule.failing_since
        return since is not None and self._settings.clock() - since >= self._settings.retry_for

    # One round

    async def _fetch(self, endpoint: WebhookEndpoint) -> None:
        """Read a page of the stream, if there is room."""
        if self._at_end or not (room := self._schedule.room):
            return
        asked = min(room, PAGE)
        self._at_end = True  # `hear` may say otherwise during the read
        page = await self._stream.read(self._cursor, asked)
        self._at_end = self._at_end and len(page) < asked
        for event in page:
            self._cursor = event.cursor
            if endpoint.wants(event.type) and (delivery := self._delivery(event)) is not None:
                self._schedule.add(delivery)

    async def _step(self, view: EndpointView) -> None:
        steps = self._schedule.advance(self._settings.clock())
        await self._bury(view.endpoint, steps.give_up)
        for delivery in steps.send:
            send = asyncio.create_task(self._send(view, delivery), name=f"webhook-{self._store.webhook_id}")
            self._sends.add(send)
            send.add_done_callback(self._ended)

    def _ended(self, send: asyncio.Task[None]) -> None:
        self._sends.discard(send)
        self._woken.set()

    async def _send(self, view: EndpointView, delivery: Delivery) -> None:
        now = self._settings.clock()
        try:
            sent = await self._sender.send(view.endpoint.url, view.secrets.signing(now), delivery, now)
        except asyncio.CancelledError:
            self._schedule.interrupted(delivery)
            raise
        except Exception:  # the task's root
            logger.exception("webhook.send_failed", webhook_id=self._store.webhook_id)
            sent = Sent(DeliveryOutcome.FAILED, "internal")
        self._tallies[str(sent.outcome.value)] += 1
        self._note(delivery, sent)

    def _note(self, delivery: Delivery, sent: Sent) -> None:
        now, was_down = self._settings.clock(), self._schedule.down
        if sent.outcome is DeliveryOutcome.ARRIVED:
            self._schedule.arrived(delivery, now)
            if delivery.replayed:
                self._replayed.append(delivery.id)
        else:
            self._schedule.failed(delivery, now, sent.reason, sent.retry_after_s)
            self._gone = self._gone or sent.outcome is DeliveryOutcome.GONE
        if was_down and not self._schedule.down:
            logger.info("webhook.endpoint_up", webhook_id=self._store.webhook_id)
        elif self._schedule.down and not was_down:
            logger.warning("webhook.endpoint_down", webhook_id=self._store.webhook_id, reason=sent.reason)

    async def _wait(self) -> None:
        """Wait until something may be to do."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s()):
                await self._woken.wait()
        self._woken.clear()

    def _pause_s(self) -> float:
        if not self._at_end and self._schedule.room:
            return 0
        pauses = [self._settings.refresh_s, self._lease.ttl_s / 3]
        if (at := self._schedule.wake_at()) is not None:
            pauses.append((at - self._settings.clock()).total_seconds())
        if self._tallies:
            pauses.append(self._times.saved + self._settings.save_s - _loop_time())
        return max(0.0, min(pauses))

    async def _keep_lease(self) -> None:
        if _loop_time() - self._times.renewed >= self._lease.ttl_s / 3:
            if await self._lease.take() is None:
                raise LeaseLost
            self._times.renewed = _loop_time()

    async def _refreshed(self, view: EndpointView) -> EndpointView | None:
        """Return the endpoint as it is now, and take up what a manager has sent again."""
        if _loop_time() - self._times.refreshed < self._settings.refresh_s:
            return view
        self._times.refreshed, self._at_end = _loop_time(), False
        if room := self._schedule.room:
            now = self._settings.clock()
            for letter in await self._store.letters_to_replay(frozenset(self._replaying), room):
                self._replaying.add(letter.id)
                self._schedule.add(delivery_again(letter, now, self._settings.retry_for))
        return await self._store.view()

    # Writing

    async def _save(self, endpoint: WebhookEndpoint, *, at_once: bool = False) -> None:
        """Store the progress, if it has changed and the last time was long enough ago."""
        if self._replayed:
            done, self._replayed = self._replayed[:LETTERS_A_WRITE], self._replayed[LETTERS_A_WRITE:]
            await self._store.forget_letters(done)
            self._replaying.difference_update(done)
        progress = progress_of(self._schedule, endpoint.since, self._cursor)
        due = at_once or _loop_time() - self._times.saved >= self._settings.save_s
        if due and (progress != self._saved or self._tallies):
            await self._write(progress)

    async def _bury(self, endpoint: WebhookEndpoint, given_up: Sequence[GivenUp]) -> None:
        """Make dead letters of deliveries, together with the progress without them."""
        now = self._settings.clock()
        for start in range(0, len(given_up), LETTERS_A_WRITE):
            part = [_letter(each, now) for each in given_up[start : start + LETTERS_A_WRITE]]
            self._tallies["dead"] += len(part)
            # The later ones stay in the progress until they are written, too.
            waiting = [each.delivery for each in given_up[start + LETTERS_A_WRITE :]]
            progress = progress_of(self._schedule, endpoint.since, self._cursor, waiting)
            await self._write(progress, part)
            self._replaying.difference_update(letter.id for letter in part)
        if given_up:
            logger.warning("webhook.given_up", webhook_id=endpoint.id, deliveries=len(given_up))

    async def _write(self, progress: WebhookProgress, letters: Sequence[DeadLetter] = ()) -> None:
        tallies, self._tallies = self._tallies, Counter()
        await self._store.save(progress, letters, tallies)
        self._saved, self._times.saved = progress, _loop_time()

    def _delivery(self, event: OutboundEvent) -> Delivery | None:
        delivery = delivery_of(event.id, event.cursor, event.type, event.body, self._settings.retry_for)
        if delivery is None:
            logger.error("webhook.event_unreadable", webhook_id=self._store.webhook_id, event_id=event.id)
        return delivery


def _letter(given_up: GivenUp, now: datetime) -> DeadLetter:
    delivery = given_up.delivery
    return DeadLetter(
        id=delivery.id,
        type=delivery.type,
        order_id=delivery.order_id,
        body=delivery.body,
        event_at=delivery.event_at,
        given_up_at=now,
        reason=given_up.reason,
        attempts=delivery.attempts + given_up.attempts,
    )


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _place(cursor: str) -> tuple[int, int]:
    ms, _, number = cursor.partition("-")
    return int(ms), int(number)


def _before(cursor: str) -> str:
    """Return the cursor right before another one."""
    ms, number = _place(cursor)
    return f"{ms}-{number - 1}" if number else f"{ms - 1}-{_LAST_OF_A_MS}"
