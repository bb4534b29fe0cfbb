"""One branch: its event log, services, relay and recovery, built in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from redis.asyncio import Redis

from hub.config import Settings
from hub.config.secret_key import PreviousSecret
from hub.domain.menu import Menu
from hub.domain.rooms import Room
from hub.relay.relay import Relay
from hub.services.build import Services, build_log, build_services
from hub.socketio.recovery import Recovery
from hub.socketio.session import Session
from hub.store.high_water_mark import HighWaterMark
from hub.store.log import EventLog
from hub.store.outbound_stream import OutboundStream
from hub.store.session_store import SessionStore
from hub.store.witness import Witness
from hub.telemetry import Metrics


@dataclass(frozen=True, slots=True)
class Branch:
    """Everything that belongs to one branch, and nothing that is global to the process.

    A process can hold several branches over one Redis: their keys, channels, tokens and records never meet. The
    Redis client, the gateways and their limits belong to the process; `build_branch` receives what it needs of them.

    Attributes:
        name: The branch's name, as in `COMANDA_BRANCH`.
        log: The event log.
        services: The services over the log, the queue of agent turns among them.
        relay: The fan-out of the log's events to the members in this process.
        recovery: The stored Socket.IO sessions, and their return.
        outbound: The events for readers outside.
        witness: The record on disk of the furthest place seen in the log.

    Example:
        branch = build_branch(settings, redis, secret, menu, metrics)
        branch.open()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(branch.run(server.sessions))
            ...
            running.cancel()
        await branch.aclose()
    """

    name: str
    log: EventLog
    services: Services
    relay: Relay
    recovery: Recovery
    outbound: OutboundStream
    witness: Witness

    def open(self) -> None:
        """Read and lock the branch's record. Call it before anybody is served: a log that lost its tail then begins a
        new epoch first.
        """
        self.witness.open()

    async def run(self, sessions: Iterable[Session]) -> None:
        """Hear the log, keep sessions alive and write the record, until cancelled. Redis need not answer yet.

        Args:
            sessions: The branch's Socket.IO sessions in this process; read again at each round.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.relay.run())
            tasks.create_task(self.recovery.run(sessions))
            tasks.create_task(self.witness.run())

    async def aclose(self) -> None:
        """Release what the branch holds; the Redis client stays open."""
        self.services.close()
        await self.log.aclose()
        self.witness.close()


def build_branch(
    settings: Settings,
    redis: Redis,
    secret: bytes,
    menu: Menu,
    metrics: Metrics,
    *,
    previous: PreviousSecret | None = None,
    connections: Callable[[], int] = lambda: 0,
) -> Branch:
    """Build the branch that the settings name.

    Args:
        redis: The client shared by all branches of the process; from `connect`.
        secret: The key that signs tokens.
        previous: The key before it, if tokens of it may still be accepted.
        metrics: The process's metrics; all branches count into the same ones.
        connections: Returns the number of connections of this process, for the dashboard.
    """
    seen = HighWaterMark()
    log = build_log(
        redis,
        settings,
        seen,
        on_cursor_ahead=metrics.cursors_ahead.inc,
        on_unreadable=metrics.unreadable.inc,
    )
    services = build_services(log, settings, secret, menu, previous=previous, connections=connections)
    relay = Relay(
        log,
        redis,
        view=lambda room: services.views.read(Room.parse(room)),
        clock=services.clock,
        deadline_s=settings.redis_deadline_s,
    )
    recovery = Recovery(
        SessionStore(log.calls, log.keys),
        relay,
        settings.recovery_s,
        lambda outcome: metrics.returns.labels(outcome).inc(),
    )
    outbound = OutboundStream(log.calls, log.keys)
    return Branch(settings.branch, log, services, relay, recovery, outbound, Witness(settings.witness_dir, seen))
