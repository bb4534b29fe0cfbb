"""The state of Redis as commits see it. Logs once when Redis refuses them, and once when it accepts them again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from hub.store.redis.error_translation import ADVICE, Refusal, WritesRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.core.errors import ComandaError

logger = structlog.get_logger(__name__)

EVICTS = "evicts"  # the reason beside those of `Refusal`
REASONS = (*Refusal, EVICTS)


class Condition:
    """The outcome of this process's latest commit, and Redis's eviction policy.

    A Redis that cannot be reached is not logged here: the relay logs that.

    Attributes:
        refusal: The reason why Redis refused the last commit; None: Redis accepted it.
        policy: The policy by which Redis evicts keys when its memory is full; empty: it evicts none.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.refusal: Refusal | None = None
        self.policy = ""
        self._monotonic = monotonic
        self._since = 0.0

    @property
    def reason(self) -> str | None:
        """The reason not to rely on this Redis now, one of `REASONS`; None if there is none."""
        return self.refusal or (EVICTS if self.policy else None)

    def counts(self, reason: str) -> float:
        """Return 1 while this is the reason, else 0; for metrics."""
        return float(self.reason == reason)

    def failed(self, error: ComandaError) -> None:
        """Note that a commit failed with this error."""
        if not isinstance(error, WritesRefused) or error.refusal is self.refusal:
            return
        self._over()
        self.refusal, self._since = error.refusal, self._monotonic()
        if error.refusal is not Refusal.UNREACHABLE:
            logger.error(
                "redis.refuses_writes",
                reason=str(error.refusal),
                detail=error.message,
                advice=ADVICE[error.refusal],
            )

    def taken(self) -> None:
        """Note that Redis accepted a commit."""
        if self.refusal is not None:
            self._over()

    def evicts_by(self, policy: str) -> None:
        """Note Redis's eviction policy; empty: it evicts nothing."""
        if policy == self.policy:
            return
        self.policy = policy
        if policy:
            logger.error(
                "redis.evicts",
                policy=policy,
                detail="this Redis deletes data when its memory is full",
                advice="set its maxmemory-policy to noeviction",
            )
        else:
            logger.info("redis.evicts_no_more")

    def _over(self) -> None:
        refusal, self.refusal = self.refusal, None
        if refusal is not None and refusal is not Refusal.UNREACHABLE:
            seconds = round(self._monotonic() - self._since, 1)
            logger.info("redis.takes_writes_again", reason=str(refusal), after_s=seconds)
