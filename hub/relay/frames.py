"""Events as the members of one room get them: encoded once for all members."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.core.cursor import Cursor
from hub.core.times import format_time
from hub.store.types import LogEntry

ROOM_RESET = "room.reset"


class Frame:
    """An event on its way to the members of one room.

    Each encoding is made when it is first asked for, and kept: a thousand members share one. The body is never parsed;
    the fields around it are written before its first field.

    Args:
        offset: 0 for a volatile event.
        raw: `{"type": …, "at": …, "data": {…}}`, as committed: one line of JSON.
        extra: The last field of the published header. Of a durable event: the rooms that get it after this one,
            comma-separated. Of a volatile event: its subject. `-` if there is none.
        resume: The cursor from which a connection resumes that got this frame last, if not the event's own.
    """

    __slots__ = (
        "_copy",
        "_framed",
        "_plain",
        "_sse",
        "_sse_chunk",
        "epoch",
        "extra",
        "offset",
        "prev",
        "raw",
        "resume",
        "room",
        "type",
    )

    def __init__(
        self,
        room: str,
        type: str,
        offset: int,
        prev: int,
        epoch: str,
        raw: bytes,
        extra: str = "-",
        resume: str = "",
    ) -> None:
        self.room = room
        self.type = type
        self.offset = offset
        self.prev = prev
        self.epoch = epoch
        self.raw = raw
        self.extra = extra
        self.resume = resume
        # None until asked for. Not cached_property: on Python 3.11 it takes a lock each time.
        self._framed: bytes | None = None
        self._plain: bytes | None = None
        self._sse: bytes | None = None
        self._sse_chunk: bytes | None = None
        self._copy: Frame | None = None

    @classmethod
    def parse(cls, room: str, message: bytes) -> Frame:
        """Parse a published message, `<epoch> <offset> <prev> <type> <extra>\n<body>`.

        Raises:
            ValueError: The message does not have that shape.
        """
        header, _, raw = message.partition(b"\n")
        epoch, offset, prev, type_, extra, *_ = header.decode().split(" ")  # a newer hub may add more
        return cls(room, type_, int(offset), int(prev), epoch, raw, extra)

    @classmethod
    def of_entry(cls, entry: LogEntry, epoch: str) -> Frame:
        """Return a frame of an event as read from a room's stream."""
        return cls(entry.room, entry.type, entry.offset, entry.prev, epoch, entry.body.encode())

    @property
    def size(self) -> int:
        """Bytes of the body: about what a delivery costs."""
        return len(self.raw)

    @property
    def body(self) -> str:
        return self.raw.decode()

    @property
    def subject(self) -> str:
        """The subject of a volatile event, which a newer one about the same subject replaces. Empty if it has none."""
        return "" if self.offset or self.extra == "-" else self.extra

    @property
    def later_rooms(self) -> Sequence[str]:
        """The rooms that get a durable event after this one."""
        return self.extra.split(",") if self.offset and self.extra != "-" else ()

    @property
    def log_position(self) -> tuple[int, int]:
        """The place of a durable event among those of all rooms: by offset, then in the order of the event's rooms."""
        return self.offset, -len(self.later_rooms)

    @property
    def earlier_copy(self) -> Frame:
        """The frame for a member that is still to get the event in a later room.

        Its connection may break between the two copies. This one's cursor lies before the event, so that the member
        then gets the other copy, too.
        """
        if self._copy is None:
            self._copy = self.resuming_from(f"{self.epoch}-{self.offset - 1}")
        return self._copy

    def resuming_from(self, cursor: str) -> Frame:
        """Return the frame with another cursor to resume from."""
        return Frame(self.room, self.type, self.offset, self.prev, self.epoch, self.raw, self.extra, cursor)

    def with_later_rooms(self, rooms: Sequence[str]) -> Frame:
        """Return the frame with the rooms in which its event is still to be delivered."""
        return Frame(self.room, self.type, self.offset, self.prev, self.epoch, self.raw, ",".join(rooms), self.resume)

    @property
    def cursor(self) -> str | None:
        """The cursor of a reader after this frame; None for a volatile event."""
        return self.resume or (f"{self.epoch}-{self.offset}" if self.offset else None)

    @property
    def event(self) -> str:
        """The event as docs/protocol.md specifies it."""
        return self._opening + self.raw[1:].decode()

    @property
    def socketio(self) -> str:
        """A Socket.IO packet: `2["<type>",<event>,"<cursor>"]`."""
        return self.engineio[1:]

    @property
    def engineio(self) -> str:
        """The Socket.IO packet in an Engine.IO packet, for long polling."""
        return self._packet().decode()

    @property
    def engineio_packet(self) -> bytes:
        """The Engine.IO packet in UTF-8."""
        return self._packet()

    @property
    def engineio_frame(self) -> bytes:
        """The Engine.IO packet in a WebSocket frame, ready for a socket's transport."""
        framed = self._framed
        if framed is None:
            framed = self._framed = utf8_frame(self._packet())
        return framed

    @property
    def websocket(self) -> str:
        """A message of the plain WebSocket: `{"cursor": …, "event": …}`."""
        cursor = f'"cursor":"{self.cursor}",' if self.cursor else ""
        return f'{{{cursor}"event":{self.event}}}'

    @property
    def websocket_frame(self) -> bytes:
        """The message in a WebSocket frame, ready for a socket's transport."""
        if self._plain is None:
            self._plain = text_frame(self.websocket)
        return self._plain

    @property
    def sse(self) -> bytes:
        """A server-sent event; a volatile one has no id, so that it never becomes a place to resume from."""
        if self._sse is None:
            id_ = f"id: {self.cursor}\n" if self.cursor else ""
            opening = f"{id_}event: {self.type}\ndata: {self._opening}"
            self._sse = b"%b%b\n\n" % (opening.encode(), self.raw[1:])
        return self._sse

    @property
    def sse_chunk(self) -> bytes:
        """The server-sent event as a chunk of an HTTP/1.1 response, ready for a transport."""
        if self._sse_chunk is None:
            self._sse_chunk = http_chunk(self.sse)
        return self._sse_chunk

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
        return self.room, self.type, self.offset, self.prev, self.epoch, self.raw, self.extra, self.resume

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.room} {self.epoch}-{self.offset} {self.type})"


