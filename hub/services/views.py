"""What a room looks like to somebody who enters: its state and its history, as of one cursor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.domain.errors import NotFound
from hub.domain.menu import Menu
from hub.domain.rooms import Cursor, Room, RoomKind
from hub.eventlog.log import Document, EventLog, LogEntry, View, ViewQuery
from hub.services.board import board_of, board_query
from hub.services.chat import snapshot_of
from hub.services.documents import PROMO, PROMOS, order_key
from hub.services.stored import ORDER_FIELDS, load_object, load_objects
from hub.services.turns import RECENT

if TYPE_CHECKING:
    from hub.config import Limits

HISTORY = 200  # events of the past given to one who brings no cursor
# Fewer where the snapshot says it all: these are news at most.
_RECENT: Mapping[RoomKind, int] = {RoomKind.KITCHEN: 0, RoomKind.PROMOS: 20, RoomKind.STOCK: 20}
_PROMOS_READ, _PROMOS_SHOWN = 100, 20  # the expired ones among them are not shown


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as of `cursor`.

    Attributes:
        recovered: Everything in the room after the cursor that the reader brought is in `events`.
        snapshot: The room's state, enough to draw a page from.
        events: What the reader missed; for one without a cursor, the recent past. Oldest first.
        cut: More was missed than is in `events`.
        size_bytes: Of the documents and events that were read for it, as stored.
    """

    cursor: Cursor
    recovered: bool
    snapshot: dict[str, Any]
    events: tuple[LogEntry, ...]
    cut: bool = False
    size_bytes: int = field(default=0, compare=False)


Figures = Callable[[], Awaitable[dict[str, Any]]]
ChatSnapshot = Callable[[Sequence[LogEntry], Sequence[Document | None]], dict[str, Any]]


class RoomViews:
    """Reads rooms, whole, in one step each."""

    def __init__(
        self,
        log: EventLog,
        menu: Menu,
        clock: Callable[[], datetime],
        figures: Figures,
        chat_snapshot: ChatSnapshot,
        limits: Limits,
    ) -> None:
        self._log = log
        self._menu = menu
        self._clock = clock
        self._figures = figures
        self._chat_snapshot = chat_snapshot
        self._limits = limits
        self._limit = limits.room_events or 100_000

    async def read(self, room: Room, after: Cursor | None = None) -> RoomView:
        """The room, and what happened in it after `after`.

        Raises:
            NotFound: The order or chat is gone.
            Unavailable: Redis did not answer in time.
        """
        view = await self._log.view(self._query(room, after))
        snapshot = await self._snapshot(room, view)
        return RoomView(view.cursor, view.whole, snapshot, _of_the_past(room, view), size_bytes=_size(view))

    async def page(self, room: Room, after: Cursor | None) -> RoomView:
        """Return the first events after `after`, without the room's state; without `after`, the newest events.

        Raises:
            NotFound: The order or chat is gone.
            Unavailable: Redis did not answer in time.
        """
        query = replace(self._query(room, after), event_bytes=self._limits.snapshot_bytes, partly=True, index=None)
        view = await self._log.view(query)
        if room.kind in (RoomKind.ORDER, RoomKind.CHAT):
            _only(view, room)
        return RoomView(view.cursor, view.whole, {}, _of_the_past(room, view), view.cut, _size(view))

    def _query(self, room: Room, after: Cursor | None) -> ViewQuery:
        limits = self._limits
        query = ViewQuery(
            room=str(room),
            after=after.offset if after else None,
            epoch=after.epoch if after else None,
            # The steps of an order are made of all there is.
            limit=self._limit if after or room.kind is RoomKind.ORDER else min(_history(room), self._limit),
            event_bytes=limits.missed_bytes if after or room.kind is RoomKind.ORDER else limits.snapshot_bytes,
            stock=room.kind is RoomKind.STOCK,
        )
        match room.kind:
            case RoomKind.ORDER:
                return replace(query, documents=(order_key(room.id),))
            case RoomKind.CHAT:
                return replace(query, documents=snapshot_of(room.id))
            case RoomKind.KITCHEN:
                return board_query(query, limits)
            case RoomKind.PROMOS:
                return replace(
                    query, index=PROMOS, index_kind=PROMO, index_limit=_PROMOS_READ, index_bytes=limits.snapshot_bytes
                )
        return query

    async def _snapshot(self, room: Room, view: View) -> dict[str, Any]:
        match room.kind:
            case RoomKind.ORDER:
                return {"order": load_object(self._log, _only(view, room), *ORDER_FIELDS)}
            case RoomKind.CHAT:
                return await self._chat(room, view)
            case RoomKind.KITCHEN:
                return board_of(self._log, view)
            case RoomKind.PROMOS:
                return {"promos": self._current(load_objects(self._log, view.indexed, "promo_id"))}
            case RoomKind.STOCK:
                return {"items": self._stock(view.stock)}
            case RoomKind.FLOOR:
                return {"figures": await self._figures()}
            case _:
                return {}

    async def _chat(self, room: Room, view: View) -> dict[str, Any]:
        entries: Sequence[LogEntry] = view.events
        if view.whole:  # only what was missed: an answer in the making wants what came before as well
            entries = await self._log.read_back(str(room), view.cursor.offset + 1, RECENT)
        _only(view, room)
        return self._chat_snapshot(entries, view.documents)

    def _current(self, promos: Any) -> list[dict[str, Any]]:
        now = self._clock()
        return [promo for promo in promos if _is_current(promo.get("expires_at"), now)][:_PROMOS_SHOWN]

    def _stock(self, left: Mapping[str, int]) -> list[dict[str, Any]]:
        return [
            {"sku": item.sku, "name": item.name, "left": left.get(item.sku, item.stock)} for item in self._menu.tracked
        ]


def _history(room: Room) -> int:
    return _RECENT.get(room.kind, HISTORY)


def _size(view: View) -> int:
    bodies = [event.body for event in view.events]
    bodies += [document.body for document in (*view.documents, *view.indexed) if document is not None]
    return sum(map(_bytes, bodies))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _of_the_past(room: Room, view: View) -> tuple[LogEntry, ...]:
    """Return the events that the reader missed; without a valid cursor, those that are of use beside the snapshot."""
    if view.whole or room.kind is RoomKind.ORDER:
        return view.events
    count = _history(room)
    return view.events[-count:] if count else ()


def _only(view: View, room: Room) -> Document:
    """Return the document that the room needs to exist."""
    document = view.documents[0]
    if document is None:
        raise NotFound(f"there is no room {room}")
    return document


def _is_current(expires_at: object, now: datetime) -> bool:
    """Return True if a promotion is still to be shown; one whose end cannot be read is not."""
    if not expires_at:
        return True
    try:
        return datetime.fromisoformat(str(expires_at)) > now
    except (ValueError, TypeError):
        return False
