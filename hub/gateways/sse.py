"""A room's events over HTTP: a stream of server-sent events, or one page of JSON."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from hub.core.cursor import Cursor
from hub.core.errors import BadRequest, RateLimited
from hub.domain.commands import JoinRoom
from hub.domain.rooms import Room
from hub.gateways.envelope import answer
from hub.gateways.event_source import HEADERS
from hub.gateways.event_stream import EventStream
from hub.gateways.joined_room import EventPage, events_of
from hub.gateways.joins import Joins
from hub.gateways.peer import ADDRESS, PRINCIPAL
from hub.gateways.query import PageSize, Text, TextList
from hub.gateways.read_limits import ReadLimits
from hub.gateways.route_table import Audience, Route, Tag
from hub.gateways.streams import Streams
from hub.relay.frames import Frame, Reset
from hub.relay.relay import Relay
from hub.services.auth.access import Access
from hub.services.room_views import RoomView, RoomViews
from hub.socketio import tcp
from hub.socketio.aiohttp_internals import TakenOver
from hub.socketio.close_reason import CloseReason
from hub.socketio.heartbeats import Heartbeats
from hub.telemetry import Metrics

HEARTBEAT_S = 15.0
_AFTER = Text("after")
_LIMIT = PageSize(default=1_000, most=1_000)
_ONLY = TextList("only")
# The wait after a broken connection, at random: all readers of a hub that dies lose it in the same instant.
_RETRY_MS = (500, 1500)


class SseGateway:
    """`GET /api/rooms/{room}/events`."""

    def __init__(
        self,
        relay: Relay,
        joins: Joins,
        access: Access,
        views: RoomViews,
        streams: Streams,
        reads: ReadLimits,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._relay = relay
        self._joins = joins
        self._access = access
        self._views = views
        self._streams = streams
        self._reads = reads
        self._connected = metrics.connections.labels("sse")
        self._clock = clock
        self._heartbeats = Heartbeats(HEARTBEAT_S, HEARTBEAT_S)

    def routes(self) -> list[Route]:
        """Return the route of a room's events."""
        return [
            Route(
                method="GET",
                path="/api/rooms/{room}/events",
                handler=self.events,
                tag=Tag.ROOMS,
                summary="Read a room's events: a page of JSON, or a stream of server-sent events",
                answer=EventPage,
                audience=Audience.CAPABILITY,
                query=(_AFTER, _LIMIT, _ONLY),
                errors=(RateLimited,),
                head=False,
                event_source=True,
            )
        ]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Answer with a stream if the request accepts one, or with a page."""
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await self._stream(request)
        return await self._page(request)

    async def _page(self, request: web.Request) -> web.Response:
        """Answer with the events after `?after=`, at most `?limit=` of them."""
        room, principal = Room.parse(request.match_info["room"]), request[PRINCIPAL]
        await self._access.require_room(principal, room)
        self._reads.admit(principal)
        after = _AFTER.read(request)
        view = await self._views.page(room, Cursor.parse(after) if after else None)
        self._reads.count(principal, view.size_bytes)
        limit = _LIMIT.read(request)
        events, cursor = events_of(view, _ONLY.read(request)), view.cursor
        if view.cut:  # the filter may drop the last event; the reader's cursor still moves past it
            cursor = Cursor(cursor.epoch, view.events[-1].offset)
        if len(events) > limit:
            events = events[:limit]
            cursor = Cursor(cursor.epoch, events[-1].offset or 0)
        return answer(EventPage(events=events, cursor=str(cursor), recovered=view.recovered))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self._streams.open.admit(request[ADDRESS])
        tcp.set_keepalive(request.transport)
        stream = EventStream(self._streams, self._heartbeats, request, self._closed)
        self._streams.opened(stream)
        self._connected.inc()
        try:
            await self._begin(request, stream)
        except ConnectionError:
            stream.close(CloseReason.CLIENT)  # the reader is gone; the next one resumes from its cursor
        except BaseException:
            stream.close(CloseReason.CLIENT)
            raise
        return TakenOver()

    async def _begin(self, request: web.Request, stream: EventStream) -> None:
        """Enter the room, and send what the reader missed, or the whole room."""
        after, only = _resume_from(request), _ONLY.read(request)
        command = JoinRoom(room=request.match_info["room"], after=after, only=only)
        joined, _ = await self._joins.join(stream, request[PRINCIPAL], command)
        beginning = self._beginning(command, joined.view)
        await stream.begin(request, web.StreamResponse(headers=HEADERS))
        stream.send(beginning)
        joined.release()

    def _closed(self, stream: EventStream) -> None:
        self._connected.dec()
        self._relay.leave_all(stream.id)

    def _beginning(self, command: JoinRoom, view: RoomView) -> bytes:
        """Return what was missed; or the whole room, for one who brings no cursor or one that is no longer good.

        One message, however much it is: a reader that was away for long must be able to come back.
        """
        frames: list[Frame]
        if view.recovered:
            wanted = (entry for entry in view.events if command.only is None or entry.type in command.only)
            frames = [Frame.of_entry(entry, view.cursor.epoch) for entry in wanted]
        else:
            frames = [Reset.of(command.room, view.cursor, view.snapshot, self._clock())]
        # It belongs to the first event, however late that comes.
        return f"retry: {random.randint(*_RETRY_MS)}\n".encode() + b"".join(frame.sse for frame in frames)


def _resume_from(request: web.Request) -> str | None:
    """The header of a browser that comes back wins over the address it was first given.

    A cursor that cannot be read is no reason to refuse: the reader gets the whole room instead.
    """
    given = request.headers.get("Last-Event-ID") or _AFTER.read(request)
    if not given:
        return None
    try:
        return str(Cursor.parse(given))
    except BadRequest:
        return None
