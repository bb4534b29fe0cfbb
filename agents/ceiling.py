"""The branch's daily ceiling on tokens: past it, the offline model answers in place of the metered ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from agents.chain import Model
from agents.offline.model import OfflineLLM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.tallies import TurnsToday
    from hub.services.build import Services

logger = structlog.get_logger(__name__)


class Ceiling:
    """Select the models that may answer the next turn. A running turn keeps the models that it began with."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._offline = Model("offline", OfflineLLM.serving(services.menu.menu))
        self._reached = False

    async def allowed(self, models: Sequence[Model]) -> Sequence[Model]:
        """Return the models that may answer now, in their order; the offline model if there is no other.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        free = [model for model in models if not model.metered]
        if len(free) == len(models):
            return models
        today = await self._services.usage_limits.today()
        if today.ceiling_reached != self._reached:
            self._reached = today.ceiling_reached
            self._log(today)
        return (free or [self._offline]) if self._reached else models

    def _log(self, today: TurnsToday) -> None:
        if today.ceiling_reached:
            logger.warning("agent.daily_ceiling_reached", tokens=today.tokens, ceiling=today.ceiling, answers="offline")
        else:
            logger.info("agent.daily_ceiling_lifted", tokens=today.tokens, ceiling=today.ceiling)
