"""The servers around the one that holds the branch: its replicas, the Sentinels that watch it, its cluster."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from hub.core.errors import Unavailable
from hub.store.redis.address import Engine, Node, parse_address
from hub.store.redis.connect import connected
from hub.store.redis.error_translation import translate
from hub.store.redis.locator import ClusterLocator, SentinelLocator, parse_nodes
from hub.store.redis.redis_py import locator_of
from hub.store.redis.reply_pairs import pairs

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True)
class SentinelView:
    """The state of a primary as one Sentinel sees it.

    Attributes:
        others: The number of other Sentinels that it knows.
        quorum: The number of Sentinels that have to agree that the primary is dead.
        trouble: The reason why they could not promote a replica now; empty if they could.
    """

    node: Node
    others: int
    quorum: int
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The state of a cluster as the owner of the branch's slot sees it.

    Attributes:
        slot: The slot of the branch.
        primaries: The number of nodes that own slots.
        failed: The addresses of nodes that the cluster takes for dead.
        state: `ok`, or `fail` if it serves nothing.
    """

    slot: int
    primaries: int
    failed: tuple[Node, ...]
    state: str


@dataclass(frozen=True, slots=True)
class Topology:
    """The server that holds the branch, and those around it.

    Attributes:
        node: Its address; None for a Unix socket.
        role: `master`, `slave` or `sentinel`, as Redis calls them; empty if it does not tell.
        replicas: The number of its replicas that are connected.
        min_replicas: Its `min-replicas-to-write`; None if it does not tell.
        sentinels: Those that answered.
        silent: The Sentinels that did not.
    """

    engine: Engine
    node: Node | None
    role: str = ""
    replicas: int = 0
    min_replicas: int | None = None
    sentinels: tuple[SentinelView, ...] = ()
    silent: tuple[Node, ...] = field(default=())
    cluster: ClusterView | None = None


async def read_topology(url: str, deadline_s: float, *, branch: str) -> Topology:
    """Ask the server of a branch, and its Sentinels or its cluster.

    Raises:
        Unavailable: The server does not answer.
        ValueError: The URL is wrong.
    """
    engine = parse_address(url).engine
    try:
        async with asyncio.timeout(deadline_s), connected(url, branch=branch, deadline_s=deadline_s) as redis:
            return await _read(redis, engine)
    except TimeoutError as exc:
        raise Unavailable("Redis does not answer") from exc
    except (RedisError, OSError) as exc:
        raise translate(exc) from exc


async def _read(redis: Redis, engine: Engine) -> Topology:
    role: Any = await _ask(redis, "ROLE")
    asked: Any = await _ask(redis, "CONFIG", "GET", "min-replicas-to-write")
    settings = dict(pairs(asked)) if asked else {}
    name = str(role[0]) if role else ""
    locator = locator_of(redis)
    sentinels: list[SentinelView | Node] = []
    if isinstance(locator, SentinelLocator):
        sentinels = await asyncio.gather(*(_sentinel(locator, node) for node in locator.sentinels))
    return Topology(
        engine,
        locator.node,
        name,
        len(role[2]) if name == "master" else 0,
        int(settings["min-replicas-to-write"]) if "min-replicas-to-write" in settings else None,
        tuple(each for each in sentinels if isinstance(each, SentinelView)),
        tuple(each for each in sentinels if isinstance(each, Node)),
        await _cluster(redis, locator) if isinstance(locator, ClusterLocator) else None,
    )


async def _sentinel(locator: SentinelLocator, node: Node) -> SentinelView | Node:
    """Return the topology that a Sentinel reports; the Sentinel itself if it reports none."""
    commands = (("SENTINEL", "MASTER", locator.name), ("SENTINEL", "CKQUORUM", locator.name))
    try:
        about, quorum = await locator.ask(node, commands)
    except (RedisError, OSError):
        return node
    if isinstance(about, Exception):
        return SentinelView(node, 0, 0, str(about))
    fields = dict(pairs(about))
    trouble = str(quorum) if isinstance(quorum, Exception) else ""
    return SentinelView(node, int(fields["num-other-sentinels"]), int(fields["quorum"]), trouble)


async def _cluster(redis: Redis, locator: ClusterLocator) -> ClusterView:
    text = str(await _ask(redis, "CLUSTER", "NODES"))
    info = str(await _ask(redis, "CLUSTER", "INFO"))
    nodes = parse_nodes(text, locator.node.host if locator.node else "")
    state = next((line.partition(":")[2] for line in info.splitlines() if line.startswith("cluster_state:")), "")
    return ClusterView(
        locator.slot,
        sum(1 for each in nodes if each.is_primary and each.slots),
        tuple(each.node for each in nodes if each.failed),
        state.strip(),
    )


async def _ask(redis: Redis, *command: str) -> Any:
    """Return the reply as Redis gives it; None where an ACL or a service forbids the question."""
    connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.send_command(*command)
        return await connection.read_response()
    except ResponseError:
        return None
    finally:
        await redis.connection_pool.release(connection)
