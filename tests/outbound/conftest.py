"""A branch whose webhooks are delivered to partners on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from hub.core.target_policy import TargetPolicy
from hub.domain import commands as cmd
from hub.domain.values import to_milliseconds
from hub.outbound.runner_settings import RunnerSettings
from hub.outbound.safe_http import safe_http_client
from hub.outbound.webhook_dispatcher import WebhookDispatcher
from hub.services.webhooks.webhook_service import WebhookService
from tests.support.partner import Partner, a_partner
from tests.support.services_harness import MANAGER, Branch, open_branch

ALLOWED = TargetPolicy(("http://127.0.0.1",))


class MovedClock:
    """The real time, moved on by a test: signatures carry the time, which partners check."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return to_milliseconds(datetime.now(UTC) + self.ahead)

    def turn(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class WebhookBranch:
    """A branch, and the processes that deliver its webhooks."""

    branch: Branch
    clock: MovedClock
    webhooks: Any
    deadline_s: float = 5.0
    names: Any = field(default_factory=lambda: count(1))

    async def endpoint(self, partner: Partner, *types: str) -> str:
        """Add a partner's endpoint; the partner gets the secret."""
        added = await self.webhooks.add(MANAGER, cmd.AddWebhook(url=partner.url, types=types or ("order.*",)))
        partner.secrets.append(added.secret)
        return str(added.webhook.id)

    @asynccontextmanager
    async def process(self, **settings: Any) -> AsyncIterator[asyncio.Task[None]]:
        """Run a process that delivers. To kill it as a crash would, cancel nothing: see `crashing`."""
        notifications = self.branch.services.notifications

        def notice(endpoint: Any, state: Any) -> Any:
            return notifications.call_staff(f"{endpoint.url} {state}")

        common = RunnerSettings(self.clock, lambda: 0.5, notice, **{"refresh_s": 0.02, "save_s": 0.0, **settings})
        async with safe_http_client(ALLOWED, deadline_s=self.deadline_s) as client:
            dispatcher = WebhookDispatcher(
                self.branch.log, client, f"process-{next(self.names)}", common, look_s=0.02, lease_s=1.0
            )
            task = asyncio.create_task(dispatcher.run())
            try:
                yield task
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait until something that is stored holds."""
        while not await done():  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)

    async def state_of(self, webhook_id: str) -> str:
        return str((await self.webhooks.get(MANAGER, webhook_id)).webhook.state)

    async def dead(self, webhook_id: str) -> list[Any]:
        page = await self.branch.services.dead_letters.list(MANAGER, webhook_id, 200, None)
        return list(page.dead)


@pytest.fixture
async def house() -> AsyncIterator[WebhookBranch]:
    async with open_branch() as branch:
        clock = MovedClock()
        branch.clock.now = clock()
        ids = (f"w{number}" for number in count(1))
        webhooks = WebhookService(branch.log, ALLOWED, clock, lambda: next(ids))
        yield WebhookBranch(branch, clock, webhooks)


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    async with a_partner() as opened:
        yield opened
