"""One trial: a publisher keeps a pace, sockets listen, and the server's CPU time is read before and after."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.contenders.contender import Contender, Lacking, Pace, Server
from bench.load import Load
from bench.machine import ROOT, Others, cpu_s

_START_S = 20.0
_LATE_S = 30.0  # a publisher that is no faster than its server
_SETTLE_S = 4.0  # for the last deliveries, once all is published


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        server_s: CPU seconds of the process that fans out.
        beside_s: Of its Redis, and whatever else it needs.
        load_s: Of the load client: far less than `wall_s`, or it was the bottleneck.
        wall_s: From the publisher's first event to the last delivery.
        published_s: From the first to the last event.
        lost: Sockets that were disconnected.
        others: What other processes took of the machine.
    """

    events: int
    expected: int
    arrived: int
    server_s: float
    beside_s: float
    load_s: float
    wall_s: float
    published_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    lost: int
    others: float

    @property
    def deliveries_a_cpu_s(self) -> float:
        return self.arrived / self.server_s if self.server_s else 0.0

    @property
    def deliveries_s(self) -> float:
        return self.arrived / self.wall_s if self.wall_s else 0.0

    @property
    def events_s(self) -> float:
        return self.events / self.published_s if self.published_s else 0.0


async def run(contender: Contender, server: Server, load: Load, pace: Pace, members: float) -> Trial:
    """Publish at this pace to rooms of so many `members` each, who are in them already."""
    before, began = await load.begin(), _Account.now(server)
    published = await publish(contender.publisher(server, pace), pace.seconds)
    expected = round(published.events * members)
    heard = await load.wait(expected, _SETTLE_S)
    spent = _Account.now(server).since(began)
    load_s = heard.cpu_s - before.cpu_s
    return Trial(
        events=published.events,
        expected=expected,
        arrived=heard.deliveries,
        server_s=spent.server_s,
        beside_s=spent.beside_s,
        load_s=load_s,
        wall_s=max(0.0, (heard.last_ns - published.began_ns) / 1e9),
        published_s=(published.ended_ns - published.began_ns) / 1e9,
        p50_ms=heard.p50_ms,
        p99_ms=heard.p99_ms,
        max_ms=heard.max_ms,
        lost=heard.lost - before.lost,
        others=began.others.share(spent.server_s + spent.beside_s + spent.ours_s + load_s),
    )


@dataclass(frozen=True, slots=True)
class Published:
    """What a publisher says of itself."""

    events: int
    began_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class _Account:
    """CPU seconds so far: of the server, of what stands beside it, of this process and the publishers it has had."""

    server_s: float
    beside_s: float
    ours_s: float
    others: Others

    @classmethod
    def now(cls, server: Server) -> _Account:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours_s = time.process_time() + children.ru_utime + children.ru_stime
        return cls(cpu_s(server.pid), sum(map(cpu_s, server.others)), ours_s, Others())

    def since(self, then: _Account) -> _Account:
        spent = (self.server_s - then.server_s, self.beside_s - then.beside_s, self.ours_s - then.ours_s)
        return _Account(*spent, then.others)


async def publish(command: Sequence[str], seconds: float) -> Published:
    """Give the word at once: a publisher reads it when it has got ready, and the server idles until then.

    Raises:
        Lacking: The publisher said nothing that can be read.
    """
    publisher = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_START_S + seconds + _LATE_S):
            said, _ = await publisher.communicate(b"go\n")
    finally:
        if publisher.returncode is None:
            publisher.kill()
            await publisher.wait()
    try:
        told = json.loads(said)
    except ValueError:
        raise Lacking(f"its publisher failed: {' '.join(command)}") from None
    return Published(told["events"], told["began_ns"], told["ended_ns"])
