"""Is its loop free? A process of its own asks `/healthz` every 50 ms and keeps how long the answers took.

`python -m tests.chaos.pulse URL` until its standard input ends; then it prints the round trips in milliseconds, JSON.
A look at which this process itself was late, because the machine is busy, is not counted.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import select
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.support.processes import ROOT

_EVERY_S = 0.05
_LATE_S = 0.02


class Pulse:
    """Round trips in milliseconds; there once the pulse has been taken."""

    def __init__(self) -> None:
        self.trips_ms: list[float] = []

    @property
    def slowest_ms(self) -> float:
        return max(self.trips_ms)


@asynccontextmanager
async def pulse_of(url: str) -> AsyncIterator[Pulse]:
    """Take a hub's pulse meanwhile."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.pulse", url),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    pulse = Pulse()
    try:
        yield pulse
    finally:
        said, _ = await process.communicate(b"")  # closes its standard input
        pulse.trips_ms = json.loads(said)


def main(url: str) -> None:
    host = urlsplit(url).netloc
    connection = http.client.HTTPConnection(host, timeout=10)
    trips: list[float] = []
    while True:
        due = time.monotonic() + _EVERY_S
        if select.select([sys.stdin], [], [], _EVERY_S)[0]:
            break
        started = time.monotonic()
        if started - due > _LATE_S:
            continue
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        trips.append((time.monotonic() - started) * 1000)
    print(json.dumps(trips))


if __name__ == "__main__":
    main(sys.argv[1])
