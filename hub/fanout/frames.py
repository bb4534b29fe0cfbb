"""One event as the members of one room get it: encoded once, whoever and however many they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from hub.domain.rooms import Cursor
from hub.domain.values import format_time
from hub.eventlog.types import LogEntry

ROOM_RESET = "room.reset"


@dataclass(frozen=True)
class Frame:
    """An event on its way to a room's members.

    Each encoding is made when it is first asked for, and kept: a thousand members share one. The body is
    never parsed; what stands around it is written before its first field.

    Attributes:
        offset: 0 for a volatile event.
        body: `{"type": …, "at": …, "data": {…}}`, as committed: one line of JSON.
        rest: Of a durable event: the rooms that get it after this one, comma-separated. Of a volatile one: what it
            is about. `-` if there is none.
        resume: Where a connection that got this one last goes on, if that is not the event's own place.
    """

    room: str
    type: str
    offset: int
    prev: int
    epoch: str
    body: str
    rest: str = "-"
    resume: str = ""

    @classmethod
    def parse(cls, room: str, message: bytes) -> Frame:
        """A frame from a published message, `<epoch> <offset> <prev> <type> <rest>\\n<body>`.

        Raises:
            ValueError: It is not of that shape.
        """
        header, _, body = message.decode().partition("\n")
        epoch, offset, prev, type_, rest = header.split(" ")
        return cls(room, type_, int(offset), int(prev), epoch, body, rest)

    @classmethod
    def of_entry(cls, entry: LogEntry, epoch: str) -> Frame:
        return cls(entry.room, entry.type, entry.offset, entry.prev, epoch, entry.body)

    @property
    def subject(self) -> str:
        """What a volatile event is about: a newer one about the same makes it worthless. Empty if nobody said."""
        return "" if self.offset or self.rest == "-" else self.rest

    @property
    def later(self) -> Sequence[str]:
        """The rooms that get a durable event after this one."""
        return self.rest.split(",") if self.offset and self.rest != "-" else ()

    @cached_property
    def earlier_copy(self) -> Frame:
        """The same for a member that is still to get the event in another room.

        Its connection may break between the two; resuming from here it gets the other one, too.
        """
        return self.resuming_from(f"{self.epoch}-{self.offset - 1}")

    def resuming_from(self, cursor: str) -> Frame:
        """The same, with another place to go on from."""
        return replace(self, resume=cursor)

    @cached_property
    def cursor(self) -> str | None:
        """Where a reader stands after it; none beside a volatile event."""
        return self.resume or (f"{self.epoch}-{self.offset}" if self.offset else None)

    @cached_property
    def event(self) -> str:
        """The event itself, as PROTOCOL has it."""
        position = f'"offset":{self.offset},"prev":{self.prev},' if self.offset else ""
        return f'{{{position}"room":"{self.room}",{self.body[1:]}'

    @cached_property
    def socketio(self) -> str:
        """A Socket.IO packet: `2["<type>",<event>,"<cursor>"]`."""
        return f'2["{self.type}",{self.event}{self._cursor_argument}]'

    @cached_property
    def engineio(self) -> str:
        """The same in an Engine.IO packet, for long polling."""
        return "4" + self.socketio

    @cached_property
    def engineio_frame(self) -> bytes:
        """The same in a WebSocket frame: what goes to a socket's transport as it is."""
        return text_frame(self.engineio)

    @cached_property
    def websocket(self) -> str:
        """A message of the plain WebSocket: `{"cursor": …, "event": …}`."""
        cursor = f'"cursor":"{self.cursor}",' if self.cursor else ""
        return f'{{{cursor}"event":{self.event}}}'

    @cached_property
    def sse(self) -> bytes:
        """A server-sent event; a volatile one has no id, so that it never becomes a place to resume from."""
        id_ = f"id: {self.cursor}\n" if self.cursor else ""
        return f"{id_}event: {self.type}\ndata: {self.event}\n\n".encode()

    @property
    def _cursor_argument(self) -> str:
        return f',"{self.cursor}"' if self.cursor else ""


@dataclass(frozen=True)
class Reset(Frame):
    """`room.reset`: forget what you know of the room, here it is as of this offset and epoch.

    The event itself has no place in the log. Several rooms may have to begin anew together: a connection that broke
    before the last of them began resumes from where it was before the first, and is given all of them again.

    Attributes:
        floor: A connection that resumes from before this offset has not been given it.
    """

    floor: int = 0

    @classmethod
    def of(cls, room: str, cursor: Cursor, snapshot: Mapping[str, Any], at: datetime) -> Reset:
        data = json.dumps({"snapshot": snapshot, "cursor": str(cursor)}, ensure_ascii=False, separators=(",", ":"))
        body = f'{{"type":"{ROOM_RESET}","at":"{format_time(at)}","data":{data}}}'
        return cls(room, ROOM_RESET, cursor.offset, 0, cursor.epoch, body, floor=cursor.offset)

    @cached_property
    def cursor(self) -> str:
        return self.resume or f"{self.epoch}-{self.offset}"

    @cached_property
    def event(self) -> str:
        return f'{{"room":"{self.room}",{self.body[1:]}'


def text_frame(text: str) -> bytes:
    """An unmasked, uncompressed WebSocket text message, as a server may send it to anyone (RFC 6455, 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
