"""A Socket.IO client with as little between it and the wire as there can be.

One protocol object a connection: it takes a time stamp when bytes arrive, keeps each event as it came, and
leaves every question for after the measurement. WebSocket only, no compression, text only.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable
from typing import Any, cast

_PING, _EVENT, _ACK, _CONNECTED, _OPEN = b"2", b"42", b"43", b"40", b"0"


class Refused(Exception):
    """The hub said no, or something that this client does not speak."""


class Client(asyncio.Protocol):
    """One connection to namespace `/`.

    Attributes:
        arrived: Events as they came: when (`perf_counter`), and the JSON array `[type, event, cursor]`.
        answers: The ack of each command that nobody awaited, by the command's number.
        on_answer: Is given those acks instead, where it is set.
        on_event: Is given the events instead, where it is set.
    """

    def __init__(self) -> None:
        self.arrived: list[tuple[float, bytes]] = []
        self.answers: dict[int, bytes] = {}
        self.on_answer: Callable[[bytes], None] | None = None
        self.on_event: Callable[[float, bytes], None] | None = None
        self.lost = False
        self._acks: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._buffer = b""
        self._upgraded = False
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._connect = ""

    @classmethod
    async def open(cls, host: str, port: int, token: str | None = None, deadline_s: float = 10.0) -> Client:
        """Connect; returns when the hub has let us in.

        Raises:
            Refused: It has not.
        """
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(cls, host, port)
        client._connect = "40" + (json.dumps({"token": token}) if token else "")
        key = base64.b64encode(os.urandom(16)).decode()
        client._write_raw(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        async with asyncio.timeout(deadline_s):
            await client._ready
        return client

    def emit(self, name: str, payload: dict[str, Any]) -> int:
        """Send a command and do not wait; its ack comes to `answers` under this number."""
        self._number += 1
        self._write(f"42{self._number}{json.dumps([name, payload])}".encode())
        return self._number

    async def command(self, name: str, payload: dict[str, Any], deadline_s: float = 10.0) -> dict[str, Any]:
        """Send a command and wait for its ack.

        Raises:
            Refused: The ack is an error.
        """
        acked = asyncio.get_running_loop().create_future()
        self._acks[self._number + 1] = acked
        self.emit(name, payload)
        async with asyncio.timeout(deadline_s):
            answer = await acked
        return data_of(answer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for waiting in (self._ready, *self._acks.values()):
            if not waiting.done():
                waiting.set_exception(Refused("the connection is gone"))
                waiting.exception()  # it may be that nobody waits

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        buffer = self._buffer + data if self._buffer else data
        at = 0
        if not self._upgraded:
            head, found, _ = buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = buffer
                return
            if not head.startswith(b"HTTP/1.1 101"):
                return self._fail(head.decode(errors="replace"))
            self._upgraded, at = True, len(head) + 4
        while (frame := _frame(buffer, at)) is not None:
            opcode, payload, at = frame
            if opcode == 1:
                self._packet(payload, now)
            elif opcode == 8:
                self.close()
        self._buffer = buffer[at:]

    def _packet(self, packet: bytes, now: float) -> None:
        if packet.startswith(_EVENT):
            if self.on_event is not None:
                self.on_event(now, packet[2:])
            else:
                self.arrived.append((now, packet[2:]))
        elif packet.startswith(_ACK):
            start = packet.index(b"[")
            number = int(packet[2:start])
            if (waiting := self._acks.pop(number, None)) is not None:
                if not waiting.done():
                    waiting.set_result(packet[start:])
            elif self.on_answer is not None:
                self.on_answer(packet[start:])
            else:
                self.answers[number] = packet[start:]
        elif packet == _PING:
            self._write(b"3")
        elif packet.startswith(_CONNECTED):
            self._ready.set_result(None)
        elif packet.startswith(_OPEN):
            self._write(self._connect.encode())
        else:
            self._fail(packet.decode(errors="replace"))

    def _fail(self, said: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(Refused(said[:300]))
        self.close()

    def _write(self, text: bytes) -> None:
        """One masked text frame; the mask is zero, which the protocol allows, so the bytes stay as they are."""
        size = len(text)
        head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        self._write_raw(head + b"\0\0\0\0" + text)

    def _write_raw(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)


def data_of(answer: bytes) -> dict[str, Any]:
    """What an ack carries.

    Raises:
        Refused: An error.
    """
    (told,) = json.loads(answer)
    if not told["ok"]:
        raise Refused(f"{told['error']['code']}: {told['error']['message']}")
    data: dict[str, Any] = told["data"]
    return data


def _frame(buffer: bytes, at: int) -> tuple[int, bytes, int] | None:
    """The frame that begins there: its opcode, its payload, where it ends; None while it is not whole."""
    if len(buffer) < at + 2:
        return None
    opcode, size, start = buffer[at] & 0x0F, buffer[at + 1] & 0x7F, at + 2
    if size >= 126:
        wide = 2 if size == 126 else 8
        if len(buffer) < start + wide:
            return None
        size, start = int.from_bytes(buffer[start : start + wide], "big"), start + wide
    if len(buffer) < start + size:
        return None
    return opcode, buffer[start : start + size], start + size
