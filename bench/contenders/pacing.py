"""How publishers keep a pace: evenly, whatever the server does, and never further behind than they must be."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

from bench.contenders.contender import Pace

_PAD = "x" * 150
_LOOK_S = 0.001  # a shorter one is none to uvloop, and a publisher that spins keeps the core from Redis
_MAX_AT_ONCE = 512  # events handed over in one go when it is to go as fast as it can


def body() -> str:
    """An event's data, as long as an order's, with the moment at which it was made."""
    return f'{{"sent":{time.monotonic_ns()},"status":"preparing","pad":"{_PAD}"}}'


def arguments(pace: Pace) -> list[str]:
    """What `from_arguments` reads."""
    return [str(pace.rooms), str(pace.rate), str(pace.seconds), str(pace.burst)]


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    for name, kind in (("rooms", int), ("rate", int), ("seconds", float), ("burst", int)):
        parser.add_argument(name, type=kind)
    return parser


def from_arguments(parsed: argparse.Namespace) -> Pace:
    return Pace(parsed.rooms, parsed.rate, parsed.seconds, parsed.burst)


async def keep(
    pace: Pace, publish: Callable[[list[int]], Awaitable[None]], finish: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Wait for a word on standard input, publish as the pace says, and print what came of it.

    Args:
        publish: Takes the rooms' numbers of the events that are due, in order; returns when more may be handed over.
        finish: Returns when all that was handed over is published, where `publish` does not wait for that.
    """
    await asyncio.to_thread(sys.stdin.readline)
    began_ns, began, done = time.monotonic_ns(), time.perf_counter(), 0
    total = round(pace.rate * pace.seconds) // pace.burst * pace.burst
    while True:
        passed = time.perf_counter() - began
        if pace.rate:
            due = min(total, int(passed * pace.rate) // pace.burst * pace.burst)
            if done >= total:
                break
        else:
            due = done + _MAX_AT_ONCE
            if passed > pace.seconds:
                break
        if due == done:
            await asyncio.sleep(_LOOK_S)
            continue
        await publish([number // pace.burst % pace.rooms for number in range(done, due)])
        done = due
    if finish is not None:
        await finish()
    print(json.dumps({"events": done, "began_ns": began_ns, "ended_ns": time.monotonic_ns()}), flush=True)
