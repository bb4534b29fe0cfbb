"""Finds the server that holds the branch now: behind Sentinels, or among the nodes of a cluster."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from redis.exceptions import ConnectionError, RedisError

from hub.store.redis.address import Node

logger = structlog.get_logger(__name__)

_SETTLE_S = 0.1  # after the first answer, for others that may know better
_WATCH_S = 0.5
_MAX_ASKED = 8  # nodes of a cluster

# Sends commands to a node over its own connection, and returns the replies, including error replies.
Ask = Callable[[Node, Sequence[Sequence[str]]], Awaitable[list[Any]]]


class NotFound(ConnectionError):
    """No server is known for the branch; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A server that somebody names.

    Attributes:
        epoch: The configuration epoch of the claim: of two claims, the higher one is newer.
    """

    node: Node
    epoch: int


class Locator(ABC):
    """Looks up the server that holds the branch, each time that a connection is opened.

    Attributes:
        sharded: True if messages are published by SPUBLISH, to one shard of a cluster.
        node: The server to which the last connection was opened.
        follows: True if the server may change: a command that a server did not execute is then sent again.
    """

    sharded = False
    follows = True

    def __init__(self) -> None:
        self.node: Node | None = None
        self._listeners: list[Callable[[Node], None]] = []

    @abstractmethod
    async def locate(self) -> Node:
        """Return the server.

        Raises:
            NotFound: Nobody names one.
        """

    async def watch(self) -> None:
        """Notice another server also where no connection would tell. Return if there is nothing to watch."""
        return

    def reached(self, node: Node) -> None:
        """Note that this is the server by now; tell the listeners if it is another one than before."""
        if node == self.node:
            return
        before, self.node = self.node, node
        if before is not None:
            logger.warning("redis.server_changed", before=str(before), now=str(node))
            for listener in list(self._listeners):
                listener(node)

    def listen(self, listener: Callable[[Node], None]) -> None:
        """Call the listener with the server whenever it has changed."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Node], None]) -> None:
        """Remove a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)


class FixedLocator(Locator):
    """The server of a plain URL. The server behind the name may change; only redis-py resolves it."""

    follows = False

    async def locate(self) -> Node:
        """Raise NotImplementedError: redis-py connects to a fixed address itself."""
        raise NotImplementedError("redis-py connects to a fixed address itself")


class SentinelLocator(Locator):
    """Asks all Sentinels at once for the primary, and believes the newest configuration."""

    def __init__(self, sentinels: Sequence[Node], name: str, ask: Ask) -> None:
        super().__init__()
        self.sentinels = tuple(sentinels)
        self.name = name
        self.ask = ask

    async def locate(self) -> Node:
        """Return the primary that the Sentinels with the newest configuration name."""
        commands = (("SENTINEL", "MASTER", self.name), ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name))
        answers = await _ask_all(self.sentinels, commands, self.ask)
        claims = [claim for _, replies in answers if (claim := _sentinel_claim(replies))]
        if not claims:
            raise NotFound(
                f"no Sentinel knows a primary named {self.name!r}" if answers else "none of the Sentinels answers"
            )
        return max(claims, key=lambda claim: claim.epoch).node

    async def watch(self) -> None:
        """Locate the server regularly, until cancelled.

        After an operator's failover, the former primary takes writes for some ten seconds more, all of which are lost
        when it becomes a replica.
        """
        named: Node | None = None
        while True:
            await asyncio.sleep(_WATCH_S)
            with suppress(RedisError, OSError):
                before, named = named, await self.locate()
                if named not in (before, self.node) and self.node is not None:
                    self.reached(named)


class ClusterLocator(Locator):
    """Asks the nodes of a cluster for the owner of one slot, and believes the newest configuration.

    Args:
        slot: The slot of the branch's hash tag.
    """

    sharded = True

    def __init__(self, seeds: Sequence[Node], slot: int, ask: Ask) -> None:
        super().__init__()
        self.slot = slot
        self._seeds = tuple(seeds)
        self._known: tuple[Node, ...] = ()
        self.ask = ask

    async def locate(self) -> Node:
        """Return the primary that owns the slot, by the newest configuration among the nodes that answer."""
        owner = (self.node,) if self.node else ()
        asked = tuple(dict.fromkeys((*owner, *self._seeds, *self._known)))[:_MAX_ASKED]
        answers = await _ask_all(asked, (("CLUSTER", "NODES"),), self.ask)
        found = [parse_nodes(str(replies[0]), node.host) for node, replies in answers if isinstance(replies[0], str)]
        claims = [Claim(each.node, each.epoch) for nodes in found for each in nodes if self.slot in each]
        self._known = tuple(dict.fromkeys(each.node for nodes in found for each in nodes if not each.failed))
        if claims:
            return max(claims, key=lambda claim: claim.epoch).node
        if found:
            raise NotFound(f"no node of the Redis cluster holds the branch's slot {self.slot}")
        raise NotFound(_no_cluster(answers))


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A line of `CLUSTER NODES`.

    Attributes:
        slots: Ranges of slots, both ends included.
    """

    id: str
    node: Node
    flags: frozenset[str]
    primary_id: str
    epoch: int
    slots: tuple[tuple[int, int], ...]

    @property
    def failed(self) -> bool:
        """True if the cluster takes it for dead."""
        return not self.flags.isdisjoint(("fail", "noaddr", "handshake"))

    @property
    def is_primary(self) -> bool:
        """True if the node serves as a primary."""
        return "master" in self.flags

    def __contains__(self, slot: int) -> bool:
        return any(first <= slot <= last for first, last in self.slots)


