"""The commands of one connection, Socket.IO or plain WebSocket: carried out at a bounded rate, and answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.config.limit_settings import ConnectionLimits
from hub.core.errors import ComandaError, RateLimited
from hub.domain.answers import Answer, Empty
from hub.domain.commands import COMMANDS, Command, JoinRoom, LeaveRoom, Ping
from hub.domain.roles import Principal
from hub.gateways.command_table import Commands
from hub.gateways.envelope import as_error, ok, refused
from hub.gateways.joined_room import JoinedRoom
from hub.gateways.joins import Joins
from hub.gateways.rate_limits import Bucket, Buckets
from hub.gateways.read_limits import ReadLimits
from hub.gateways.welcome import Pong
from hub.relay.join import ServerJoin
from hub.relay.member import Member
from hub.services.auth.access import Access
from hub.telemetry import Metrics

Then = Callable[[], None]

# A refusal costs the hub as much as a small command. A client that asks too often may get this many at once; after that
# each refusal is delayed, and with it everything that follows on the connection.
_REFUSALS_AT_ONCE = 100
_REFUSALS_S = 10.0
_SLOW_S = 0.1


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The parts that the command sessions of all connections share."""

    commands: Commands
    joins: Joins
    access: Access
    by_address: Buckets
    reads: ReadLimits
    limits: ConnectionLimits
    metrics: Metrics
    clock: Callable[[], datetime]


class CommandSession:
    """Carries out the commands of one principal on one connection, at a bounded rate.

    What customers write counts against their address as well, the same as over HTTP: a new connection is cheap, a
    new address is not.

    Args:
        held: The principal with the capabilities of a session that it resumes.

    Attributes:
        principal: As it was when the connection was accepted. Each command is carried out with its current roles.
        held: The principal, with every capability it has shown when it entered a room.
    """

    def __init__(
        self, context: CommandContext, principal: Principal, address: str, held: Principal | None = None
    ) -> None:
        self.principal = principal
        self.held = principal if held is None else held
        self._context = context
        self._address = principal.address or address  # a partner counts by its key
        self._bucket = Bucket(context.limits.commands_s, context.limits.commands_burst)
        self._pings = Bucket(context.limits.pings_s, context.limits.pings_burst)
        self._refusals = Bucket(_REFUSALS_S, _REFUSALS_AT_ONCE)

    async def answer(self, member: Member, name: object, payload: object) -> tuple[dict[str, Any], Then | None]:
        """Carry out one command.

        Returns:
            The ack, and what to do once the ack is on its way: a room's events follow the answer to its join.
        """
        if name == Ping.name and _has_one(self._pings):  # a client checks that its connection is alive
            return ok(Pong(at=self._context.clock())), None
        label = name if isinstance(name, str) and name in COMMANDS else "unknown"
        started = time.perf_counter()
        then: Then | None = None
        try:
            self._bucket.take()
            if name == Ping.name:
                data: Answer = Pong(at=self._context.clock())
            else:
                data, then = await self._carry_out(member, self._context.commands.parse(name, payload))
            ack, outcome = ok(data), "ok"
        except Exception as exc:  # the command's root
            error: ComandaError = as_error(exc, command=label, sid=member.id)
            ack, outcome = refused(error), error.code
        self._context.metrics.commands.labels(label, outcome).inc()
        self._context.metrics.command_seconds.labels(label).observe(time.perf_counter() - started)
        await self.slow_down(outcome)
        return ack, then

    async def admit(self) -> Principal:
        """Count a message that is no command like one; return the principal, with its capabilities, as it is now.

        Raises:
            RateLimited: The connection, or its address, sends too much.
            Unauthorized: The principal's token has ended.
        """
        self._bucket.take()
        who = await self._context.access.current(self.principal)
        if not who.is_staff:
            self._context.by_address.of(self._address).take()
        return self._with_capabilities(who)

    async def slow_down(self, outcome: str) -> None:
        """Wait, if this is one refusal too many for the rate of the connection.

        Args:
            outcome: The code of a refusal; any other text for none.
        """
        if outcome == RateLimited.code and not _has_one(self._refusals):
            await _wait()

    async def server_join(self, member: Member, command: JoinRoom) -> ServerJoin | None:
        """Join a room on the hub's initiative; the errors are those of `Joins.join`."""
        joined, shown = await self._context.joins.server_join(member, self.held, command)
        self.held = self.held.holding(shown)
        return joined

    async def _carry_out(self, member: Member, command: Command) -> tuple[Answer, Then | None]:
        who = await self._context.access.current(self.principal)
        match command:
            case JoinRoom():
                joined, shown = await self._context.joins.join(member, self._with_capabilities(who), command)
                self.held = self.held.holding(shown)
                return JoinedRoom.of(command.room, joined.view, command.only), joined.release
            case LeaveRoom():
                self._context.joins.leave(member, command.room)
                return Empty(), None
            case _ if not who.is_staff:
                self._context.by_address.of(self._address).take()
                return await self._context.commands.carry_out(who, command), None
            case _:
                return await self._context.commands.carry_out(who, command), None

    def _with_capabilities(self, who: Principal) -> Principal:
        """Return the principal as it is now, with every capability that the connection has shown."""
        return replace(self.held, roles=who.roles, scopes=who.scopes, name=who.name)


def _has_one(bucket: Bucket) -> bool:
    """Take one from the bucket, if there is one."""
    try:
        bucket.take()
    except RateLimited:
        return False
    return True


async def _wait() -> None:
    await asyncio.sleep(_SLOW_S)
