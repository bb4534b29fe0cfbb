"""Frames that wait until they may be delivered, in the order in which they were heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from hub.relay.frames import Frame, Reset
from hub.relay.room_state import RoomState

MAX_QUEUED = 10_000  # frames; past it they are dropped, and read from the streams
MAX_BATCH = 64  # events delivered in one piece to the members of a big room
MAX_BATCH_BYTES = 32_768  # of their bodies, small against what may be unsent


class Backlog:
    """A bounded queue of frames of many rooms."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    @property
    def is_full(self) -> bool:
        """Nothing more fits."""
        return len(self._frames) >= MAX_QUEUED

    def append(self, frame: Frame) -> None:
        """Add a frame behind all others."""
        self._frames.append(frame)

    def append_left(self, frame: Frame) -> None:
        """Put a frame back before all others."""
        self._frames.appendleft(frame)

    def insert(self, frame: Frame) -> None:
        """Insert a frame before the first one that comes after it in the log; at its own place is only a copy of it."""
        position = frame.log_position
        later = (at for at, waiting in enumerate(self._frames) if waiting.log_position > position)
        self._frames.insert(next(later, len(self._frames)), frame)

    def clear(self) -> None:
        """Drop all frames."""
        self._frames.clear()

    def peek(self) -> Frame:
        """Return the first frame."""
        return self._frames[0]

    def pop(self) -> Frame:
        """Remove and return the first frame."""
        return self._frames.popleft()

    def pop_batch(self, room: RoomState) -> list[Frame]:
        """Remove and return the first frames if they are several that follow each other in one room; [] otherwise."""
        if len(self._frames) < 2 or not room.follows(self._frames[0]):
            return []
        batch, size = list[Frame](), 0
        for frame in islice(self._frames, MAX_BATCH):
            size += frame.size
            if not _is_next(frame, batch[-1] if batch else frame) or (batch and size > MAX_BATCH_BYTES):
                break
            batch.append(frame)
        if len(batch) < 2:
            return []
        for _ in batch:
            self._frames.popleft()
        return batch

    def take_up_to(self, epoch: str, offset: int, *, except_rooms: Collection[str] = ()) -> list[Frame]:
        """Remove the durable frames of an epoch up to an offset.

        Args:
            except_rooms: Drop the frames of these rooms.

        Returns:
            The frames removed, without those of `except_rooms`.
        """
        taken, left = list[Frame](), deque[Frame]()
        for frame in self._frames:
            if not 0 < frame.offset <= offset or frame.epoch != epoch:
                left.append(frame)
            elif frame.room not in except_rooms:
                taken.append(frame)
        self._frames = left
        return taken

    def discard_rooms(self, rooms: Collection[str]) -> None:
        """Drop all frames of some rooms."""
        self._frames = deque(frame for frame in self._frames if frame.room not in rooms)

    def discard_epochs(self, epochs: Collection[str | None]) -> None:
        """Drop the durable frames of some epochs."""
        self._frames = deque(frame for frame in self._frames if not frame.offset or frame.epoch not in epochs)


def _is_next(frame: Frame, before: Frame) -> bool:
    """Return True if a durable event follows another of its room, or is that one, and is in no room after it."""
    is_same_chain = frame.room == before.room and frame.epoch == before.epoch and frame.extra == "-"
    return is_same_chain and (frame is before or frame.prev <= before.offset < frame.offset)


def in_log_order(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames of several rooms in the log's order, each with the rooms in which its event comes again."""
    ordered = sorted(frames, key=_position)
    for index, frame in enumerate(ordered):
        later, at = list[str](), index + 1
        while at < len(ordered) and ordered[at].offset == frame.offset:
            later.append(ordered[at].room)
            at += 1
        yield frame.with_later_rooms(later) if later and not isinstance(frame, Reset) else frame


def _position(frame: Frame) -> tuple[int, int]:
    return frame.offset, isinstance(frame, Reset)
