"""What the runners of all endpoints have in common."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hub.domain.texts import Lang
from hub.domain.webhooks import DISABLED_TEXTS, EndpointState, WebhookEndpoint, host_of

if TYPE_CHECKING:
    from hub.store.log import NewEvent

RETRY_FOR = timedelta(days=3)
_LEAVES_SOON = timedelta(minutes=10)  # an event is given up so long before it leaves the stream


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """What all runners of a process have in common.

    Attributes:
        clock: Returns the time, in UTC and whole milliseconds.
        chance: Returns a number from 0 to 1, for the jitter of the waits.
        notice: Returns the event that tells managers of a disabled endpoint.
        retry_for: The time after an event for which its delivery is tried.
        refresh_s: The time after which changes of the endpoint, and what is to be sent again, are seen, in seconds.
        save_s: The time between two writes of the progress, in seconds. What was delivered since the last one is
            delivered again after a crash.
    """

    clock: Callable[[], datetime]
    chance: Callable[[], float]
    notice: Callable[[WebhookEndpoint, EndpointState], NewEvent]
    retry_for: timedelta = RETRY_FOR - _LEAVES_SOON
    refresh_s: float = 2.0
    save_s: float = 0.5


def retry_for(kept: timedelta) -> timedelta:
    """Return the time after an event for which it is tried, where events stay in the stream for so long."""
    return min(RETRY_FOR, kept) - _LEAVES_SOON


def runner_settings(
    clock: Callable[[], datetime], call_staff: Callable[[str], NewEvent], lang: Lang, kept: timedelta
) -> RunnerSettings:
    """Return the settings of runners that tell managers of a disabled endpoint.

    Args:
        call_staff: Return the event of a notice.
        lang: The language of notices.
        kept: The time for which events stay in the outbound stream.
    """

    def notice(endpoint: WebhookEndpoint, state: EndpointState) -> NewEvent:
        return call_staff(DISABLED_TEXTS[state].in_(lang).format(name=endpoint.description or host_of(endpoint.url)))

    return RunnerSettings(clock, random.random, notice, retry_for(kept))
