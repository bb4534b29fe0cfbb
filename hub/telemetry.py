"""Logs by structlog and metrics by Prometheus. Every metric is named here."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.domain import tallies
from hub.exposition import sum_expositions

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def configure_logging(*, to_terminal: bool | None = None, quiet: bool = False) -> None:
    """Log events with fields, one a line, to standard error: readable on a terminal, JSON elsewhere.

    Args:
        to_terminal: True for the readable form; None: as standard error is a terminal or not.
        quiet: Log warnings and errors only; for commands whose answer is their output.
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
    """Passes on the log records of libraries, in the format of the hub's own log events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record as an event."""
        fields = {"exc_info": record.exc_info} if record.exc_info else {}
        level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
        structlog.get_logger().log(level, record.getMessage(), logger=record.name, **fields)


class ReadCounter(Collector):
    """A counter whose value another part of the process keeps as a plain number.

    The relay counts each delivery: an attribute costs it less than a `Counter`.

    Args:
        name: Without the suffix `_total`, which the exposition adds.
    """

    def __init__(self, name: str, text: str, registry: CollectorRegistry) -> None:
        self._name = name
        self._text = text
        self._read: Callable[[], float] = lambda: 0
        registry.register(self)

    def set_function(self, read: Callable[[], float]) -> None:
        """Read the value from here at every scrape. It must never decrease."""
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Return the one family of this counter."""
        yield CounterMetricFamily(self._name, self._text, value=self._read())


class Metrics:
    """The Prometheus metrics of one process and of its branch. docs/protocol.md lists their names.

    One instance a process, passed to whoever counts; never the library's global registry.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.commands = Counter("comanda_commands", "Commands answered.", ["command", "outcome"], registry=registry)
        self.command_seconds = Histogram(
            "comanda_command_seconds",
            "From the parsed command to its answer.",
            ["command"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.requests = Counter(
            "comanda_http_requests", "HTTP requests answered.", ["method", "route", "status"], registry=registry
        )
        self.connections = Gauge("comanda_connections", "Connections now.", ["transport"], registry=registry)
        self.rooms = Gauge("comanda_rooms", "Rooms that this process is subscribed to.", registry=registry)
        self.deliveries = ReadCounter("comanda_deliveries", "Events written to members.", registry)
        self.gaps = ReadCounter("comanda_gaps_filled", "Gaps in a room that the log filled.", registry)
        self.resubscriptions = ReadCounter(
            "comanda_resubscriptions", "New subscriptions of the relay after a lost connection to Redis.", registry
        )
        self.closed_slow = ReadCounter(
            "comanda_slow_connections_closed", "Connections closed because their client did not read.", registry
        )
        self.returns = Counter(
            "comanda_recoveries", "Socket.IO clients that came back, by outcome.", ["outcome"], registry=registry
        )
        self.cursors_ahead = Counter(
            "comanda_cursors_ahead",
            "Readers with a cursor past the log's end, which got the room's state anew.",
            registry=registry,
        )
        self.positions = Counter(
            "comanda_positions", "Positions from couriers' own apps, by outcome.", ["outcome"], registry=registry
        )
        self.whatsapp_payloads = Counter(
            "comanda_whatsapp_payloads", "Payloads at WhatsApp's webhook, by outcome.", ["outcome"], registry=registry
        )
        self.redis_refuses = Gauge(
            "comanda_redis_refuses",
            "1 while Redis refuses commits for this reason, or evicts keys.",
            ["reason"],
            registry=registry,
        )
        self.unreadable = Counter(
            "comanda_documents_unreadable",
            "Stored documents and events that could not be read; the log names each one.",
            registry=registry,
        )
        self.relay_live = Gauge("comanda_relay_live", "1 while the relay hears Redis.", registry=registry)
        Gauge("comanda_processes", "Processes in this sum.", registry=registry).set(1)
        self.memory_used = Gauge("comanda_redis_memory_bytes", "Memory that Redis uses.", registry=registry)
        self.memory_ceiling = Gauge(
            "comanda_redis_memory_ceiling_bytes",
            "The memory past which Redis refuses writes; 0: no ceiling, or unknown.",
            registry=registry,
        )
        self.turns = TurnMetrics()
        self._branch = CollectorRegistry()
        self._branch.register(self.turns)
        self.webhooks = WebhookMetrics()
        self._branch.register(self.webhooks)
        self.notices = NoticeMetrics()
        self._branch.register(self.notices)
        self.whatsapp = WhatsAppMetrics()
        self._branch.register(self.whatsapp)

    def render(self, others: Sequence[bytes] = ()) -> bytes:
        """Return the metrics in Prometheus's text format, added to those of the port's other processes."""
        own = self.render_process()
        return (sum_expositions([own, *others]) if others else own) + generate_latest(self._branch)

    def render_process(self) -> bytes:
        """Return this process's own metrics, in Prometheus's text format."""
        return generate_latest(self.registry)


class WebhookMetrics(Collector):
    """The branch's counts of webhooks. Every hub of the branch reports the same numbers, so scrape one of them.

    Attributes:
        counted: The tallies, as last read.
    """

    def __init__(self) -> None:
        self.counted: Mapping[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        """Return the families of the branch."""
        tries = CounterMetricFamily("comanda_webhook_tries", "Tries to deliver a webhook.", labels=["outcome"])
        for outcome in ("arrived", "failed", "gone"):
            tries.add_metric([outcome], self.counted.get(outcome, 0))
        yield tries
        dead = self.counted.get("dead", 0)
        yield CounterMetricFamily("comanda_webhook_dead_letters", "Deliveries that were given up.", value=dead)


class NoticeMetrics(Collector):
    """The branch's counts of notices. Every hub of the branch reports the same numbers, so scrape one of them.

    Attributes:
        counted: The tallies, `<channel> <outcome>`, as last read.
        waiting: The events that the notifier has not dealt with yet, and the age of the oldest in seconds.
    """

    def __init__(self) -> None:
        self.counted: Mapping[str, int] = {}
        self.waiting = (0, 0.0)

    def collect(self) -> Iterator[Metric]:
        """Return the families of the branch."""
        notices = CounterMetricFamily(
            "comanda_notices", "Notices, by channel and what became of them.", labels=["channel", "outcome"]
        )
        for name, count in sorted(self.counted.items()):
            notices.add_metric(name.split(" ", 1), count)
        yield notices
        events, age_s = self.waiting
        yield GaugeMetricFamily("comanda_notifier_events_waiting", "Events not decided on yet.", value=events)
        yield GaugeMetricFamily("comanda_notifier_lag_seconds", "Age of the oldest of them.", value=age_s)


class WhatsAppMetrics(Collector):
    """The branch's counts of WhatsApp. Every hub of the branch reports the same numbers.

    Attributes:
        waiting: The payloads in the inbox, as last read.
        counted: The tallies of messages to numbers, by outcome.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self.counted: Mapping[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        """Return the family of the branch."""
        yield GaugeMetricFamily("comanda_whatsapp_payloads_waiting", "Payloads not dealt with yet.", value=self.waiting)
        messages = CounterMetricFamily(
            "comanda_whatsapp_messages", "Messages to numbers, by what became of them.", labels=["outcome"]
        )
        for outcome, count in sorted(self.counted.items()):
            messages.add_metric([outcome], count)
        yield messages


class TurnMetrics(Collector):
    """The branch's counts of agent turns. Every hub of the branch reports the same numbers, so scrape one of them.

    Attributes:
        counted: The tallies, as last read.
        today: The day's turns and tokens, as last read.
    """

    def __init__(self) -> None:
        self.counted: Mapping[str, int] = {}
        self.today = tallies.TurnsToday(0, 0, 0)

    def collect(self) -> Iterator[Metric]:
        """Return the families of the branch."""
        ended = CounterMetricFamily(
            "comanda_turns", "Turns of the agent that ended.", labels=["ending", "code", "provider"]
        )
        for state, code, provider, count in tallies.endings(self.counted):
            ended.add_metric([state, code, provider], count)
        yield ended
        for name, text in (
            ("ttft", "From a worker taking a question to the first text in the room."),
            ("duration", "From a worker taking a question to the ending."),
            ("gap_p95", "Between two pieces of an answer: the 95th percentile of each turn."),
        ):
            yield self._histogram(name, text)
        for name, text in (
            ("input_tokens", "Tokens that models read."),
            ("output_tokens", "Tokens that models wrote."),
            ("llm_calls", "Answered calls of models."),
            ("tool_calls", "Calls of tools."),
            ("retries", "Repeated calls of models."),
        ):
            yield CounterMetricFamily(f"comanda_turn_{name}", text, value=self.counted.get(name, 0))
        yield from self._day()
        seconds = self.counted.get("tool_ms", 0) / 1_000
        yield CounterMetricFamily("comanda_turn_tool_seconds", "Time spent in tools.", value=seconds)

    def _day(self) -> Iterator[Metric]:
        today = self.today
        for name, text, value in (
            ("turns_today", "Questions since the branch's business day began.", today.turns),
            (
                "turn_tokens_today",
                "Tokens that metered models read and wrote since then.",
                today.tokens,
            ),
            ("turn_tokens_ceiling", "The limit of tokens a day; 0: none.", today.ceiling),
            (
                "turn_ceiling_reached",
                "1 while the limit is reached.",
                int(today.ceiling_reached),
            ),
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
