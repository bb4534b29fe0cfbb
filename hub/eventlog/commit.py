"""The Python half of `commit.lua`: a write becomes its KEYS and ARGV, and its reply becomes an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.domain.errors import Conflict, IdempotencyMismatch, LimitReached, OutOfStock, RateLimited
from hub.domain.events import StockLow, StockOut, StockRestocked
from hub.domain.rooms import KITCHEN, STOCK, RoomKind
from hub.eventlog.types import (
    COUNTS_KEPT_S,
    MAX_BODY_BYTES,
    MAX_DOCUMENTS,
    MAX_EVENTS,
    MAX_ROOMS,
    MAX_STOCK_MOVES,
    SAMPLES_KEPT,
    Committed,
    DocKey,
    Hold,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hub.eventlog.keys import Keys

Argument = str | int

_STOCK_ROOMS = (str(KITCHEN), str(STOCK))
_STOCK_TYPES = tuple(str(e.model_fields["type"].default) for e in (StockOut, StockLow, StockRestocked))
_ORDER_ROOM = f"{RoomKind.ORDER}:"


def check(write: Write) -> None:
    """Refuse a write past the limits.

    Raises:
        ValueError: It is the program's fault, not the caller's.
    """
    if max(len(write.documents), len(write.same)) > MAX_DOCUMENTS or len(write.events) > MAX_EVENTS:
        raise ValueError(f"a write holds at most {MAX_DOCUMENTS} documents and {MAX_EVENTS} events")
    if len(write.stock) > MAX_STOCK_MOVES or any(move.amount < 0 for move in write.stock):
        raise ValueError(f"a write holds at most {MAX_STOCK_MOVES} stock moves, none of them negative")
    if any(not 1 <= len(set(event.rooms)) <= MAX_ROOMS for event in write.events):
        raise ValueError(f"an event goes to 1 to {MAX_ROOMS} rooms")
    if "\n" in write.fingerprint:
        raise ValueError("a fingerprint is one line")
    if any(quota.amount < 0 or quota.window_s < 1 for quota in write.quotas):
        raise ValueError("a quota counts upwards, in a window of at least a second")
    if write.hold and any("\n" in name for name, _, _ in write.hold.counters):
        raise ValueError("a counter's name is one line")
    for text in (*(event.body for event in write.events), *(document.body for document in write.documents)):
        # No character takes more than four bytes: most bodies need not be encoded to be measured.
        if len(text) * 4 > MAX_BODY_BYTES and len(text.encode()) > MAX_BODY_BYTES:
            raise ValueError(f"a body is at most {MAX_BODY_BYTES} bytes")


def arguments(
    write: Write, keys: Keys, *, spare_epoch: str, seen: Mapping[str, int], room_events: int, command_ttl_s: int
) -> tuple[list[str], list[Argument]]:
    """KEYS and ARGV of a write, in the order in which the script reads them."""
    at = [keys.meta, keys.stock, keys.turns, keys.holds]
    argv: list[Argument] = [spare_epoch, len(seen)]
    for epoch, offset in seen.items():
        argv += (epoch, offset)
    if write.command_id:
        at.append(keys.command(write.command_id))
        argv += (command_ttl_s, write.fingerprint, write.result, SAMPLES_KEPT)
    else:
        argv += (0, "", "", SAMPLES_KEPT)

    argv.append(len(write.expects) + len(write.same))
    for key, version in write.expects:
        at.append(keys.document(key))
        argv += (version, "")
    for document in write.same:
        at.append(keys.document(document.key))
        argv += (document.version, document.body)

    _bounds(write, keys, at, argv)

    rooms = _rooms(write)
    argv += (keys.channels, len(rooms))
    for room in rooms:
        at += (keys.room(room), keys.head(room))
        argv += (room, 0 if room.startswith(_ORDER_ROOM) else room_events)

    argv.append(len(write.stock))
    for move in write.stock:
        argv += (move.sku, move.mode, move.amount, move.low, move.data_prefix, move.at)
    if write.stock:
        argv += _STOCK_TYPES
        argv += _numbers(_STOCK_ROOMS, rooms)

    argv.append(len(write.documents))
    for document in write.documents:
        at.append(keys.document(document.key))
        argv += (document.version, document.body)

    argv.append(len(write.events))
    for event in write.events:
        argv += (event.type, event.body)
        argv += _numbers(event.rooms, rooms)

    _extras(write, keys, at, argv)
    return at, argv


def _bounds(write: Write, keys: Keys, at: list[str], argv: list[Argument]) -> None:
    argv.append(len(write.quotas))
    for quota in write.quotas:
        at.append(keys.quota(quota.name))
        argv += (quota.amount, quota.limit, quota.window_s)

    argv.append(len(write.release))
    argv += write.release

    counters = write.hold.counters if write.hold else ()
    argv += (write.hold.holder if write.hold else "", len(counters))
    for name, limit, _ in counters:
        argv += (name, limit)


def _extras(write: Write, keys: Keys, at: list[str], argv: list[Argument]) -> None:
    argv.append(len(write.index))
    for entry in write.index:
        at.append(keys.index(entry.index))
        argv += (entry.member, int(entry.present), entry.keep, "" if entry.score is None else entry.score)

    argv.append(len(write.samples))
    for name, value in write.samples:
        at.append(keys.samples(name))
        argv.append(value)

    argv.append(len(write.counts))
    for name, field, difference in write.counts:
        at.append(keys.counts(name))
        argv += (field, difference, COUNTS_KEPT_S)

    argv.append(len(write.queue))
    argv += write.queue

    argv.append(len(write.expire))
    for what, seconds in write.expire:
        expired = [keys.document(what)] if isinstance(what, DocKey) else [keys.room(what), keys.head(what)]
        at += expired
        argv += (len(expired), seconds)


def _rooms(write: Write) -> dict[str, int]:
    """Every room the write may reach, once, with its number."""
    rooms: dict[str, int] = {}
    for event in write.events:
        for room in event.rooms:
            rooms.setdefault(room, len(rooms) + 1)
    if write.stock:
        for room in _STOCK_ROOMS:
            rooms.setdefault(room, len(rooms) + 1)
    return rooms


def _numbers(names: Iterable[str], rooms: dict[str, int]) -> list[Argument]:
    numbers: list[Argument] = [rooms[name] for name in dict.fromkeys(names)]
    return [len(numbers), *numbers]


def answer(write: Write, reply: list[Any]) -> Committed:
    """Return the outcome of a commit from the script's reply.

    Raises:
        Conflict: A document is not at its expected version.
        OutOfStock: There is not enough of something.
        LimitReached, RateLimited: A quota is used up, or a counter has no place left.
        IdempotencyMismatch: The command id was used with another body.
    """
    return _ANSWERS[reply[0]](write, reply)


def _committed(write: Write, reply: list[Any]) -> Committed:
    return Committed(
        epoch=reply[1],
        offsets=tuple(int(offset) for offset in reply[3:]),
        head=int(reply[2]),
        repeated=False,
        result=write.result,
    )


def _known(_write: Write, reply: list[Any]) -> Committed:
    epoch, head, offsets, result = reply[1].split("\n", 3)
    return Committed(
        epoch=epoch,
        offsets=tuple(int(offset) for offset in offsets.split(",") if offset),
        head=int(head),
        repeated=True,
        result=result,
    )


def _mismatch(_write: Write, _reply: list[Any]) -> Committed:
    raise IdempotencyMismatch("this command id was used before, with another body")


def _conflict(write: Write, reply: list[Any]) -> Committed:
    keys = [*(key for key, _ in write.expects), *(document.key for document in write.same)]
    key = keys[int(reply[1]) - 1]
    raise Conflict(f"the {key.kind} has changed in the meantime", document=key.id, version=int(reply[2]))


def _short(_write: Write, reply: list[Any]) -> Committed:
    left = dict(zip(reply[1::2], map(int, reply[2::2]), strict=True))
    raise OutOfStock("there is not enough left", items=[{"sku": sku, "left": n} for sku, n in left.items()])


def _past_quota(write: Write, reply: list[Any]) -> Committed:
    quota, used, left_ms = write.quotas[int(reply[1]) - 1], int(reply[2]), int(reply[3])
    if quota.passing:
        raise RateLimited(
            "too much in a short time", retry_after_s=max(left_ms, 1) / 1000, **_bound(quota.label, quota.limit, used)
        )
    raise LimitReached("the limit for this period is used up", **_bound(quota.label, quota.limit, used))


def _bound(label: str, most: int, used: int) -> dict[str, Any]:
    return {"limit": label, "most": most, "used": used}


def _no_place(write: Write, reply: list[Any]) -> Committed:
    hold = write.hold or Hold("", ())
    _, most, label = hold.counters[int(reply[1]) - 1]
    what, used = "too many are open at once", int(reply[2])
    if hold.retry_after_s is not None:
        raise RateLimited(what, retry_after_s=hold.retry_after_s, **_bound(label, most, used))
    raise LimitReached(what, **_bound(label, most, used))


_ANSWERS: dict[str, Callable[[Write, list[Any]], Committed]] = {
    "OK": _committed,
    "KNOWN": _known,
    "MISMATCH": _mismatch,
    "CONFLICT": _conflict,
    "SHORT": _short,
    "QUOTA": _past_quota,
    "NO_PLACE": _no_place,
}
