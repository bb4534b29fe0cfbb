"""The Python half of `view.lua`: a query becomes its KEYS and ARGV, and its reply becomes a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.store.decoding import document_of, entry_of
from hub.store.redis.reply_pairs import pairs
from hub.store.types import DocKey, Document, View, ViewQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.core.cursor import Cursor
    from hub.store.keys import Keys


def arguments(query: ViewQuery, keys: Keys) -> tuple[list[str], list[str | int]]:
    """Return the KEYS and ARGV of a query, in the order in which the script reads them."""
    at = [keys.meta, keys.room(query.room), keys.head(query.room), keys.counters]
    at += (keys.index(query.index or ""), keys.index(query.first or ""))
    at += map(keys.document, query.documents)
    argv: list[str | int] = [
        "" if query.after is None else query.after,
        query.epoch or "",
        query.limit,
        query.index_limit if query.index else 0,
        keys.documents(query.index_kind),
        int(query.counters),
        int(query.oldest),
        query.index_bytes,
        int(query.first is not None),
        "" if query.index_after is None else query.index_after,
        query.event_bytes,
        int(query.partly),
    ]
    return at, argv


def answer(query: ViewQuery, cursor: Cursor, reply: Sequence[Any]) -> View:
    """Return the view as of a cursor from the script's reply, without its first two entries."""
    whole, entries, documents, indexed, counters, total, first_total, go_on, cut = reply
    return View(
        cursor=cursor,
        whole=bool(whole),
        events=tuple(entry_of(query.room, raw) for raw in entries),
        documents=tuple(map(document_of, query.documents, documents)),
        indexed=tuple(Document(DocKey(query.index_kind, id), int(v), body) for id, v, body in indexed),
        counters={name: int(count) for name, count in pairs(counters)},
        total=int(total),
        first_total=int(first_total),
        go_on=int(float(go_on)) if go_on else None,
        cut=bool(cut),
    )
