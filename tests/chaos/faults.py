"""What may go wrong, and in which order it does: the same seed draws the same faults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.fault_proxy import Which
from tests.chaos.world import World

LATENCY_S = 0.2


class Kind(StrEnum):
    """The faults there are."""

    HUB_KILLED = "hub killed"
    HUB_STOPPED = "hub stopped"
    REDIS_KILLED = "redis killed"
    REDIS_FROZEN = "redis frozen"
    PUBSUB_KILLED = "pubsub killed"
    LINE_SLOW = "line slow"
    LINE_DEAD = "line dead"
    PUBSUB_DEAD = "pubsub dead"
    REPLIES_LOST = "replies lost"
    LINE_RESET = "line reset"
    SCRIPTS_FORGOTTEN = "scripts forgotten"


# How long each may last, in seconds; past it nothing more is learned.
_LASTS: Mapping[Kind, tuple[float, float]] = {
    Kind.HUB_KILLED: (0.0, 3.0),
    Kind.HUB_STOPPED: (0.0, 3.0),
    Kind.REDIS_KILLED: (0.2, 3.0),
    Kind.REDIS_FROZEN: (1.0, 4.0),
    Kind.PUBSUB_KILLED: (0.5, 3.0),
    Kind.LINE_SLOW: (1.0, 4.0),
    Kind.LINE_DEAD: (0.5, 6.0),
    Kind.PUBSUB_DEAD: (0.5, 6.0),
    Kind.REPLIES_LOST: (0.2, 3.0),
    Kind.LINE_RESET: (0.2, 2.0),
    Kind.SCRIPTS_FORGOTTEN: (0.1, 1.0),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what, which hub (if it is about one), for how long."""

    kind: Kind
    hub: int
    lasts_s: float

    def __str__(self) -> str:
        return f"{self.kind}, hub {self.hub}, {self.lasts_s:.2f} s"


def schedule(seed: int, hubs: int = 2) -> Iterator[Fault]:
    """The faults of a seed, without end: each kind comes once before any comes again."""
    drawn = random.Random(seed)
    while True:
        kinds = list(Kind)
        drawn.shuffle(kinds)
        for kind in kinds:
            yield Fault(kind, drawn.randrange(hubs), round(drawn.uniform(*_LASTS[kind]), 2))


async def strike(world: World, fault: Fault) -> None:
    """Let it happen, and end it: everything runs again when this returns, but nobody has caught up yet."""
    try:
        await _STRIKES[fault.kind](world, fault)
    finally:
        world.heal()


async def _kill_hub(world: World, fault: Fault) -> None:
    await world.kill_hub(fault.hub)
    await asyncio.sleep(fault.lasts_s)
    await world.start_hub(fault.hub)


async def _stop_hub(world: World, fault: Fault) -> None:
    status = await world.stop_hub(fault.hub)
    assert status == 0, f"hub {fault.hub} ended with {status}"
    await asyncio.sleep(fault.lasts_s)
    await world.start_hub(fault.hub)


async def _kill_redis(world: World, fault: Fault) -> None:
    await world.kill_redis()
    await asyncio.sleep(fault.lasts_s)
    await world.start_redis()


async def _freeze_redis(world: World, fault: Fault) -> None:
    world.freeze_redis()
    await asyncio.sleep(fault.lasts_s)


async def _kill_pubsub(world: World, fault: Fault) -> None:
    for _ in range(max(1, round(fault.lasts_s * 10))):
        await world.kill_pubsub()
        await asyncio.sleep(0.1)


async def _slow_line(world: World, fault: Fault) -> None:
    world.hubs[fault.hub].proxy.delay(LATENCY_S)
    await asyncio.sleep(fault.lasts_s)


async def _dead_line(world: World, fault: Fault) -> None:
    world.hubs[fault.hub].proxy.black_hole()
    await asyncio.sleep(fault.lasts_s)


async def _dead_pubsub(world: World, fault: Fault) -> None:
    world.hubs[fault.hub].proxy.black_hole(Which.PUBSUB)
    await asyncio.sleep(fault.lasts_s)


async def _lose_replies(world: World, fault: Fault) -> None:
    world.hubs[fault.hub].proxy.drop_replies()
    await asyncio.sleep(fault.lasts_s)


async def _reset_line(world: World, fault: Fault) -> None:
    for _ in range(max(1, round(fault.lasts_s * 5))):
        world.hubs[fault.hub].proxy.reset()
        await asyncio.sleep(0.2)


async def _forget_scripts(world: World, fault: Fault) -> None:
    for _ in range(max(1, round(fault.lasts_s * 10))):
        await world.forget_scripts()
        await asyncio.sleep(0.1)


_STRIKES: Mapping[Kind, Callable[[World, Fault], Awaitable[None]]] = {
    Kind.HUB_KILLED: _kill_hub,
    Kind.HUB_STOPPED: _stop_hub,
    Kind.REDIS_KILLED: _kill_redis,
    Kind.REDIS_FROZEN: _freeze_redis,
    Kind.PUBSUB_KILLED: _kill_pubsub,
    Kind.LINE_SLOW: _slow_line,
    Kind.LINE_DEAD: _dead_line,
    Kind.PUBSUB_DEAD: _dead_pubsub,
    Kind.REPLIES_LOST: _lose_replies,
    Kind.LINE_RESET: _reset_line,
    Kind.SCRIPTS_FORGOTTEN: _forget_scripts,
}
