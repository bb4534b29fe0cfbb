"""Snapshots of a room for somebody who joins: its state and its history, as of one cursor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.core.cursor import Cursor
from hub.core.errors import NotFound
from hub.domain.answers import Empty
from hub.domain.answers.branch_answers import (
    DashboardFigures,
    DashboardSnapshot,
    Promo,
    PromosSnapshot,
    StockLevel,
    StockSnapshot,
)
from hub.domain.answers.chat_answers import ChatSnapshot
from hub.domain.answers.room_answers import OrderSnapshot, Snapshot
from hub.domain.menu import Menu
from hub.domain.order_document import Order
from hub.domain.room_retention import RETENTION
from hub.domain.rooms import Room, RoomKind
from hub.services.chats.chat_documents import RECENT
from hub.services.chats.chat_snapshots import chat_snapshot, snapshot_keys
from hub.services.document_names import PROMO, PROMOS, order_key
from hub.services.orders.kitchen_board import board_of, board_query
from hub.services.service_bounds import MAX_PROMOS, PROMOS_READ
from hub.services.stored_documents import load, load_readable
from hub.store.log import Document, EventLog, LogEntry, View, ViewQuery

if TYPE_CHECKING:
    from hub.config.limit_settings import LogLimits


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as of `cursor`.

    Attributes:
        recovered: Everything in the room after the cursor that the reader brought is in `events`.
        state: The room's state, enough to draw a page from.
        events: What the reader missed; for one without a cursor, the recent past. Oldest first.
        cut: More was missed than is in `events`.
        size_bytes: Of the documents and events that were read for it, as stored.
    """

    cursor: Cursor
    recovered: bool
    state: Snapshot
    events: tuple[LogEntry, ...]
    cut: bool = False
    size_bytes: int = field(default=0, compare=False)

    @property
    def snapshot(self) -> dict[str, Any]:
        """The room's state as JSON values, in the form in which it goes over the wire."""
        return self.state.as_json()


ReadFigures = Callable[[], Awaitable[DashboardFigures]]


class RoomViews:
    """Reads rooms, each in one step."""

    def __init__(
        self,
        log: EventLog,
        menu: Menu,
        clock: Callable[[], datetime],
        figures: ReadFigures,
        limits: LogLimits,
    ) -> None:
        self._log = log
        self._menu = menu
        self._clock = clock
        self._figures = figures
        self._limits = limits
        self._limit = limits.room_events or 100_000

    async def read(self, room: Room, after: Cursor | None = None) -> RoomView:
        """Return a room, and what happened in it after `after`.

        Raises:
            NotFound: The order or chat is gone.
            Unavailable: Redis did not answer in time.
        """
        view = await self._log.view(self._query(room, after))
        state = await self._state(room, view)
        return RoomView(view.cursor, view.whole, state, _of_the_past(room, view), size_bytes=_size(view))

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
        return RoomView(view.cursor, view.whole, Empty(), _of_the_past(room, view), view.cut, _size(view))

    def _query(self, room: Room, after: Cursor | None) -> ViewQuery:
        limits, history = self._limits, RETENTION[room.kind].history
        query = ViewQuery(
            room=str(room),
            after=after.offset if after else None,
            epoch=after.epoch if after else None,
            limit=self._limit if after or history is None else min(history, self._limit),
            event_bytes=limits.missed_bytes if after or history is None else limits.snapshot_bytes,
            counters=room.kind is RoomKind.STOCK,
        )
        match room.kind:
            case RoomKind.ORDER:
                return replace(query, documents=(order_key(room.id),))
            case RoomKind.CHAT:
                return replace(query, documents=snapshot_keys(room.id))
            case RoomKind.KITCHEN:
                return board_query(query, limits)
            case RoomKind.PROMOS:
                return replace(
                    query, index=PROMOS, index_kind=PROMO, index_limit=PROMOS_READ, index_bytes=limits.snapshot_bytes
                )
        return query

    async def _state(self, room: Room, view: View) -> Snapshot:
        match room.kind:
            case RoomKind.ORDER:
                return OrderSnapshot(order=load(self._log, Order, _only(view, room)))
            case RoomKind.CHAT:
                return await self._chat(room, view)
            case RoomKind.KITCHEN:
                return board_of(self._log, view)
            case RoomKind.PROMOS:
                return PromosSnapshot(promos=self._current(view.indexed))
            case RoomKind.STOCK:
                return StockSnapshot(items=self._stock(view.counters))
            case RoomKind.DASHBOARD:
                return DashboardSnapshot(figures=await self._figures())
            case _:
                return Empty()

    async def _chat(self, room: Room, view: View) -> ChatSnapshot:
        entries: Sequence[LogEntry] = view.events
        if view.whole:  # missed events only: an unfinished answer also needs the events before them
            entries = await self._log.read_back(str(room), view.cursor.offset + 1, RECENT)
        _only(view, room)
        return chat_snapshot(self._log, entries, view.documents)

    def _current(self, documents: Sequence[Document | None]) -> tuple[Promo, ...]:
        now = self._clock()
        promos = (load_readable(self._log, Promo, document) for document in documents)
        return tuple(promo for promo in promos if promo and _is_current(promo.expires_at, now))[:MAX_PROMOS]

    def _stock(self, left: Mapping[str, int]) -> tuple[StockLevel, ...]:
        return tuple(
            StockLevel(sku=item.sku, name=item.name, left=left.get(item.sku, item.stock)) for item in self._menu.tracked
        )


def _size(view: View) -> int:
    bodies = [event.body for event in view.events]
    bodies += [document.body for document in (*view.documents, *view.indexed) if document is not None]
    return sum(map(_bytes, bodies))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _of_the_past(room: Room, view: View) -> tuple[LogEntry, ...]:
    """Return the events that the reader missed; without a valid cursor, those that are of use beside the snapshot."""
    count = RETENTION[room.kind].history
    if view.whole or count is None:
        return view.events
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
