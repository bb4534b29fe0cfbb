"""The couriers' phones: where each ride is, every two seconds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

import structlog

from comanda import Comanda, Refused, Unreachable
from hub.simulate.customers import BRANCH
from hub.simulate.ticket import Ticket

EVERY_S = 2.0
METRES_A_DEGREE = 111_320.0

log = structlog.get_logger(__name__)


class Radio:
    """Positions are worth nothing a second later: whatever goes wrong here, the ride goes on without them."""

    def __init__(self, hub: Comanda) -> None:
        self._hub = hub
        self._allowed = True

    async def ride(self, ticket: Ticket, takes_s: float) -> None:
        """Ride from the branch to the customer's address in `takes_s` seconds, and report the position."""
        clock = asyncio.get_running_loop()
        started = clock.time()
        door = (ticket.lat or BRANCH[0] + 0.008, ticket.lon or BRANCH[1] + 0.006)
        while (left_s := started + takes_s - clock.time()) > 0:
            if self._allowed:
                fix = _fix(door, 1 - left_s / takes_s, takes_s)
                await self._report({"order_id": ticket.id, **fix}, min(EVERY_S, left_s))
            left_s = started + takes_s - clock.time()
            await asyncio.sleep(max(0.0, min(EVERY_S, left_s)))

    async def _report(self, position: Mapping[str, object], timeout_s: float) -> None:
        try:
            await self._hub.command("courier.report", position, timeout_s=timeout_s)
        except Unreachable:
            return
        except Refused as refused:
            # Permanent for this token; any other refusal (the order has ended) concerns this ride only.
            self._allowed = refused.code not in ("forbidden", "unauthorized")
            log.info("position_refused", order_id=position["order_id"], code=refused.code)


def _fix(door: tuple[float, float], part: float, takes_s: float) -> dict[str, float]:
    """Return the position of a rider who has covered this part of the straight line to the address."""
    north, east = door[0] - BRANCH[0], (door[1] - BRANCH[1]) * math.cos(math.radians(BRANCH[0]))
    metres = math.hypot(north, east) * METRES_A_DEGREE
    return {
        "lat": round(BRANCH[0] + (door[0] - BRANCH[0]) * part, 6),
        "lon": round(BRANCH[1] + (door[1] - BRANCH[1]) * part, 6),
        "accuracy_m": 8.0,
        "heading": round(math.degrees(math.atan2(east, north)) % 360, 1) % 360,
        "speed_m_s": min(200.0, round(metres / max(takes_s, 1.0), 1)),
    }
