"""Finding the server that has the branch, from what Sentinels and nodes of a cluster say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ConnectionError, ResponseError

from hub.store.redis.address import Node
from hub.store.redis.locator import ClusterLocator, FixedLocator, NotFound, SentinelLocator, parse_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

A, B, C = (Node(f"10.0.0.{n}", 6379) for n in (1, 2, 3))
SLOT = 12_000


class Answers:
    """Answers of some nodes; the others are away."""

    def __init__(self, replies: Mapping[Node, list[Any]]) -> None:
        self.replies = replies
        self.asked: list[Node] = []

    async def __call__(self, node: Node, _commands: Sequence[Sequence[str]]) -> list[Any]:
        self.asked.append(node)
        if node not in self.replies:
            raise ConnectionError("away")
        return self.replies[node]


def sentinel(primary: Node, epoch: int) -> list[Any]:
    return [["name", "m", "config-epoch", str(epoch)], [primary.host, str(primary.port)]]


async def test_of_sentinels_that_disagree_the_newest_configuration_counts() -> None:
    answers = Answers({A: sentinel(A, 3), B: sentinel(C, 4), C: sentinel(A, 3)})
    assert await SentinelLocator((A, B, C), "m", answers).locate() == C


async def test_one_sentinel_is_enough() -> None:
    assert await SentinelLocator((A, B, C), "m", Answers({B: sentinel(C, 1)})).locate() == C


async def test_sentinels_that_are_away_or_know_no_such_primary_are_told_apart() -> None:
    with pytest.raises(NotFound, match="none of the Sentinels answers"):
        await SentinelLocator((A, B), "m", Answers({})).locate()
    unknown = [ResponseError("ERR No such master with that name"), None]
    with pytest.raises(NotFound, match="no Sentinel knows a primary named 'm'"):
        await SentinelLocator((A, B), "m", Answers({A: unknown})).locate()


async def test_a_sentinel_that_is_silent_does_not_hold_up_the_others() -> None:
    silent = asyncio.Event()

    async def ask(node: Node, commands: Sequence[Sequence[str]]) -> list[Any]:
        if node == A:
            await silent.wait()
        return sentinel(C, 1)

    async with asyncio.timeout(5):
        assert await SentinelLocator((A, B), "m", ask).locate() == C


def nodes(*lines: str) -> list[Any]:
    return ["\n".join(lines) + "\n"]


OLD = (
    "aa 10.0.0.1:6379@16379 master - 0 0 1 connected 0-16383",
    "bb 10.0.0.2:6379@16379 master - 0 0 2 connected",
)
NEW = (
    "aa 10.0.0.1:6379@16379 master - 0 0 1 connected 0-11999 12001-16383",
    "bb 10.0.0.2:6379@16379,,shard-id=1 myself,master - 0 0 5 connected 12000 [12001->-aa]",
)


async def test_of_nodes_that_disagree_the_newest_owner_counts() -> None:
    answers = Answers({A: nodes(*OLD), B: nodes(*NEW), C: nodes(*OLD)})
    assert await ClusterLocator((A, B, C), SLOT, answers).locate() == B


async def test_nodes_that_the_url_does_not_name_are_asked_when_the_named_ones_are_gone() -> None:
    answers = Answers({A: nodes(*OLD)})
    locator = ClusterLocator((A,), SLOT, answers)
    assert await locator.locate() == A
    answers.replies = {B: nodes(*NEW)}
    assert await locator.locate() == B


async def test_a_slot_that_nobody_owns_and_a_server_that_is_no_cluster_are_told_apart() -> None:
    with pytest.raises(NotFound, match="no node of the Redis cluster holds the branch's slot 12000"):
        await ClusterLocator((A,), SLOT, Answers({A: nodes(OLD[1])})).locate()
    plain = [ResponseError("ERR This instance has cluster support disabled")]
    with pytest.raises(NotFound, match="this is no Redis cluster: ERR This instance"):
        await ClusterLocator((A,), SLOT, Answers({A: plain})).locate()
    with pytest.raises(NotFound, match="none of the nodes"):
        await ClusterLocator((A,), SLOT, Answers({})).locate()


def test_a_node_that_does_not_know_its_own_address_is_the_one_that_was_asked() -> None:
    (found,) = parse_nodes("aa :7000@17000 myself,master - 0 0 0 connected 5 7-9", "10.0.0.9")
    assert found.node == Node("10.0.0.9", 7000)
    assert [slot for slot in range(12) if slot in found] == [5, 7, 8, 9]
    assert found.is_primary
    assert not found.failed


def test_a_node_with_a_host_name_is_known_by_it() -> None:
    (found,) = parse_nodes("aa 10.0.0.1:7000@17000,redis-1.internal slave,fail bb 0 0 3 connected", "10.0.0.9")
    assert found.node == Node("redis-1.internal", 7000)
    assert found.failed
    assert not found.is_primary


def test_listeners_are_told_of_another_server_and_not_of_the_first_or_the_same() -> None:
    locator, told = FixedLocator(), list[Node]()
    locator.listen(told.append)
    for node in (A, A, B, B, A):
        locator.reached(node)
    locator.unlisten(told.append)
    locator.reached(C)
    assert told == [B, A]
