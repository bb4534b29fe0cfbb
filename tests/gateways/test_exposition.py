"""The figures of several processes as one."""

from __future__ import annotations

from hub.exposition import sum_expositions
from hub.telemetry import Metrics


def counted(live: int, *orders: str) -> bytes:
    metrics = Metrics()
    metrics.relay_live.set(live)
    metrics.connections.labels("sse").set(len(orders))
    for outcome in orders:
        metrics.commands.labels("order.place", outcome).inc()
        metrics.command_seconds.labels("order.place").observe(0.002)
    return metrics.render_process()


def lines(exposition: bytes) -> set[str]:
    return {line for line in exposition.decode().splitlines() if "_created" not in line}


def test_amounts_are_added_and_what_must_hold_for_all_is_the_least() -> None:
    told = lines(sum_expositions([counted(1, "ok", "ok"), counted(0, "ok", "conflict"), counted(1)]))
    assert told >= {
        'comanda_commands_total{command="order.place",outcome="ok"} 3.0',
        'comanda_commands_total{command="order.place",outcome="conflict"} 1.0',
        'comanda_command_seconds_bucket{command="order.place",le="0.001"} 0.0',
        'comanda_command_seconds_bucket{command="order.place",le="+Inf"} 4.0',
        'comanda_command_seconds_count{command="order.place"} 4.0',
        'comanda_connections{transport="sse"} 4.0',
        "comanda_relay_live 0.0",
        "comanda_processes 3.0",
        "# TYPE comanda_commands_total counter",
        "# TYPE comanda_command_seconds histogram",
    }


def test_a_number_that_another_part_keeps_is_a_counter() -> None:
    one, other = Metrics(), Metrics()
    one.deliveries.set_function(lambda: 3)
    other.deliveries.set_function(lambda: 4)
    added = lines(sum_expositions([one.render_process(), other.render_process()]))
    assert added >= {"comanda_deliveries_total 7.0", "# TYPE comanda_deliveries_total counter"}


def test_the_sum_of_one_is_itself() -> None:
    one = counted(1, "ok", "conflict", "ok")
    assert lines(sum_expositions([one])) == lines(one)


def test_counters_began_when_the_first_of_them_did() -> None:
    def began(exposition: bytes) -> list[float]:
        found = [line for line in exposition.decode().splitlines() if line.startswith("comanda_commands_created{")]
        return [float(line.split()[-1]) for line in found]

    first, second = counted(1, "ok"), counted(1, "ok")
    assert began(sum_expositions([second, first])) == began(first)


def test_what_the_branch_counts_is_not_added() -> None:
    metrics = Metrics()
    metrics.turns.counted = {"output_tokens": 7}
    told = metrics.render([Metrics().render_process(), metrics.render_process()]).decode()
    assert "comanda_turn_output_tokens_total 7.0" in told
    assert "comanda_turn" not in metrics.render_process().decode()
