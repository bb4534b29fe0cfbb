"""What every server under comparison has to offer: a process to measure, rooms to enter, and somebody who publishes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


class Lacking(Exception):
    """This machine has not got what the contender needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a client sends to get into a room, and when: text frames on a WebSocket.

    Attributes:
        path: Of the WebSocket's handshake, with its query.
        steps: `(await, send)`: once a text frame has come that begins with the first, the second is sent; an empty
            first is not waited for, an empty second is not sent.
        event: How a delivery begins: frames that do not are none (pings, acks, welcomes).
        returns: What it sends instead when it comes back after a cut; %PID% and %OFFSET% stand for what it was given.
        ping, pong: A frame that is exactly the first is answered with the second; empty if there are none.
    """

    path: str
    steps: Sequence[tuple[str, str]]
    event: str
    ping: str = ""
    pong: str = ""
    returns: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """What is published.

    Attributes:
        rooms: `r0` to `r<rooms - 1>`, each in its turn.
        rate: Events a second, evenly; 0 is as fast as it goes.
        seconds: For so long.
        burst: Events to one room in one go, counted in `rate`.
    """

    rooms: int
    rate: int
    seconds: float
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, on the loopback.

    Attributes:
        pid: The process that fans out: its CPU time and memory are what is compared.
        others: Its Redis, and whatever else it needs: shown beside it.
        folder: Where its files are.
        redis: Of a Redis that the publisher has to know: its port, or the path of its socket.
    """

    port: int
    pid: int
    others: Sequence[int] = field(default=())
    folder: str = ""
    redis: str = ""


class Contender(Protocol):
    """One server, in one configuration."""

    name: str

    def running(self, folder: str) -> AbstractAsyncContextManager[Server]:
        """Start it with a Redis of its own, and end all of it afterwards; files go to `folder`.

        Raises:
            Lacking: It can't run here.
        """

    async def prepare(self, server: Server, rooms: int) -> None:
        """Make `r0` to `r<rooms - 1>` such that clients may enter, where that takes anything."""

    def dialogue(self, server: Server, room: str) -> Dialogue:
        """How a client gets into a room."""

    def publisher(self, server: Server, pace: Pace) -> Sequence[str]:
        """The command of a process that publishes, and then prints one line of JSON.

        It waits for a line on its standard input before it begins. Every event's body has, beside some 150 bytes as an
        order's have, `"sent":<nanoseconds of CLOCK_MONOTONIC>` from just before it was published. What it prints:
        `{"events": <how many>, "began_ns": …, "ended_ns": …}`.
        """
