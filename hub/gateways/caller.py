"""Whoever gives commands over a connection, whatever the connection is made of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hub.config import Limits
from hub.domain.commands import COMMANDS, Command, JoinRoom, LeaveRoom, Ping
from hub.domain.errors import ComandaError, RateLimited
from hub.domain.roles import Principal
from hub.fanout.entries import Brought
from hub.fanout.seats import Member
from hub.gateways.answers import as_error, ok, refused
from hub.gateways.commands import Commands
from hub.gateways.joining import Joining, as_data
from hub.gateways.limits import Bucket, Buckets
from hub.gateways.reads import Reads
from hub.services.access import Access
from hub.telemetry import Metrics

Then = Callable[[], None]

# A refusal costs the hub as much as a small command. A client that asks too often may have so many at once; after that
# each waits a moment, and with it everything that follows on the connection.
_REFUSALS_AT_ONCE = 100
_REFUSALS_S = 10.0
_SLOW_S = 0.1


@dataclass(frozen=True, slots=True)
class Desk:
    """What all connections share."""

    commands: Commands
    joining: Joining
    access: Access
    by_address: Buckets
    reads: Reads
    limits: Limits
    metrics: Metrics


class Caller:
    """One principal on one connection, at a bounded rate.

    What customers write counts against their address as well, the same as over HTTP: a connection is made anew in
    no time, an address is not.

    Attributes:
        principal: As it was let in. Each command is carried out with the roles that it has then.
        held: The principal, with every capability it has shown when it entered a room.
    """

    def __init__(self, desk: Desk, principal: Principal, address: str) -> None:
        self.principal = self.held = principal
        self._desk = desk
        self._address = address
        self._bucket = Bucket(desk.limits.commands_s, desk.limits.commands_burst)
        self._pings = Bucket(desk.limits.pings_s, desk.limits.pings_burst)
        self._refusals = Bucket(_REFUSALS_S, _REFUSALS_AT_ONCE)

    async def answer(self, member: Member, name: object, payload: object) -> tuple[dict[str, Any], Then | None]:
        """Carry out one command.

        Returns:
            The ack, and what is to happen once the ack is on its way: a room's events follow the answer to its join.
        """
        if name == Ping.name and _has_one(self._pings):  # a client asks whether its line is alive
            return ok({}), None
        label = name if isinstance(name, str) and name in COMMANDS else "unknown"
        started = time.perf_counter()
        then: Then | None = None
        try:
            self._bucket.take()
            if name == Ping.name:
                data: dict[str, Any] = {}
            else:
                data, then = await self._carry_out(member, self._desk.commands.parse(name, payload))
            ack, outcome = ok(data), "ok"
        except Exception as exc:  # the command's root
            error: ComandaError = as_error(exc, command=label, sid=member.id)
            ack, outcome = refused(error), error.code
        self._desk.metrics.commands.labels(label, outcome).inc()
        self._desk.metrics.command_seconds.labels(label).observe(time.perf_counter() - started)
        if outcome == RateLimited.code and not _has_one(self._refusals):
            await _wait()
        return ack, then

    async def bring(self, member: Member, command: JoinRoom) -> Brought | None:
        """Enter a room on the hub's own accord; the errors are those of `Joining.join`."""
        brought, shown = await self._desk.joining.bring(member, self.held, command)
        self.held = self.held.holding(shown)
        return brought

    async def _carry_out(self, member: Member, command: Command) -> tuple[dict[str, Any], Then | None]:
        who = await self._desk.access.current(self.principal)
        match command:
            case JoinRoom():
                held = replace(self.held, roles=who.roles, name=who.name)
                joined, shown = await self._desk.joining.join(member, held, command)
                self.held = self.held.holding(shown)
                return as_data(command.room, joined.view, command.only), joined.release
            case LeaveRoom():
                self._desk.joining.leave(member, command.room)
                return {}, None
            case _ if not who.is_staff:
                self._desk.by_address.of(self._address).take()
                return await self._desk.commands.carry_out(who, command), None
            case _:
                return await self._desk.commands.carry_out(who, command), None


def _has_one(bucket: Bucket) -> bool:
    """Take one from the bucket, if there is one."""
    try:
        bucket.take()
    except RateLimited:
        return False
    return True


async def _wait() -> None:
    await asyncio.sleep(_SLOW_S)
