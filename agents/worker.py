"""An agent worker: takes turns, a few at a time, renews their leases, obeys stop requests, and shuts down in order."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import structlog

from agents import failure_kinds as failures
from agents.ceiling import Ceiling
from agents.deltas import DeltaPacer
from agents.turn import Report, TurnRun, fail
from hub.config import TurnLimits
from hub.core.errors import ComandaError, Conflict, Unavailable
from hub.domain.chat import TurnState
from hub.services.chats.chat_documents import read_turn, skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.chain import Model
    from hub.config.limit_settings import ChatLimits
    from hub.domain.texts import Lang
    from hub.services.build import Services
    from hub.services.chats.turn_jobs import TurnLease, TurnQueue

logger = structlog.get_logger(__name__)

_BACKOFF_S = (0.1, 5.0)
_RECLAIM_EVERY_S = 0.5  # between checks for turns whose lease has expired
# A turn that no worker manages to begin has no attempts; after this many deliveries it is abandoned.
MAX_DELIVERIES = 5


class Worker:
    """An agent worker. It runs until `stop` is called.

    Args:
        name: Unique among the workers; a worker that starts again is another one.
        at_once: How many turns it answers side by side.
        block_s: How long one wait for a turn may last; also the longest it takes to notice `stop`.
        renew_s: How often leases are renewed; well below the queue's lease.
        grace_s: How long turns may go on after `stop` before they are given back.
    """

    def __init__(
        self,
        services: Services,
        queue: TurnQueue,
        models: Sequence[Model],
        *,
        name: str,
        limits: ChatLimits,
        lang: Lang = "es",
        at_once: int = 64,
        block_s: float = 1.0,
        renew_s: float = 1.5,
        grace_s: float = 4.0,
        turn_limits: TurnLimits | None = None,
    ) -> None:
        self.name = name
        self._services = services
        self._queue = queue
        self._models = models
        self._ceiling = Ceiling(services)
        self._limits = limits
        self._lang: Lang = lang
        self._block_s = block_s
        self._renew_s = renew_s
        self._grace_s = grace_s
        self._turn_limits = turn_limits or TurnLimits()
        self._pacer = DeltaPacer()
        self._slots = asyncio.Semaphore(at_once)
        self._stopping = asyncio.Event()
        self._running: dict[str, tuple[TurnRun, TurnLease]] = {}
        self._reclaim_at = 0.0
        self._in_progress: set[str] = set()  # running turns, and those about to run
        self._tasks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Take no more turns; finish the running ones within the grace time, or requeue them."""
        self._stopping.set()

    async def run(self) -> None:
        """Take turns until stopped. If cancelled, drop everything: leases run out and other workers continue."""
        await self._open()
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._follow_stops()), group.create_task(self._keep_leases())]
            taking = group.create_task(self._take_turns(group))
            await self._stopping.wait()
            await self._wind_up()  # at once, although the last wait for a turn may still run
            await taking
            for task in beside:
                task.cancel()
        try:
            await self._queue.leave(self.name)
        except ComandaError:
            logger.warning("agent.worker_unregister_failed", worker=self.name)

    # Taking turns

    async def _take_turns(self, group: asyncio.TaskGroup) -> None:
        wait_s = _BACKOFF_S[0]
        while await self._slot():
            try:
                lease = await self._next()
                wait_s = _BACKOFF_S[0]
            except ComandaError:
                self._slots.release()
                logger.warning("agent.queue_unavailable", retry_in_s=wait_s)
                await self._pause(wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_S[1])
                continue
            if lease is not None and self._stopping.is_set():
                await self._requeue(lease)  # it arrived during shutdown: nothing of its answer has been sent
                lease = None
            if lease is None or lease.job.turn_id in self._in_progress:
                self._slots.release()
                continue
            self._in_progress.add(lease.job.turn_id)  # before the first await, during which it might be claimed again
            task = group.create_task(self._work_on(lease), name=f"turn-{lease.job.turn_id}")
            self._tasks.add(task)
            task.add_done_callback(self._release_slot)

    async def _next(self) -> TurnLease | None:
        """A turn that lost its worker, else the next one that was asked. The former are looked for now and then:
        a question should not wait for that."""
        if time.monotonic() >= self._reclaim_at:
            self._reclaim_at = time.monotonic() + min(_RECLAIM_EVERY_S, self._renew_s)
            if lease := await self._queue.reclaim(self.name):
                self._reclaim_at = 0.0  # where one worker died, more turns may be left
                return lease
        return await self._queue.take(self.name, self._block_s)

    def _release_slot(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()

    async def _slot(self) -> bool:
        """Wait for room for one more turn; False once stopping."""
        slot = asyncio.ensure_future(self._slots.acquire())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([slot, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not slot.done():
                slot.cancel()
        if not self._stopping.is_set():
            return True
        if slot.done() and not slot.cancelled():
            self._slots.release()
        return False

    async def _work_on(self, lease: TurnLease) -> None:
        try:
            report = await self._answered(lease)
        except asyncio.CancelledError:
            if self._stopping.is_set():
                await self._requeue(lease)
            raise
        except Exception:
            # Left as it is: after its lease expires, a worker tries again.
            logger.exception("agent.turn_crashed", turn_id=lease.job.turn_id, chat_id=lease.job.chat_id)
            return
        finally:
            self._running.pop(lease.job.turn_id, None)
            self._in_progress.discard(lease.job.turn_id)
        if report is not None:
            logger.info(
                "agent.turn",
                turn_id=lease.job.turn_id,
                chat_id=lease.job.chat_id,
                attempt=report.attempt,
                ending=report.ended,
                **({"code": report.code} if report.code else {}),
                **(report.usage.model_dump(exclude_none=True) if report.usage else {}),
            )

    async def _answered(self, lease: TurnLease) -> Report | None:
        if lease.deliveries > MAX_DELIVERIES:
            return await self._abandon(lease)
        loaded = await read_turn(self._services.log, lease.job.turn_id)
        if loaded is None or loaded.turn.over:
            await self._queue.finish(lease)
            return None
        if not isinstance(loaded.turn.state, TurnState):
            # Only a newer worker knows this state, and may take the turn after the lease has expired.
            logger.warning("agent.turn_state_unknown", turn_id=lease.job.turn_id, chat_id=lease.job.chat_id)
            return None
        run = TurnRun(
            self._services,
            await self._ceiling.allowed(self._models),
            loaded,
            worker=self.name,
            limits=self._limits,
            fallback=self._lang,
            turn_limits=self._turn_limits,
            pacer=self._pacer,
        )
        self._running[lease.job.turn_id] = (run, lease)
        report = await run.run()
        if report.ended != "lost" or await self._is_over(lease):
            await self._queue.finish(lease)
        return report

    async def _is_over(self, lease: TurnLease) -> bool:
        """Return True if the turn was ended from outside: by a stop, or by a person who took over."""
        loaded = await read_turn(self._services.log, lease.job.turn_id)
        return loaded is None or loaded.turn.over

    async def _abandon(self, lease: TurnLease) -> Report | None:
        """End a turn whose every attempt crashed. Remove one that cannot even be ended from the queue."""
        job = lease.job
        logger.error("agent.turn_abandoned", turn_id=job.turn_id, chat_id=job.chat_id, deliveries=lease.deliveries)
        report = None
        for end in (self._fail, self._skip):
            try:
                report = await end(lease)
                break
            except (Conflict, Unavailable):
                raise  # for a while; there will be another delivery
            except Exception:
                logger.exception("agent.turn_end_failed", turn_id=lease.job.turn_id, chat_id=lease.job.chat_id)
        if report is None or report.ended != "lost":
            await self._queue.finish(lease)
        return report

    async def _fail(self, lease: TurnLease) -> Report | None:
        loaded = await read_turn(self._services.log, lease.job.turn_id)
        if loaded is None or loaded.turn.over:
            return None
        return await fail(
            self._services, loaded, "internal", worker=self.name, limits=self._limits, fallback=self._lang
        )

    async def _skip(self, lease: TurnLease) -> Report | None:
        error = failures.turn_error("internal", self._lang)
        skipped = await skip(self._services.log, lease, error, self._services.clock(), self._limits)
        return Report("failed", code="internal") if skipped else None

    # Beside

    async def _follow_stops(self) -> None:
        async with aclosing(self._queue.stops.listen()) as stops:
            async for stop in stops:
                if stop is None:
                    await self._check_stops()
                elif stop.job_id in self._running:
                    self._running[stop.job_id][0].stop(stop.by)

    async def _check_stops(self) -> None:
        for turn_id, (run, _) in list(self._running.items()):
            try:
                if by := await self._queue.stops.requested_by(turn_id):
                    run.stop(by)
            except Unavailable:
                return

    async def _keep_leases(self) -> None:
        while True:
            with suppress(ComandaError):  # logged by the loop that takes turns
                await self._queue.heartbeats.beat(self.name)
            await asyncio.sleep(self._renew_s)
            for run, lease in list(self._running.values()):
                try:
                    if not await self._queue.renew(self.name, lease):
                        run.lose()
                except ComandaError:
                    logger.warning("agent.lease_renewal_failed", turn_id=lease.job.turn_id)
            await self._check_stops()  # in case the channel was silently lost

    # Shutdown

    async def _wind_up(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._grace_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def _requeue(self, lease: TurnLease) -> None:
        try:
            await self._queue.give_back(self.name, lease)
            logger.info("agent.turn_requeued", turn_id=lease.job.turn_id, chat_id=lease.job.chat_id)
        except ComandaError:
            logger.warning("agent.turn_requeue_failed", turn_id=lease.job.turn_id)

    async def _open(self) -> None:
        wait_s = _BACKOFF_S[0]
        while not self._stopping.is_set():
            try:
                return await self._queue.open()
            except ComandaError:
                logger.warning("agent.queue_unavailable", retry_in_s=wait_s)
            await self._pause(wait_s)
            wait_s = min(wait_s * 2, _BACKOFF_S[1])

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