class Reset(Frame):
    """`room.reset`: forget the room's state; this is its state as of this epoch and offset.

    The event itself has no offset in the log. Several rooms may be reset together: a connection that breaks before the
    last reset resumes from before the first, and is given all of them again.

    Attributes:
        min_resume_offset: A connection that resumes from before this offset has not been given the reset.
    """

    __slots__ = ("min_resume_offset",)

    def __init__(
        self, room: str, offset: int, epoch: str, raw: bytes, min_resume_offset: int, resume: str = ""
    ) -> None:
        super().__init__(room, ROOM_RESET, offset, 0, epoch, raw, resume=resume)
        self.min_resume_offset = min_resume_offset

    @classmethod
    def of(cls, room: str, cursor: Cursor, snapshot: Mapping[str, Any], at: datetime) -> Reset:
        """Return the reset of one room to a snapshot as of a cursor."""
        data = json.dumps({"snapshot": snapshot, "cursor": str(cursor)}, ensure_ascii=False, separators=(",", ":"))
        body = f'{{"type":"{ROOM_RESET}","at":"{format_time(at)}","data":{data}}}'
        return cls(room, cursor.offset, cursor.epoch, body.encode(), cursor.offset)

    def together(self, resume: str, min_resume_offset: int) -> Reset:
        """Return the reset as one of several that belong together.

        Args:
            resume: The cursor from which a connection resumes that got this reset last.
            min_resume_offset: A connection that resumes from before this offset lacks some of the resets.
        """
        return Reset(self.room, self.offset, self.epoch, self.raw, min_resume_offset, resume)

    def resuming_from(self, cursor: str) -> Reset:
        return self.together(cursor, self.min_resume_offset)

    @property
    def cursor(self) -> str:
        return self.resume or f"{self.epoch}-{self.offset}"

    @property
    def _opening(self) -> str:
        return f'{{"room":"{self.room}",'

    @property
    def _identity(self) -> tuple[object, ...]:
        return *super()._identity, self.min_resume_offset


class Batch:
    """Events that follow each other, for members that take them in one piece.

    Attributes:
        frames: The oldest first.
    """

    __slots__ = ("_encode", "_encoded", "frames")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self._encode: Callable[[Frame], bytes] | None = None
        self._encoded = b""

    def encoded(self, encode: Callable[[Frame], bytes]) -> bytes:
        """Return all frames encoded in one piece, for one write; kept for the next member of the same kind."""
        if encode is not self._encode:
            self._encode, self._encoded = encode, b"".join(map(encode, self.frames))
        return self._encoded


@dataclass(frozen=True, slots=True)
class MissedFrames:
    """Events of some rooms after a reader's offset in each, all as of one moment, `cursor`.

    Attributes:
        rooms: By room, oldest first; None if not all of a room's events are there any more, so that it must be reset.
    """

    cursor: Cursor
    rooms: Mapping[str, Sequence[Frame] | None]


def http_chunk(data: bytes) -> bytes:
    """Return data as one chunk of an HTTP/1.1 response (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def text_frame(text: str) -> bytes:
    """Return an unmasked, uncompressed WebSocket text message, as a server may send it to anyone (RFC 6455, 5.2)."""
    return utf8_frame(text.encode())


def utf8_frame(payload: bytes) -> bytes:
    """Return a payload in UTF-8 as an unmasked, uncompressed WebSocket text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
