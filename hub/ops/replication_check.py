"""`comanda doctor`'s findings about replicas, Sentinels and clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store.redis.address import Engine

if TYPE_CHECKING:
    from hub.store.redis.topology import Topology


@dataclass(frozen=True, slots=True)
class ReplicationFindings:
    """The findings, each a list of sentences.

    Attributes:
        wrong: Commits are refused, or a failover cannot happen.
        doubtful: It works, but somebody should know this.
        summary: The servers, in one line.
    """

    wrong: tuple[str, ...]
    doubtful: tuple[str, ...]
    summary: str


def examine_replication(found: Topology, wait_replicas: int) -> ReplicationFindings:
    """Compare the servers with what the settings ask of them.

    Args:
        wait_replicas: `COMANDA_REDIS_WAIT_REPLICAS`.
    """
    wrong, doubtful = list[str](), list[str]()
    if found.role == "slave":
        wrong.append("it is a replica and takes no writes")
    _check_replicas(found, wait_replicas, wrong, doubtful)
    _check_sentinels(found, wrong, doubtful)
    _check_cluster(found, wrong, doubtful)
    return ReplicationFindings(tuple(wrong), tuple(doubtful), _summary(found))


def _check_replicas(found: Topology, wait_replicas: int, wrong: list[str], doubtful: list[str]) -> None:
    there = _count(found.replicas, "replica")
    if wait_replicas > found.replicas:
        wrong.append(f"COMANDA_REDIS_WAIT_REPLICAS is {wait_replicas}, and it has {there}: no commit is acknowledged")
    if (found.min_replicas or 0) > found.replicas:
        wrong.append(f"min-replicas-to-write is {found.min_replicas}, and it has {there}: it refuses writes")
    if found.engine is not Engine.SINGLE and not found.replicas:
        doubtful.append("it has no replica that could take its place")
    elif found.replicas and not (found.min_replicas or wait_replicas):
        doubtful.append(
            "a failover may lose the last commits: set COMANDA_REDIS_WAIT_REPLICAS, or min-replicas-to-write in Redis"
        )


def _check_sentinels(found: Topology, wrong: list[str], doubtful: list[str]) -> None:
    if found.silent:
        doubtful.append(f"no answer from the Sentinels {', '.join(map(str, found.silent))}")
    troubles = {each.trouble for each in found.sentinels if each.trouble}
    wrong += sorted(f"the Sentinels cannot promote a replica: {trouble}" for trouble in troubles)


def _check_cluster(found: Topology, wrong: list[str], doubtful: list[str]) -> None:
    if found.cluster is None:
        return
    if found.cluster.state not in ("", "ok"):
        wrong.append("the cluster is down (CLUSTER INFO)")
    if found.cluster.failed:
        doubtful.append(f"the cluster takes {', '.join(map(str, found.cluster.failed))} for dead")


def _summary(found: Topology) -> str:
    role = {"master": "primary", "slave": "replica"}.get(found.role, "server")
    said = f"{role}{f' {found.node}' if found.node else ''} with {_count(found.replicas, 'replica')}"
    if found.min_replicas:
        said += f", min-replicas-to-write {found.min_replicas}"
    if found.sentinels:
        said += f"; {_count(len(found.sentinels), 'Sentinel')}, quorum {found.sentinels[0].quorum}"
    if found.cluster is not None:
        said += (
            f"; owner of the branch's slot {found.cluster.slot}, one of {_count(found.cluster.primaries, 'primary')}"
        )
    return said


def _count(n: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"1 {noun}" if n == 1 else f"{n} {plural}"
