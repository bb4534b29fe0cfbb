"""Connects the metrics of a process to the parts that they measure."""

from __future__ import annotations

from functools import partial

from hub.branch import Branch
from hub.gateways.streams import Streams
from hub.socketio.close_reason import CloseReason
from hub.socketio.server import SocketIoServer
from hub.store.redis.condition import REASONS
from hub.telemetry import Metrics


def connect_metrics(metrics: Metrics, branch: Branch, server: SocketIoServer, streams: Streams) -> None:
    """Have each gauge read its value from its part at every scrape."""
    relay = branch.relay
    metrics.relay_live.set_function(lambda: float(relay.live))
    metrics.rooms.set_function(lambda: relay.stats.rooms)
    metrics.deliveries.set_function(lambda: relay.stats.deliveries)
    metrics.gaps.set_function(lambda: relay.stats.gaps_filled)
    metrics.resubscriptions.set_function(lambda: relay.stats.resubscriptions)
    closed = server.engine.open.closed
    metrics.closed_slow.set_function(lambda: closed[CloseReason.UNSENT] + streams.overflowed)
    metrics.connections.labels("socketio").set_function(lambda: len(server.sessions))
    memory, condition = branch.services.memory, branch.log.condition
    for reason in REASONS:
        metrics.redis_refuses.labels(reason).set_function(partial(condition.counts, reason))
    metrics.memory_used.set_function(lambda: memory.use.used_bytes if memory.use else 0)
    metrics.memory_ceiling.set_function(lambda: memory.use.ceiling_bytes if memory.use else 0)
