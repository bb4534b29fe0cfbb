"""`comanda serve`, `demo`, `agent`, `notifier` and `version`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hub import __version__
from hub.cli.common import Speed, fail, run

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Hub processes on the one port.")] = 1,
    agent: Annotated[bool, typer.Option("--agent/--no-agent", help="Run an agent worker beside the hub.")] = True,
    notifier: Annotated[bool, typer.Option("--notifier/--no-notifier", help="Run a notifier beside the hub.")] = True,
    shared_port: Annotated[Path | None, typer.Option("--shared-port", hidden=True)] = None,
    worker: Annotated[int, typer.Option("--worker", min=1, hidden=True)] = 1,
) -> None:
    """Run the hub, and one agent worker beside it."""
    from hub.ops import serve as server
    from hub.ops.announce import announce
    from hub.socketio.siblings import Siblings

    if workers > 1 and port == 0:
        raise typer.BadParameter("several workers share one port: name it with --port", param_hint="--workers")
    siblings = Siblings(shared_port, worker, workers) if shared_port is not None else None
    plan = server.Plan(host, port, workers, agent, siblings, notifier=notifier)
    on_ready = announce if siblings is None else _announce_nothing
    run(lambda settings: server.serve(settings, plan, on_ready), logs=True)


def demo(host: Host = "127.0.0.1", port: Port = 8080, speed: Speed = 1.0) -> None:
    """Run the hub with customers and a kitchen that act by themselves; prints the links to open."""
    from hub.ops import serve as server
    from hub.ops.announce import demo_beside

    run(lambda settings: server.serve(settings, server.Plan(host, port), demo_beside(speed)), logs=True)


def agent() -> None:
    """Run an agent worker alone (the hub it works for is found through COMANDA_REDIS_URL or the data folder)."""
    import os

    from hub.ops.agent_extra import AGENT_MISSING, is_agent_installed

    if not is_agent_installed():
        fail(AGENT_MISSING)
    # The agent is a program of its own: importing it here would load LlamaIndex into every `comanda` command.
    os.execv(sys.executable, [sys.executable, "-m", "agents"])


def notifier() -> None:
    """Run a notifier alone: it tells people of their orders by push (the hub is found as by `agent`)."""
    from hub.ops.notifier_process import notify

    run(notify, logs=True)


def version() -> None:
    """Print the version."""
    print(__version__)


async def _announce_nothing(_running: object) -> None:
    """Stay silent: one of several processes on a port, whose parent announces them."""
