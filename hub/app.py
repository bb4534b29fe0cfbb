"""The composition root: the one place where the hub's parts are made and joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import structlog
from aiohttp import web

from hub.bootstrap import CannotStart
from hub.config import STATIC_DIR, Settings
from hub.domain.errors import ComandaError, Unauthorized
from hub.domain.events import FloorTick
from hub.domain.menu import Menu
from hub.domain.roles import Principal
from hub.domain.rooms import FLOOR
from hub.eventlog.condition import REASONS
from hub.eventlog.connect import connect
from hub.eventlog.durability import read_durability
from hub.eventlog.errors import WritesRefused
from hub.eventlog.log import EventLog
from hub.eventlog.redis_watch import RedisWatch
from hub.eventlog.seen import Seen
from hub.eventlog.sessions import SessionStore
from hub.eventlog.warnings import WarningBoard
from hub.eventlog.witness import Witness
from hub.fanout.closed import Closed
from hub.fanout.origins import Connections, Origins
from hub.fanout.recovery import Recovery
from hub.fanout.relay import Relay
from hub.fanout.siblings import Siblings
from hub.gateways import asyncapi, middleware, openapi
from hub.gateways.answer_stream import AnswerStreams
from hub.gateways.caller import Desk
from hub.gateways.caller_watch import CallerWatch
from hub.gateways.commands import Commands
from hub.gateways.following import Following
from hub.gateways.health import Health
from hub.gateways.http import HttpDoor
from hub.gateways.joining import Joining
from hub.gateways.limits import Buckets
from hub.gateways.outbox import Outboxes
from hub.gateways.pages import Pages
from hub.gateways.peer import Proxies
from hub.gateways.reads import Reads
from hub.gateways.socketio import SocketIoDoor
from hub.gateways.sse import SseDoor
from hub.gateways.token_stream import TokenStream
from hub.gateways.ui_stream import UiStream
from hub.gateways.websocket import WebSocketDoor
from hub.services.build import Services, build_services
from hub.telemetry import Metrics

logger = structlog.get_logger(__name__)

TICK_S = 2.0
LOOK_AFTER_S = 5.0


class Hub:
    """One hub process: its parts, and their lives. Made by `create_app`, which also binds it to aiohttp."""

    def __init__(
        self, settings: Settings, redis_url: str, secret: bytes, menu: Menu, siblings: Siblings | None = None
    ) -> None:
        limits = settings.limits
        try:
            self.redis = connect(redis_url, deadline_s=settings.redis_deadline_s)
            origins, proxies = Origins(settings.origins), Proxies(settings.trusted_proxies)
        except ValueError as exc:
            raise CannotStart(f"a setting is wrong: {exc}") from exc
        connections = Connections(limits.connections)
        self.metrics = Metrics()
        seen = Seen()
        self.witness = Witness(settings.witness_dir, seen)
        self.log = EventLog(
            self.redis,
            settings.branch,
            room_events=limits.room_events,
            missed_bytes=limits.missed_bytes,
            deadline_s=settings.redis_deadline_s,
            seen=seen,
            on_cursor_ahead=self.metrics.cursors_ahead.inc,
            on_unreadable=self.metrics.unreadable.inc,
        )
        self.services: Services = build_services(
            self.log, self.redis, settings, secret, menu, connections=lambda: connections.total
        )
        self.relay = Relay(
            self.log,
            self.redis,
            view=self.services.views.read,
            clock=self.services.clock,
            deadline_s=settings.redis_deadline_s,
        )
        access, views = self.services.access, self.services.views
        commands = Commands(self.services)
        reads = Reads(limits)
        joining = Joining(self.relay, access, views, limits, reads)
        by_address = Buckets(limits.requests_s, limits.requests_burst)  # one for all doors
        desk = Desk(commands, joining, access, by_address, reads, limits, self.metrics)
        outboxes = self.outboxes = Outboxes(limits.unsent_bytes, connections)
        store = SessionStore(self.log.calls, self.log.keys)
        self.recovery = Recovery(
            store, self.relay, settings.recovery_s, lambda outcome: self.metrics.returns.labels(outcome).inc()
        )
        self.socketio = SocketIoDoor(
            settings,
            self.log,
            self.relay,
            access,
            desk,
            origins,
            connections,
            proxies,
            self.recovery,
            siblings=siblings,
        )
        self.following = Following(self.relay, self.recovery)
        answers = AnswerStreams(self.relay, joining, views, self.services.chat, outboxes)
        self._routes = [
            *Health(
                self.log,
                self.services.chat,
                self.metrics,
                lambda: str(self.services.memory.level),
                lambda: self.relay.live,
                lambda: self.draining,
                others=siblings.figures if siblings is not None else None,
                metrics_on_loopback=settings.metrics_on_loopback,
            ).routes(),
            *HttpDoor(self.services, commands, limits).routes(),
            *SseDoor(self.relay, joining, access, views, outboxes, reads, self.metrics, self.services.clock).routes(),
            *TokenStream(answers, access, self.services.chat).routes(),
            *UiStream(answers, access, self.services.chat).routes(),
            *WebSocketDoor(self.relay, desk, origins, outboxes, limits).routes(),
            *openapi.routes(),
            *asyncapi.routes(),
            *Pages(STATIC_DIR).routes(),
        ]
        self._middlewares = [
            middleware.errors_as_answers(self.metrics),
            middleware.no_foreign_writes(origins),
            middleware.who_and_how_often(access, proxies, by_address, limits),
        ]
        self._redis_watch = RedisWatch(
            self.log,
            self.services.memory.look,
            lambda: read_durability(self.log.calls),
            private=not settings.redis_url,
        )
        self._limits = limits
        self._callers = CallerWatch(connections, proxies, WarningBoard(self.log.calls, self.log.keys))
        self._agent_wait_s = settings.agent.wait_s
        self.draining = False
        self._measure()

    def app(self) -> web.Application:
        app = web.Application(
            middlewares=self._middlewares,
            client_max_size=self._limits.message_bytes or 2**31,
            handler_args={"auto_decompress": False},  # no packed body is taken, so none is unpacked either
        )
        app.add_routes(self._routes)
        app.on_response_prepare.append(middleware.add_safe_headers)
        app.on_response_prepare.append(middleware.close_while(lambda: self.draining))
        self.socketio.attach(app)
        app.cleanup_ctx.extend((self._redis, self._background))
        return app

    def retire(self) -> None:
        """Report the hub as not ready. It goes on serving, but closes each connection after its request."""
        self.draining = True

    async def drain(self) -> None:
        """Take no more: not ready, and every connection told to find another process, though not all at once."""
        self.retire()
        over_s = 2.0
        await asyncio.gather(self.socketio.server.close_all(over_s), self.outboxes.close_all(over_s))

    async def _redis(self, _app: web.Application) -> AsyncIterator[None]:
        self.witness.open()  # before anybody is served: a log that has lost its tail begins a new epoch first
        yield
        self.services.close()
        await self.log.aclose()
        await self.redis.aclose()
        self.witness.close()

    async def _background(self, _app: web.Application) -> AsyncIterator[None]:
        """The relay and the floor's ticks, as long as the app lives. Redis need not be there yet."""
        async with asyncio.TaskGroup() as tasks:
            works = (
                self.relay.run(),
                self.recovery.run(self.socketio.server.sessions),
                self.following.run(),
                self._tick(),
                self._look_after(),
                self.witness.run(),
                self._redis_watch.run(),
            )
            running = [tasks.create_task(work) for work in works]
            yield
            for task in running:
                task.cancel()

    async def _look_after(self) -> None:
        """What has to be seen to now and then, as soon as Redis is there and as long as it is."""
        opened = ""
        while True:
            await self.relay.wait_live()
            try:
                epoch = (await self.log.position()).epoch
                if opened != epoch:
                    # A log that begins anew has lost its counts, and what is not counted is never sold out.
                    await self.services.stock.open_branch()
                    if put_right := await self.services.board.repair():
                        logger.info("board.unseen_index_repaired", orders=put_right)
                    opened = epoch
                await self.services.memory.look()
                await self._part_with_former_staff()
                await self._callers.look()
                await self.services.expiry.end_overdue()
                if ended := await self.services.unattended.end(self._agent_wait_s):
                    logger.warning("hub.turns_unattended", ended=ended)
                if lost := await self.services.places.give_back_lost():
                    logger.warning("hub.turn_places_given_back", places=lost)
            except WritesRefused:
                pass  # the log tells of that, once
            except ComandaError as exc:
                logger.warning("hub.not_looked_after", code=exc.code)
            except Exception:  # the task's root
                logger.exception("hub.not_looked_after")
            await asyncio.sleep(LOOK_AFTER_S)

    async def _part_with_former_staff(self) -> None:
        """Close the connections of staff whose token has ended, whose account was removed, or whose roles have changed.

        They may reconnect. The hub then checks their token and their rooms again.
        """
        for session in self.socketio.server.sessions:
            if not await self._is_current(session.state.principal):
                session.socket.shut(Closed.SERVER)
        for outbox, principal in self.outboxes.readers():
            if not await self._is_current(principal):
                outbox.close()

    async def _is_current(self, principal: Principal) -> bool:
        if not principal.is_staff:  # most connections are customers', and have no rights to revoke
            return True
        try:
            return await self.services.access.current(principal) == principal
        except Unauthorized:
            return False

    async def _tick(self) -> None:
        """Tell the floor's screens how things stand, while there are any here.

        Each process tells its own: a screen gets one tick at a time, and always of the same connections.
        """
        while True:
            await asyncio.sleep(TICK_S)
            if not self.relay.has_members(FLOOR):
                continue
            try:
                tick = FloorTick(figures=await self.services.figures.read())
                self.relay.tell(FLOOR, tick.type, tick.body(self.services.clock()))
            except ComandaError as exc:
                logger.warning("floor.tick_failed", code=exc.code)
            except Exception:  # the task's root: a figure that cannot be made is no reason to close the doors
                logger.exception("floor.tick_failed")

    def _measure(self) -> None:
        relay, metrics = self.relay, self.metrics
        metrics.rooms.set_function(lambda: relay.stats.rooms)
        metrics.deliveries.set_function(lambda: relay.stats.deliveries)
        metrics.gaps.set_function(lambda: relay.stats.gaps_filled)
        metrics.resubscriptions.set_function(lambda: relay.stats.resubscriptions)
        closed = self.socketio.server.engine.closed
        metrics.closed_slow.set_function(lambda: closed[Closed.UNSENT] + self.outboxes.overflowed)
        memory, condition = self.services.memory, self.log.condition
        for reason in REASONS:
            metrics.redis_refuses.labels(reason).set_function(partial(condition.counts, reason))
        metrics.memory_used.set_function(lambda: memory.use.used_bytes if memory.use else 0)
        metrics.memory_ceiling.set_function(lambda: memory.use.ceiling_bytes if memory.use else 0)
        metrics.relay_live.set_function(lambda: float(relay.live))
        metrics.connections.labels("socketio").set_function(lambda: len(self.socketio.server.sessions))


HUB = web.AppKey("hub", Hub)


def create_app(
    settings: Settings, redis_url: str, secret: bytes, menu: Menu, siblings: Siblings | None = None
) -> web.Application:
    """Return a hub as an aiohttp application; the hub starts and stops with it.

    Args:
        siblings: The other processes of its port, if several share it.

    Raises:
        CannotStart: A setting is invalid.
    """
    hub = Hub(settings, redis_url, secret, menu, siblings)
    app = hub.app()
    app[HUB] = hub
    return app
