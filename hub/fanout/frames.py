"""One event as the members of one room get it: encoded once, whoever and however many they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.domain.rooms import Cursor
from hub.domain.values import format_time
from hub.eventlog.types import LogEntry

ROOM_RESET = "room.reset"


class Frame:
    """An event on its way to a room's members.

    Each encoding is made when it is first asked for, and kept: a thousand members share one. The body is
    never parsed; what stands around it is written before its first field.

    Args:
        offset: 0 for a volatile event.
        raw: `{"type": …, "at": …, "data": {…}}`, as committed: one line of JSON.
        rest: Of a durable event: the rooms that get it after this one, comma-separated. Of a volatile one: what it
            is about. `-` if there is none.
        resume: Where a connection that got this one last goes on, if that is not the event's own place.
    """

    __slots__ = ("_copy", "_framed", "_sse", "epoch", "offset", "prev", "raw", "rest", "resume", "room", "type")

    def __init__(
        self,
        room: str,
        type: str,
        offset: int,
        prev: int,
        epoch: str,
        raw: bytes,
        rest: str = "-",
        resume: str = "",
    ) -> None:
        self.room = room
        self.type = type
        self.offset = offset
        self.prev = prev
        self.epoch = epoch
        self.raw = raw
        self.rest = rest
        self.resume = resume
        # None until asked for. Not cached_property: on Python 3.11 it takes a lock each time.
        self._framed: bytes | None = None
        self._sse: bytes | None = None
        self._copy: Frame | None = None

    @classmethod
    def parse(cls, room: str, message: bytes) -> Frame:
        """A frame from a published message, `<epoch> <offset> <prev> <type> <rest>\n<body>`.

        Raises:
            ValueError: It is not of that shape.
        """
        header, _, raw = message.partition(b"\n")
        epoch, offset, prev, type_, rest, *_ = header.decode().split(" ")  # a newer hub may add more
        return cls(room, type_, int(offset), int(prev), epoch, raw, rest)

    @classmethod
    def of_entry(cls, entry: LogEntry, epoch: str) -> Frame:
        return cls(entry.room, entry.type, entry.offset, entry.prev, epoch, entry.body.encode())

    @property
    def size(self) -> int:
        """Bytes of the body: about what it costs to give it to somebody."""
        return len(self.raw)

    @property
    def body(self) -> str:
        return self.raw.decode()

    @property
    def subject(self) -> str:
        """What a volatile event is about: a newer one about the same makes it worthless. Empty if nobody said."""
        return "" if self.offset or self.rest == "-" else self.rest

    @property
    def later(self) -> Sequence[str]:
        """The rooms that get a durable event after this one."""
        return self.rest.split(",") if self.offset and self.rest != "-" else ()

    @property
    def earlier_copy(self) -> Frame:
        """The same for a member that is still to get the event in another room.

        Its connection may break between the two; resuming from here it gets the other one, too.
        """
        if self._copy is None:
            self._copy = self.resuming_from(f"{self.epoch}-{self.offset - 1}")
        return self._copy

    def resuming_from(self, cursor: str) -> Frame:
        """The same, with another place to go on from."""
        return Frame(self.room, self.type, self.offset, self.prev, self.epoch, self.raw, self.rest, cursor)

    def followed_by(self, rooms: Sequence[str]) -> Frame:
        """The same, saying in which rooms its event comes again."""
        return Frame(self.room, self.type, self.offset, self.prev, self.epoch, self.raw, ",".join(rooms), self.resume)

    @property
    def cursor(self) -> str | None:
        """Where a reader stands after it; none beside a volatile event."""
        return self.resume or (f"{self.epoch}-{self.offset}" if self.offset else None)

    @property
    def event(self) -> str:
        """The event itself, as PROTOCOL has it."""
        return self._opening + self.raw[1:].decode()

    @property
    def socketio(self) -> str:
        """A Socket.IO packet: `2["<type>",<event>,"<cursor>"]`."""
        return self.engineio[1:]

    @property
    def engineio(self) -> str:
        """The same in an Engine.IO packet, for long polling."""
        return self._packet().decode()

    @property
    def engineio_frame(self) -> bytes:
        """The same in a WebSocket frame: what goes to a socket's transport as it is."""
        framed = self._framed
        if framed is None:
            framed = self._framed = _framed(self._packet())
        return framed

    @property
    def websocket(self) -> str:
        """A message of the plain WebSocket: `{"cursor": …, "event": …}`."""
        cursor = f'"cursor":"{self.cursor}",' if self.cursor else ""
        return f'{{{cursor}"event":{self.event}}}'

    @property
    def sse(self) -> bytes:
        """A server-sent event; a volatile one has no id, so that it never becomes a place to resume from."""
        if self._sse is None:
            id_ = f"id: {self.cursor}\n" if self.cursor else ""
            opening = f"{id_}event: {self.type}\ndata: {self._opening}"
            self._sse = b"%b%b\n\n" % (opening.encode(), self.raw[1:])
        return self._sse

    @property
    def _opening(self) -> str:
        """The event up to the body's first field."""
        position = f'"offset":{self.offset},"prev":{self.prev},' if self.offset else ""
        return f'{{{position}"room":"{self.room}",'

    def _packet(self) -> bytes:
        cursor = self.cursor
        ending = f',"{cursor}"]' if cursor else "]"
        return f'42["{self.type}",{self._opening}'.encode() + self.raw[1:] + ending.encode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.room, self.type, self.offset, self.prev, self.epoch, self.raw, self.rest, self.resume

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.room} {self.epoch}-{self.offset} {self.type})"


