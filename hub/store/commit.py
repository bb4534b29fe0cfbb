"""The Python half of `commit.lua`: a write becomes its KEYS and ARGV, and its reply an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.core.errors import IdempotencyMismatch, LimitReached, RateLimited
from hub.store.conflicts import VersionConflict
from hub.store.counters import MAX_COUNTER_MOVES, CounterTooLow
from hub.store.idempotency import IdempotencyKey
from hub.store.types import (
    COUNTS_KEPT_S,
    MAX_BODY_BYTES,
    MAX_DOCUMENTS,
    MAX_EVENTS,
    MAX_ROOMS,
    OUTBOUND_KEPT,
    SAMPLES_KEPT,
    Committed,
    DocKey,
    Hold,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hub.store.keys import Keys
    from hub.store.retention import Retention

Argument = str | int


def check(write: Write) -> None:
    """Check a write against the limits.

    Raises:
        ValueError: The write is past a limit, which is a fault of the program.
    """
    _check_counts(write)
    _check_names(write)
    _check_quotas(write)
    for text in (*(event.body for event in write.events), *(document.body for document in write.documents)):
        # A character takes at most four bytes: most bodies can be checked without encoding them.
        if len(text) * 4 > MAX_BODY_BYTES and len(text.encode()) > MAX_BODY_BYTES:
            raise ValueError(f"a body is at most {MAX_BODY_BYTES} bytes")


def _check_counts(write: Write) -> None:
    if max(len(write.documents), len(write.same)) > MAX_DOCUMENTS or len(write.events) > MAX_EVENTS:
        raise ValueError(f"a write holds at most {MAX_DOCUMENTS} documents and {MAX_EVENTS} events")
    if len(write.counters) > MAX_COUNTER_MOVES or any(move.amount < 0 for move in write.counters):
        raise ValueError(f"a write holds at most {MAX_COUNTER_MOVES} counter moves, with amounts of at least 0")
    if any(not 1 <= len(set(event.rooms)) <= MAX_ROOMS for event in write.events):
        raise ValueError(f"an event goes to 1 to {MAX_ROOMS} rooms")


def _check_names(write: Write) -> None:
    key = write.idempotency
    if key is not None and (not key.command_id or "\n" in key.fingerprint):
        raise ValueError("an idempotency key has a command id, and a fingerprint of one line")
    if write.hold and any("\n" in name for name, _, _ in write.hold.pools):
        raise ValueError("a pool's name is one line")


def _check_quotas(write: Write) -> None:
    if any(quota.amount < 0 or quota.window_s < 1 for quota in write.quotas):
        raise ValueError("a quota counts upwards, in a window of at least a second")


def arguments(
    write: Write,
    keys: Keys,
    *,
    spare_epoch: str,
    seen: Mapping[str, int],
    retention: Retention,
    command_ttl_s: int,
    publish_command: str,
) -> tuple[list[str], list[Argument]]:
    """Return the KEYS and ARGV of a write, in the order in which the script reads them."""
    at = [keys.meta, keys.counters, keys.jobs, keys.holds, keys.outbound]
    argv: list[Argument] = [spare_epoch, len(seen)]
    for epoch, offset in seen.items():
        argv += (epoch, offset)
    if write.idempotency is not None:
        at.append(keys.command(write.idempotency.command_id))
        kept_s = write.idempotency.kept_s or command_ttl_s
        kept_s = -kept_s if write.idempotency.last_only else kept_s
        argv += (kept_s, write.idempotency.fingerprint, write.result)
    else:
        argv += (0, "", "")
    argv += (SAMPLES_KEPT, OUTBOUND_KEPT)

    argv.append(len(write.expects) + len(write.same))
    for key, version in write.expects:
        at.append(keys.document(key))
        argv += (version, "")
    for document in write.same:
        at.append(keys.document(document.key))
        argv += (document.version, document.body)

    _bounds(write, keys, at, argv)

    rooms = _rooms(write)
    argv += (publish_command, keys.channels, len(rooms))
    for room in rooms:
        at += (keys.room(room), keys.head(room))
        argv += (room, retention.of(room))

    argv.append(len(write.counters))
    for move in write.counters:
        events = move.events
        argv += (move.name, move.mode, move.amount, move.low, move.data_prefix, move.at)
        argv += (events.empty, events.low, events.refilled)
        argv += _numbers(events.rooms, rooms)

    argv.append(len(write.documents))
    for document in write.documents:
        at.append(keys.document(document.key))
        argv += (document.version, document.body)

    argv.append(len(write.events))
    for event in write.events:
        argv += (event.type, event.body, int(event.outbound))
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

    pools = write.hold.pools if write.hold else ()
    argv += (write.hold.holder if write.hold else "", len(pools))
    for name, limit, _ in pools:
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
        expired = _expired(what, keys)
        at += expired
        argv += (len(expired), seconds)


def _expired(what: DocKey | IdempotencyKey | str, keys: Keys) -> list[str]:
    if isinstance(what, DocKey):
        return [keys.document(what)]
    if isinstance(what, IdempotencyKey):
        return [keys.command(what.command_id)]
    return [keys.room(what), keys.head(what)]


def _rooms(write: Write) -> dict[str, int]:
    """Return every room that the write may reach, with its number."""
    rooms: dict[str, int] = {}
    for event in write.events:
        for room in event.rooms:
            rooms.setdefault(room, len(rooms) + 1)
    for move in write.counters:
        for room in move.events.rooms:
            rooms.setdefault(room, len(rooms) + 1)
    return rooms


def _numbers(names: Iterable[str], rooms: dict[str, int]) -> list[Argument]:
    numbers: list[Argument] = [rooms[name] for name in dict.fromkeys(names)]
    return [len(numbers), *numbers]


def answer(write: Write, reply: list[Any]) -> Committed:
    """Return the outcome of a commit from the script's reply.

    Raises:
        VersionConflict: A document is not at its expected version.
        CounterTooLow: A counter has less than the write takes.
        LimitReached, RateLimited: A quota is used up, or a pool has no place left.
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
    raise VersionConflict(f"the {key.kind} has changed in the meantime", document=key.id, version=int(reply[2]))


def _short(_write: Write, reply: list[Any]) -> Committed:
    raise CounterTooLow(dict(zip(reply[1::2], map(int, reply[2::2]), strict=True)))


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
    _, most, label = hold.pools[int(reply[1]) - 1]
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
