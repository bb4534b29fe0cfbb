"""`python -m agents`: one agent worker, until SIGTERM."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from typing import TYPE_CHECKING

import structlog

from agents.models import ModelError, build_llm, warm
from hub.bootstrap import CannotStart, read_menu, read_settings, services_of
from hub.config import Settings
from hub.supervisor import when_parent_ends
from hub.telemetry import configure_logging

if TYPE_CHECKING:
    from agents.worker import Worker

logger = structlog.get_logger("agents")


def main() -> int:
    """Serve until told to stop; the exit code."""
    configure_logging()
    try:
        asyncio.run(_serve(read_settings()))
    except CannotStart as exc:
        print(f"comanda agent: {exc}", file=sys.stderr)
        return 1
    return 0


async def _serve(settings: Settings) -> None:
    try:
        llm = build_llm(settings, read_menu(settings.menu))
        warm(llm)
    except ModelError as exc:
        raise CannotStart(str(exc)) from exc
    # LlamaIndex takes seconds to load; a mistake in the settings is told before that.
    from agents.worker import Worker

    async with services_of(settings, settings.redis_url or None) as services:
        worker = Worker(
            services,
            services.turns,
            llm,
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
            limits=settings.limits,
            lang=settings.lang,
        )
        _stop_on_signals(worker)
        when_parent_ends(worker.stop)
        logger.info("agent.ready", worker=worker.name, model=llm.metadata.model_name, branch=settings.branch)
        await worker.run()
        logger.info("agent.stopped", worker=worker.name)


def _stop_on_signals(worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)


if __name__ == "__main__":
    sys.exit(main())
