"""Positions from the couriers' own apps: checked, coalesced, and passed on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from hub.core.errors import ComandaError
from hub.domain.lifecycle import rule_of
from hub.domain.positions import Fix, Track, Verdict
from hub.domain.roles import Principal
from hub.domain.rooms import KITCHEN
from hub.services.couriers import CourierService
from hub.services.document_names import ACTIVE_ORDERS, ORDER
from hub.services.service_bounds import MAX_RIDES_BYTES, MAX_RIDES_READ, MAX_TRACKS
from hub.services.stored_documents import load_objects
from hub.services.ttl_cache import TtlCache
from hub.store.log import EventLog, ViewQuery

logger = structlog.get_logger(__name__)

EVERY_S = 1.0  # at most one position of each courier is passed on in this time, the newest
_ALL = "all"
Rides = Mapping[str, Sequence[str]]  # by courier, the orders on the road


class CourierPositions:
    """Takes positions as phones report them, and passes on each courier's newest one, once a second.

    Positions are kept in memory only. An order that leaves is followed within a few seconds; one that has arrived is
    left at once, because `CourierService.pass_on` reads each order anew.
    """

    def __init__(
        self, log: EventLog, couriers: CourierService, clock: Callable[[], datetime], every_s: float = EVERY_S
    ) -> None:
        self._log = log
        self._couriers = couriers
        self._clock = clock
        self._every_s = every_s
        self._tracks: OrderedDict[str, Track] = OrderedDict()
        self._waiting: dict[str, Fix] = {}  # bounded by `_tracks`: only a newest position waits
        self._some_wait = asyncio.Event()
        self._rides: TtlCache[str, Rides] = TtlCache(self._read_rides, most=1)

    def take(self, courier: Principal, fixes: Sequence[Fix]) -> list[Verdict]:
        """Take what a courier's phone reports: one position, or several that it could not send before.

        Args:
            fixes: In any order.

        Returns:
            What becomes of each, the earliest first.
        """
        track = self._track(courier.id)
        verdicts: list[Verdict] = []
        for fix in sorted(fixes, key=lambda each: each.at):
            verdicts.append(track.judge(fix, self._clock()))
            if verdicts[-1] is Verdict.TAKEN:
                self._waiting[courier.id] = fix
                self._some_wait.set()
        return verdicts

    async def run(self) -> None:
        """Pass positions on until cancelled."""
        while True:
            await self._some_wait.wait()
            await self.pass_on()
            await asyncio.sleep(self._every_s)

    async def pass_on(self) -> None:
        """Pass on the positions that wait. One that cannot be passed on now is dropped: the next one is newer."""
        waiting, self._waiting = self._waiting, {}
        self._some_wait.clear()
        try:
            rides = await self._rides.get(_ALL)
            for courier_id, fix in waiting.items():
                if order_ids := rides.get(courier_id):
                    await self._couriers.pass_on(courier_id, order_ids, fix)
        except ComandaError as exc:
            logger.warning("positions.not_passed_on", code=exc.code)
        except Exception:  # the task's root: a position that fails must not end the process
            logger.exception("positions.not_passed_on")

    def _track(self, courier_id: str) -> Track:
        track = self._tracks.pop(courier_id, None) or Track()
        self._tracks[courier_id] = track
        if len(self._tracks) > MAX_TRACKS:
            forgotten, _ = self._tracks.popitem(last=False)
            self._waiting.pop(forgotten, None)
        return track

    async def _read_rides(self, _all: str) -> Rides:
        query = ViewQuery(
            room=str(KITCHEN),
            after=None,
            epoch=None,
            limit=0,
            index=ACTIVE_ORDERS,
            index_kind=ORDER,
            index_limit=MAX_RIDES_READ,
            index_bytes=MAX_RIDES_BYTES,
            oldest=True,
        )
        rides: defaultdict[str, list[str]] = defaultdict(list)
        for order in load_objects(self._log, (await self._log.view(query)).indexed, "id", "status"):
            rule, courier = rule_of(order["status"]), order.get("courier")
            if rule is not None and rule.on_the_road and isinstance(courier, dict):
                rides[str(courier.get("id"))].append(order["id"])
        return rides
