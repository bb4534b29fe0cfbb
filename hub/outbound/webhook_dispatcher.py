"""Runs the webhooks of a branch: a runner for each endpoint, shared among any number of processes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import ComandaError, Conflict, Unavailable
from hub.outbound.endpoint_runner import EndpointRunner
from hub.outbound.endpoint_store import EndpointStore
from hub.outbound.follower import LeaseLost
from hub.outbound.runner_settings import RunnerSettings, runner_settings
from hub.outbound.webhook_sender import WebhookSender
from hub.services.webhooks.webhook_documents import read_endpoints
from hub.store.outbound_stream import OutboundStream, ReaderLease

if TYPE_CHECKING:
    from hub.config import Settings
    from hub.outbound.safe_http import SafeHttpClient
    from hub.services.build import Services
    from hub.store.log import EventLog

logger = structlog.get_logger(__name__)

_TAIL = 1_000
_TAIL_WAIT_S = 2.0


class WebhookDispatcher:
    """Keeps a runner for each enabled endpoint whose lease this process can get.

    Args:
        owner: This process, by a name that no other has.
        settings: What the runners have in common.
        look_s: The time after which a new endpoint is seen, in seconds, and one whose process died is tried again.
    """

    def __init__(
        self,
        log: EventLog,
        client: SafeHttpClient,
        owner: str,
        settings: RunnerSettings,
        *,
        look_s: float = 2.0,
        lease_s: float = 6.0,
    ) -> None:
        self._log = log
        self._sender = WebhookSender(client)
        self._owner = owner
        self._settings = settings
        self._look_s = look_s
        self._lease_s = lease_s
        self._stream = OutboundStream(log.calls, log.keys)
        self._runners: dict[str, EndpointRunner] = {}

    async def run(self) -> None:
        """Deliver until cancelled. Redis need not answer yet."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="webhooks-tail")
            while True:
                try:
                    for stored in await read_endpoints(self._log):
                        if stored.endpoint.enabled and stored.endpoint.id not in self._runners:
                            self._start(stored.endpoint.id, tasks)
                except Unavailable:
                    pass  # the next look comes soon
                await asyncio.sleep(self._look_s)

    def _start(self, webhook_id: str, tasks: asyncio.TaskGroup) -> None:
        lease = ReaderLease(self._log.calls, self._log.keys, f"webhook-{webhook_id}", self._owner, ttl_s=self._lease_s)
        store = EndpointStore(self._log, webhook_id)
        self._runners[webhook_id] = EndpointRunner(store, self._stream, lease, self._sender, self._settings)
        tasks.create_task(self._run(webhook_id), name=f"webhook-{webhook_id}")

    async def _run(self, webhook_id: str) -> None:
        """Run one endpoint once. Whatever ends it, the next look begins it again, if it is still there."""
        try:
            await self._runners[webhook_id].run()
        except (LeaseLost, Conflict):
            logger.info("webhook.taken_over", webhook_id=webhook_id)
        except ComandaError as exc:
            logger.warning("webhook.interrupted", webhook_id=webhook_id, code=exc.code)
        except Exception:  # the task's root
            logger.exception("webhook.failed", webhook_id=webhook_id)
        finally:
            del self._runners[webhook_id]

    async def _listen(self) -> None:
        """Wake the runners when the outbound stream has something new."""
        cursor = ""
        while True:
            try:
                cursor = cursor or await self._stream.last()
                if page := await self._stream.read(cursor, _TAIL, wait_s=_TAIL_WAIT_S):
                    cursor = page[-1].cursor
                    for runner in self._runners.values():
                        runner.hear()
            except Unavailable:
                await asyncio.sleep(self._look_s)


def build_dispatcher(services: Services, settings: Settings, client: SafeHttpClient, owner: str) -> WebhookDispatcher:
    """Return the dispatcher of a branch.

    Args:
        owner: This process, by a name that no other has.
    """
    kept = timedelta(seconds=settings.outbound_kept_s)
    common = runner_settings(services.clock, services.notifications.call_staff, settings.lang, kept)
    return WebhookDispatcher(services.log, client, owner, common)
