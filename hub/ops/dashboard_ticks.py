"""Sends the dashboard's figures to the screens of this process."""

from __future__ import annotations

import asyncio

import structlog

from hub.branch import Branch
from hub.core.errors import ComandaError
from hub.domain.events import FloorTick
from hub.domain.rooms import DASHBOARD

logger = structlog.get_logger(__name__)

TICK_S = 2.0


class DashboardTicks:
    """Sends the branch's figures to its dashboard's members, while there are any in this process.

    Each process sends its own ticks: a screen gets one at a time, and always about the same process's connections.
    """

    def __init__(self, branch: Branch, every_s: float = TICK_S) -> None:
        self._branch = branch
        self._every_s = every_s

    async def run(self) -> None:
        """Send ticks until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            if not self._branch.relay.has_members(str(DASHBOARD)):
                continue
            try:
                await self._send()
            except ComandaError as exc:
                logger.warning("dashboard.tick_failed", code=exc.code)
            except Exception:  # the task's root: a figure that fails must not end the process
                logger.exception("dashboard.tick_failed")

    async def _send(self) -> None:
        services = self._branch.services
        tick = FloorTick(figures=(await services.figures.read()).as_json())
        self._branch.relay.publish_locally(str(DASHBOARD), tick.type, tick.body(services.clock()))
