"""Logs and metrics: structlog and Prometheus, with every metric's name in this one place."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.domain import tallies
from hub.exposition import summed

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def configure_logging(*, to_terminal: bool | None = None, quiet: bool = False) -> None:
    """Events with fields, one a line, on standard error: readable on a terminal, JSON elsewhere.

    Args:
        quiet: Only what is wrong; for commands whose answer is their output.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Libraries)]:
        root.removeHandler(handler)
    root.addHandler(_Libraries(logging.WARNING))
    pretty = sys.stderr.isatty() if to_terminal is None else to_terminal
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if quiet else logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


class _Libraries(logging.Handler):
    """Passes on what libraries log by the standard library, in the format of our own."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"exc_info": record.exc_info} if record.exc_info else {}
        level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
        structlog.get_logger().log(level, record.getMessage(), logger=record.name, **fields)


class Metrics:
    """What Prometheus is told. One registry a process, passed in; never the library's global one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.commands = Counter(
            "comanda_commands", "Commands carried out.", ["command", "outcome"], registry=self.registry
        )
        self.command_seconds = Histogram(
            "comanda_command_seconds",
            "From parsed to answered.",
            ["command"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.requests = Counter(
            "comanda_http_requests", "HTTP requests.", ["method", "route", "status"], registry=self.registry
        )
        self.connections = Gauge("comanda_connections", "Members connected now.", ["door"], registry=self.registry)
        self.rooms = Gauge("comanda_rooms", "Rooms watched by this process.", registry=self.registry)
        self.deliveries = Gauge("comanda_deliveries_total", "Events written to members.", registry=self.registry)
        self.gaps = Gauge("comanda_gaps_filled_total", "Gaps filled from the streams.", registry=self.registry)
        self.resubscriptions = Gauge(
            "comanda_resubscriptions_total", "Times the relay had to subscribe anew.", registry=self.registry
        )
        self.closed_slow = Gauge(
            "comanda_closed_slow_total", "Connections closed for not reading.", registry=self.registry
        )
        self.returns = Counter(
            "comanda_returns",
            "Socket.IO clients that came back, by what became of them.",
            ["outcome"],
            registry=self.registry,
        )
        self.cursors_ahead = Counter(
            "comanda_cursors_ahead",
            "Readers that came with a cursor past the log's end, and were given the room anew.",
            registry=self.registry,
        )
        self.redis_refuses = Gauge(
            "comanda_redis_refuses",
            "1 while Redis takes no commits for this reason, or throws data away.",
            ["reason"],
            registry=self.registry,
        )
        self.unreadable = Counter(
            "comanda_documents_unreadable",
            "Times that a stored document or event could not be read; the log names each one.",
            registry=self.registry,
        )
        self.relay_live = Gauge("comanda_relay_live", "1 while the relay hears Redis.", registry=self.registry)
        Gauge("comanda_processes", "Processes whose figures these are.", registry=self.registry).set(1)

        self.memory_used = Gauge(
            "comanda_redis_memory_bytes", "Redis's memory in use, as last read.", registry=self.registry
        )
        self.memory_ceiling = Gauge(
            "comanda_redis_memory_ceiling_bytes",
            "Past it Redis refuses writes; 0: no ceiling, or Redis does not say.",
            registry=self.registry,
        )

        self.turns = TurnMetrics()
        self._branch = CollectorRegistry()
        self._branch.register(self.turns)

    def render(self, others: Sequence[bytes] = ()) -> bytes:
        """Return the metrics in Prometheus's text format, added to those of the port's other processes."""
        own = self.render_process()
        return (summed([own, *others]) if others else own) + generate_latest(self._branch)

    def render_process(self) -> bytes:
        """Return this process's own metrics, in Prometheus's text format."""
        return generate_latest(self.registry)


class TurnMetrics(Collector):
    """The branch's counts of agent turns. Every hub of the branch reports the same ones, so scrape one of them.

    Attributes:
        counted: The tallies, as last read.
        today: The day's turns and tokens, as last read.
    """

    def __init__(self) -> None:
        self.counted: Mapping[str, int] = {}
        self.today = tallies.TurnsToday(0, 0, 0)

    def collect(self) -> Iterator[Metric]:
        ended = CounterMetricFamily(
            "comanda_turns", "The agent's turns that are over.", labels=["ending", "code", "provider"]
        )
        for state, code, provider, count in tallies.endings(self.counted):
            ended.add_metric([state, code, provider], count)
        yield ended
        for name, text in (
            ("ttft", "From a worker taking a question to the first text in the room."),
            ("duration", "From a worker taking a question to the ending."),
            ("gap_p95", "Between two pieces of an answer: what 19 of 20 of it stay below."),
        ):
            yield self._histogram(name, text)
        for name, text in (
            ("input_tokens", "Tokens that models read."),
            ("output_tokens", "Tokens that models wrote."),
            ("llm_calls", "Calls of models that were answered."),
            ("tool_calls", "Calls of tools."),
            ("retries", "Tries at models past the first."),
        ):
            yield CounterMetricFamily(f"comanda_turn_{name}", text, value=self.counted.get(name, 0))
        yield from self._day()
        seconds = self.counted.get("tool_ms", 0) / 1_000
        yield CounterMetricFamily("comanda_turn_tool_seconds", "Spent in tools.", value=seconds)

    def _day(self) -> Iterator[Metric]:
        today = self.today
        for name, text, value in (
            ("turns_today", "Questions asked since the branch's midnight.", today.turns),
            ("turn_tokens_today", "Tokens that metered models read and wrote since then.", today.tokens),
            ("turn_tokens_ceiling", "The most tokens a day; 0: none.", today.ceiling),
            ("turn_ceiling_reached", "1 while the offline model answers because of it.", int(today.ceiling_reached)),
        ):
            yield GaugeMetricFamily(f"comanda_{name}", text, value=value)

    def _histogram(self, name: str, text: str) -> Metric:
        found, below, total = tallies.bins(self.counted, name), [], 0
        for most, count in zip((*tallies.BINS[name], None), found.counts, strict=True):
            total += count
            below.append(("+Inf" if most is None else str(most / 1_000), total))
        return HistogramMetricFamily(
            f"comanda_turn_{name}_seconds", text, buckets=below, sum_value=found.sum_ms / 1_000
        )