def parse_nodes(text: str, asked_host: str) -> list[ClusterNode]:
    """Parse the reply to `CLUSTER NODES`.

    Args:
        asked_host: The host of the node that answered; a node that does not know its own address leaves it out.
    """
    return [_cluster_node(line.split(), asked_host) for line in text.splitlines() if line.strip()]


def _cluster_node(words: Sequence[str], asked_host: str) -> ClusterNode:
    address, _, names = words[1].partition(",")  # ip:port@bus-port,hostname,shard-id=…
    hostname = names.partition(",")[0]
    host, _, port = address.partition("@")[0].rpartition(":")
    slots = [word.partition("-") for word in words[8:] if not word.startswith("[")]  # […]: a slot under way
    return ClusterNode(
        words[0],
        Node((hostname if "=" not in hostname else "") or host.strip("[]") or asked_host, int(port)),
        frozenset(words[2].split(",")),
        words[3],
        int(words[6]),
        tuple((int(first), int(last or first)) for first, _, last in slots),
    )


def _sentinel_claim(replies: Sequence[Any]) -> Claim | None:
    about, address = replies
    if not isinstance(about, list) or not isinstance(address, list):
        return None
    fields = dict(zip(about[::2], about[1::2], strict=True))
    return Claim(Node(str(address[0]), int(address[1])), int(fields.get("config-epoch", 0)))


def _no_cluster(answers: Sequence[tuple[Node, list[Any]]]) -> str:
    if not answers:
        return "none of the nodes of the Redis cluster answers"
    return f"this is no Redis cluster: {answers[0][1][0]}"


async def _ask_all(nodes: Iterable[Node], commands: Sequence[Sequence[str]], ask: Ask) -> list[tuple[Node, list[Any]]]:
    """Ask several at once; return the answers of those that give one soon after the first one does."""
    tasks = {asyncio.create_task(_ask_one(node, commands, ask)): node for node in nodes}
    try:
        pending, found = set(tasks), list[tuple[Node, list[Any]]]()
        while pending:
            done, pending = await asyncio.wait(
                pending, timeout=_SETTLE_S if found else None, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            found += [(tasks[task], replies) for task in done if (replies := task.result()) is not None]
        return found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask_one(node: Node, commands: Sequence[Sequence[str]], ask: Ask) -> list[Any] | None:
    try:
        replies: list[Any] = await ask(node, commands)
    except (RedisError, OSError):  # TimeoutError is an OSError
        return None
    return replies
