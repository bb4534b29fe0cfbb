"""The periodic work of a branch: overdue orders, stale turns, former staff, memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hub.branch import Branch
from hub.core.errors import ComandaError
from hub.ops.former_staff import FormerStaff
from hub.store.redis.error_translation import WritesRefused

logger = structlog.get_logger(__name__)

HOUSEKEEPING_S = 5.0
_TRIM_ROUNDS = 60


class Housekeeping:
    """Does a branch's periodic work while Redis answers.

    Every hub process does all of it. Each piece is safe to do twice: whichever process comes second finds nothing.

    Args:
        former_staff: The connections to check.
        check_callers: Looks for a proxy that hides its callers (`CallerWatch.look`).
        agent_wait_s: Age in seconds at which a question that no worker has taken fails.
        outbound_kept_s: Age in seconds at which events for readers outside are removed.
        every_s: Seconds between two rounds.

    Attributes:
        settled: Set after the first whole round: what a start writes has been written.
    """

    def __init__(
        self,
        branch: Branch,
        former_staff: FormerStaff,
        check_callers: Callable[[], Awaitable[None]],
        *,
        agent_wait_s: float,
        outbound_kept_s: int,
        every_s: float = HOUSEKEEPING_S,
    ) -> None:
        self.former_staff = former_staff
        self._branch = branch
        self._check_callers = check_callers
        self._agent_wait_s = agent_wait_s
        self._outbound_kept_s = outbound_kept_s
        self._every_s = every_s
        self._rounds = 0
        self._prepared_epoch = ""
        self.settled = asyncio.Event()

    async def run(self) -> None:
        """Do the work, round after round, until cancelled."""
        while True:
            await self._branch.relay.wait_live()
            try:
                await self.once()
                self.settled.set()
            except WritesRefused:
                pass  # the log reports a Redis that refuses writes, once
            except ComandaError as exc:
                logger.warning("housekeeping.failed", code=exc.code)
            except Exception:  # the task's root
                logger.exception("housekeeping.failed")
            await asyncio.sleep(self._every_s)

    async def once(self) -> None:
        """Do one round.

        Raises:
            ComandaError: A piece of the work failed; those after it were not done.
        """
        services = self._branch.services
        await self._prepare_epoch()
        await services.memory.look()
        await self.former_staff.disconnect()
        await self._check_callers()
        await services.expiry.end_overdue()
        if ended := await services.stale_turns.end(self._agent_wait_s):
            logger.warning("housekeeping.stale_turns_ended", turns=ended)
        if reclaimed := await services.turn_slots.give_back_lost():
            logger.warning("housekeeping.turn_slots_reclaimed", slots=reclaimed)
        if self._rounds % _TRIM_ROUNDS == 0:
            await self._branch.outbound.trim(self._outbound_kept_s)
        self._rounds += 1

    async def _prepare_epoch(self) -> None:
        """Write the stock of an epoch that this process sees for the first time; repair what older hubs did not keep.

        A log that begins a new epoch has lost its counters, and what is not counted is never sold out.
        """
        epoch = (await self._branch.log.position()).epoch
        if self._prepared_epoch == epoch:
            return
        await self._branch.services.stock.open_branch()
        await self._branch.services.former_dishes.remember()
        if repaired := await self._branch.services.board.repair():
            logger.info("board.unseen_index_repaired", orders=repaired)
        if reserved := await self._branch.services.codes.reserve_open():
            logger.info("orders.codes_reserved", orders=reserved)
        self._prepared_epoch = epoch
