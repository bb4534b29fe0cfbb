"""Server-Sent Events, read from bytes as they come: no I/O here."""

from __future__ import annotations

from dataclasses import dataclass


class TooLong(ValueError):
    """The server sent an event longer than a reader is willing to hold."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a stream. `id` is the cursor to come back with."""

    type: str
    data: str
    id: str


class EventParser:
    """Turns the bytes of a `text/event-stream` into events; half a line waits for its other half.

    `retry` is ignored: how to back off is the caller's business.

    Source: "Interpreting an event stream" in the HTML standard.
    """

    def __init__(self, max_bytes: int = 4 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._rest = b""
        self._held = 0
        self._data: list[str] = []
        self._type = ""
        self._id = ""

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        """Take what arrived, give the events that it completes.

        Raises:
            TooLong: One event holds more than `max_bytes`.
        """
        *lines, self._rest = (self._rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        made = [event for line in lines if (event := self._line(line)) is not None]
        if self._held + len(self._rest) > self._max_bytes:
            raise TooLong(f"an event of more than {self._max_bytes} bytes")
        return made

    def _line(self, line: bytes) -> StreamEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._held += len(line)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> StreamEvent | None:
        data, kind = self._data, self._type
        self._data, self._type, self._held = [], "", 0
        return StreamEvent(kind or "message", "\n".join(data), self._id) if data else None