class Reset(Frame):
    """`room.reset`: forget what you know of the room, here it is as of this offset and epoch.

    The event itself has no place in the log. Several rooms may have to begin anew together: a connection that broke
    before the last of them began resumes from where it was before the first, and is given all of them again.

    Attributes:
        floor: A connection that resumes from before this offset has not been given it.
    """

    __slots__ = ("floor",)

    def __init__(self, room: str, offset: int, epoch: str, raw: bytes, floor: int, resume: str = "") -> None:
        super().__init__(room, ROOM_RESET, offset, 0, epoch, raw, resume=resume)
        self.floor = floor

    @classmethod
    def of(cls, room: str, cursor: Cursor, snapshot: Mapping[str, Any], at: datetime) -> Reset:
        data = json.dumps({"snapshot": snapshot, "cursor": str(cursor)}, ensure_ascii=False, separators=(",", ":"))
        body = f'{{"type":"{ROOM_RESET}","at":"{format_time(at)}","data":{data}}}'
        return cls(room, cursor.offset, cursor.epoch, body.encode(), cursor.offset)

    def together(self, resume: str, floor: int) -> Reset:
        """The same among others that belong to it: a connection going on from before `floor` lacks some of them."""
        return Reset(self.room, self.offset, self.epoch, self.raw, floor, resume)

    def resuming_from(self, cursor: str) -> Reset:
        return self.together(cursor, self.floor)

    @property
    def cursor(self) -> str:
        return self.resume or f"{self.epoch}-{self.offset}"

    @property
    def _opening(self) -> str:
        return f'{{"room":"{self.room}",'

    @property
    def _identity(self) -> tuple[object, ...]:
        return *super()._identity, self.floor


class Batch:
    """Events that follow each other, for members that take them in one piece.

    Attributes:
        frames: The oldest first.
    """

    __slots__ = ("_framed", "frames")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self._framed: bytes | None = None

    @property
    def engineio_frames(self) -> bytes:
        """All of them for a WebSocket's transport: one write, one system call."""
        if self._framed is None:
            self._framed = b"".join(frame.engineio_frame for frame in self.frames)
        return self._framed


def text_frame(text: str) -> bytes:
    """An unmasked, uncompressed WebSocket text message, as a server may send it to anyone (RFC 6455, 5.2)."""
    return _framed(text.encode())


def _framed(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
