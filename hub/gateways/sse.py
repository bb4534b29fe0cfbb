"""A room's events over plain HTTP: a stream of server-sent events, or one page of JSON."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from hub.domain.commands import JoinRoom
from hub.domain.errors import BadRequest
from hub.domain.rooms import Cursor, Room
from hub.fanout.frames import Frame, Reset
from hub.fanout.relay import Relay
from hub.gateways.departure import close_after, watch
from hub.gateways.event_source import HEADERS, retry_line
from hub.gateways.http import answer, number
from hub.gateways.joining import Joining, events_of
from hub.gateways.outbox import Outbox, Outboxes, write_out
from hub.gateways.peer import PRINCIPAL
from hub.gateways.reads import Reads
from hub.services.access import Access
from hub.services.views import RoomView, RoomViews
from hub.telemetry import Metrics

HEARTBEAT_S = 15.0
# A comment, and no empty line: to some readers that is an event without data.
_STILL_HERE = b": still here\n"
# After a connection that broke; at random, for a hub that died leaves all its readers in the same instant.
_RETRY_MS = (500, 1500)


class SseDoor:
    """`GET /api/rooms/{room}/events`."""

    def __init__(
        self,
        relay: Relay,
        joining: Joining,
        access: Access,
        views: RoomViews,
        outboxes: Outboxes,
        reads: Reads,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._relay = relay
        self._joining = joining
        self._access = access
        self._views = views
        self._outboxes = outboxes
        self._reads = reads
        self._metrics = metrics
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/rooms/{room}/events", self.events, allow_head=False)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await self._stream(request)
        return await self._page(request)

    async def _page(self, request: web.Request) -> web.Response:
        """`{events, cursor, recovered}`: what came after `?after=`, at most `?limit=` of it."""
        room, principal = Room.parse(request.match_info["room"]), request[PRINCIPAL]
        await self._access.require_room(principal, room)
        self._reads.admit(principal)
        after = request.query.get("after")
        view = await self._views.page(room, Cursor.parse(after) if after else None)
        self._reads.count(principal, view.size_bytes)
        limit = number(request, "limit", 1000, most=1000)
        events, cursor = events_of(view, _only(request)), view.cursor
        if view.cut:  # the filter may leave out the last of them: the reader goes on after it all the same
            cursor = Cursor(cursor.epoch, view.events[-1].offset)
        if len(events) > limit:
            events = events[:limit]
            cursor = Cursor(cursor.epoch, events[-1]["offset"])
        return answer({"events": events, "cursor": str(cursor), "recovered": view.recovered})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        with self._outboxes.of(request, "sse", _encode) as outbox:
            return await self._read_out(request, outbox)

    async def _read_out(self, request: web.Request, outbox: Outbox) -> web.StreamResponse:
        after, only = _resume_from(request), _only(request)
        command = JoinRoom(room=request.match_info["room"], after=after, only=only)
        joined, _ = await self._joining.join(outbox, request[PRINCIPAL], command)
        response = web.StreamResponse(headers=HEADERS)
        close_after(response)
        try:
            await response.prepare(request)
            watch(request, outbox.close)
            outbox.put(self._beginning(command, joined.view))
            joined.release()
            with self._metrics.connections.labels("sse").track_inprogress():
                await self._write(outbox, response)
        except ConnectionError:
            pass  # the reader is gone; the next one resumes from its cursor
        finally:
            self._relay.leave_all(outbox.id)
        return response

    def _beginning(self, command: JoinRoom, view: RoomView) -> bytes:
        """What was missed; or the whole room, for one who brings no cursor or one that is no longer good.

        One message, however much it is: a reader that was away for long must be able to come back.
        """
        frames: list[Frame]
        if view.recovered:
            wanted = (entry for entry in view.events if command.only is None or entry.type in command.only)
            frames = [Frame.of_entry(entry, view.cursor.epoch) for entry in wanted]
        else:
            frames = [Reset.of(command.room, view.cursor, view.snapshot, self._clock())]
        # It belongs to the first event, whenever that comes.
        return f"retry: {random.randint(*_RETRY_MS)}\n".encode() + b"".join(frame.sse for frame in frames)

    async def _write(self, outbox: Outbox, response: web.StreamResponse) -> None:
        while (waiting := await outbox.take(HEARTBEAT_S)) is not None:
            await write_out(response, b"".join(waiting) or _STILL_HERE)
        # Whoever read here comes back elsewhere, but not all in the same instant.
        await write_out(response, retry_line())


def _encode(frame: Frame) -> bytes:
    return frame.sse


def _resume_from(request: web.Request) -> str | None:
    """The header of a browser that comes back wins over the address it was first given.

    A cursor that cannot be read is no reason to refuse: the reader gets the whole room instead.
    """
    given = request.headers.get("Last-Event-ID") or request.query.get("after")
    if not given:
        return None
    try:
        return str(Cursor.parse(given))
    except BadRequest:
        return None


def _only(request: web.Request) -> tuple[str, ...] | None:
    only = request.query.get("only")
    return tuple(part for part in only.split(",") if part) if only else None
