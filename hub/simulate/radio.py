"""The couriers' phones: where each ride is, every two seconds, over one Socket.IO connection."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from types import TracebackType
from typing import Any

import aiohttp
import socketio
import structlog
from socketio import exceptions

from hub.simulate.customers import BRANCH
from hub.simulate.ticket import Ticket

EVERY_S = 2.0
ANSWER_S = 5.0
AGAIN_S = 10.0  # between two tries to connect
METRES_A_DEGREE = 111_320.0

log = structlog.get_logger(__name__)


class Radio:
    """Positions are worth nothing a second later: whatever goes wrong here, the ride goes on without them."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._token = token
        self._socket: Any = None
        self._turn = asyncio.Lock()
        self._not_before = 0.0
        self._allowed = True

    async def __aenter__(self) -> Radio:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._hang_up()

    async def ride(self, ticket: Ticket, takes_s: float) -> None:
        """Ride from the branch to the customer's door in `takes_s` seconds, saying where one is."""
        clock = asyncio.get_running_loop()
        started = clock.time()
        door = (ticket.lat or BRANCH[0] + 0.008, ticket.lon or BRANCH[1] + 0.006)
        while (ridden_s := clock.time() - started) < takes_s:
            if self._allowed and await self._connected():
                await self._report({"order_id": ticket.id, **_fix(door, ridden_s / takes_s, takes_s)})
            left_s = takes_s - (clock.time() - started)
            await asyncio.sleep(max(0.0, min(EVERY_S, left_s)))

    async def _connected(self) -> bool:
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._socket is not None and self._socket.connected:
                return True
            if now < self._not_before:
                return False
            self._not_before = now + AGAIN_S
            await self._hang_up()
            # Its own reconnection would be one more task that nobody owns; its own session it would not close
            # after a connection that failed.
            self._socket = socketio.AsyncClient(reconnection=False, http_session=self._http)
            try:
                async with asyncio.timeout(ANSWER_S + 1):
                    await self._socket.connect(
                        self._url,
                        auth={"token": self._token},
                        transports=["websocket"],
                        wait_timeout=ANSWER_S,
                    )
            except (exceptions.SocketIOError, TimeoutError, OSError) as exc:
                log.info("couriers_offline", error=str(exc))
                return False
            return True

    async def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(exceptions.SocketIOError, OSError):
                await self._socket.shutdown()

    async def _report(self, position: dict[str, Any]) -> None:
        try:
            answer = await self._socket.call("courier.report", position, timeout=ANSWER_S)
        except (exceptions.SocketIOError, OSError):
            return
        if isinstance(answer, dict) and not answer.get("ok"):
            code = answer.get("error", {}).get("code")
            # Not for this token, ever; anything else (the order ended meanwhile) concerns this ride alone.
            self._allowed = code not in ("forbidden", "unauthorized")
            log.info("position_refused", order_id=position["order_id"], code=code)


def _fix(door: tuple[float, float], part: float, takes_s: float) -> dict[str, float]:
    """Where a rider is after a part of the straight way to a door."""
    north, east = door[0] - BRANCH[0], (door[1] - BRANCH[1]) * math.cos(math.radians(BRANCH[0]))
    metres = math.hypot(north, east) * METRES_A_DEGREE
    return {
        "lat": round(BRANCH[0] + (door[0] - BRANCH[0]) * part, 6),
        "lon": round(BRANCH[1] + (door[1] - BRANCH[1]) * part, 6),
        "accuracy_m": 8.0,
        "heading": round(math.degrees(math.atan2(east, north)) % 360, 1) % 360,
        "speed_m_s": min(200.0, round(metres / max(takes_s, 1.0), 1)),
    }
