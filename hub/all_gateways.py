"""All gateways of a hub process, their common limits, and the table of their routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hub.branch import Branch
from hub.config import Settings
from hub.gateways import asyncapi, middleware, openapi
from hub.gateways.auto_join import AutoJoin
from hub.gateways.caller_watch import CallerWatch
from hub.gateways.command_session import CommandContext
from hub.gateways.command_table import Commands
from hub.gateways.health import Health
from hub.gateways.http_gateway import HttpGateway
from hub.gateways.ingest.courier_apps import CourierApps
from hub.gateways.ingest.whatsapp import WhatsAppWebhook
from hub.gateways.joins import Joins
from hub.gateways.pages import Pages
from hub.gateways.peer import Proxies
from hub.gateways.plain_websocket import WebSocketGateway
from hub.gateways.public_url_watch import PublicUrlWatch
from hub.gateways.rate_limits import Buckets
from hub.gateways.read_limits import ReadLimits
from hub.gateways.responses.chat_completions import ChatCompletions
from hub.gateways.responses.prompt_stream import PromptStream
from hub.gateways.responses.responder import Responder
from hub.gateways.responses.token_stream import TokenStream
from hub.gateways.responses.ui_stream import UiStream
from hub.gateways.route_table import Mount, RateClass, RouteTable
from hub.gateways.site.error_page import ErrorPages
from hub.gateways.site.site_build import Site
from hub.gateways.socketio_gateway import SocketIoGateway
from hub.gateways.sse import SseGateway
from hub.gateways.streams import Streams
from hub.gateways.webhook_gateway import WebhookGateway
from hub.services.document_names import WHATSAPP
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.origins import Origins
from hub.socketio.siblings import Siblings
from hub.store.inbox_stream import InboxStream
from hub.store.warnings import WarningBoard
from hub.telemetry import Metrics

CLOSE_OVER_S = 2.0  # the time over which a draining hub closes its connections, so that not all return at once


class Gateways:
    """The gateways over a branch, and what all of them share: the limits on addresses, the streams, the routes.

    Args:
        proxies: The proxies whose word about a caller's address is believed.
        connections: Counts the connections of each address.
        draining: Returns True once the hub reports that it is not ready.
        site: The pages and their files.
        siblings: The other processes of the port, if several share it.

    Attributes:
        socketio: The Socket.IO gateway.
        streams: The connections of the other gateways.
        auto_join: Joins customers to the rooms of the orders that their chats follow.
        caller_watch: Looks for a proxy that hides its callers.
        commands: Every command with its service and its answer.
        routes: Every HTTP route.
        middlewares: For the aiohttp application, outermost first.
    """

    def __init__(
        self,
        settings: Settings,
        branch: Branch,
        metrics: Metrics,
        origins: Origins,
        proxies: Proxies,
        connections: ConnectionCounter,
        draining: Callable[[], bool],
        site: Site,
        siblings: Siblings | None = None,
    ) -> None:
        limits = settings.limits
        services, relay = branch.services, branch.relay
        commands = self.commands = Commands(services)
        reads = ReadLimits(limits)
        joins = Joins(relay, services.access, services.views, limits, reads)
        by_address = Buckets(limits.requests_s, limits.requests_burst)  # one for all gateways
        context = CommandContext(commands, joins, services.access, by_address, reads, limits, metrics, services.clock)
        streams = self.streams = Streams(limits.unsent_bytes, connections)
        self.socketio = SocketIoGateway(
            settings,
            branch.log,
            relay,
            services.access,
            context,
            origins,
            connections,
            proxies,
            branch.recovery,
            siblings=siblings,
        )
        self.auto_join = AutoJoin(relay, branch.recovery)
        responder = Responder(relay, joins, services.views, services.chat, streams)
        inbox = InboxStream(branch.log.calls, branch.log.keys, WHATSAPP)
        board = WarningBoard(branch.log.calls, branch.log.keys)
        self.caller_watch = CallerWatch(connections, proxies, board)
        self._public_url_watch = PublicUrlWatch(settings.public_url, proxies, board)
        opened = self._public_url_watch.opened
        pages = Pages(site, settings.lang, opened, has_worker=settings.service_worker)
        described = [
            *Health(
                branch.log,
                services.chat,
                metrics,
                lambda: str(services.memory.level),
                lambda: relay.live,
                draining,
                branch.outbound,
                others=siblings.figures if siblings is not None else None,
                metrics_on_loopback=settings.metrics_on_loopback,
            ).routes(),
            *HttpGateway(services, commands, limits).routes(),
            *WebhookGateway(services).routes(),
            *SseGateway(
                relay, joins, services.access, services.views, streams, reads, metrics, services.clock
            ).routes(),
            *CourierApps(services.access, services.positions, limits, metrics, services.clock).routes(),
            *WhatsAppWebhook(settings, inbox, metrics).routes(),
            *TokenStream(responder, services.access, services.chat).routes(),
            *UiStream(responder, services.access, services.chat).routes(),
            *PromptStream(responder, services.access, services.chat, services.tokens).routes(),
            *ChatCompletions(responder, services.access, services.chat, services.clock).routes(),
            *WebSocketGateway(relay, context, services.chat, origins, streams, limits).routes(),
            *asyncapi.routes(commands.answers),
            *pages.routes(),
        ]
        mounts = (pages.mount(), Mount("/socket.io/", RateClass.UNCOUNTED, self.socketio.attach))
        self.routes = RouteTable([*described, *openapi.routes(described, settings.public_url)], mounts)
        self.error_pages = ErrorPages(site, settings.lang)
        self.middlewares = [
            middleware.errors_as_answers(self.routes, metrics, self.error_pages),
            middleware.refuse_foreign_writes(origins),
            middleware.identify_and_limit(
                self.routes, services.access, proxies, by_address, requests=limits, logins=limits
            ),
        ]

    async def look(self) -> None:
        """Look for proxies that are set up wrongly."""
        await self.caller_watch.look()
        await self._public_url_watch.look()

    async def close_all(self) -> None:
        """Close every connection within two seconds, spread over that time."""
        await asyncio.gather(self.socketio.server.close_all(CLOSE_OVER_S), self.streams.close_all(CLOSE_OVER_S))
