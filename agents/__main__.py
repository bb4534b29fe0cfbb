"""`python -m agents`: one agent worker, until SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import structlog

from agents.model_choice import ModelError, build_models, close, warm
from hub.bootstrap import CannotStart, open_services, read_menu, read_settings
from hub.config import Settings
from hub.ops.supervisor import when_parent_ends
from hub.telemetry import configure_logging

if TYPE_CHECKING:
    from agents.worker import Worker

logger = structlog.get_logger("agents")


def main() -> int:
    """Serve until told to stop. Return the exit code."""
    configure_logging()
    try:
        _run(_serve(read_settings()))
    except CannotStart as exc:
        print(f"comanda agent: {exc}", file=sys.stderr)
        return 1
    return 0


def _run(serving: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # not available on every system
        asyncio.run(serving)
    else:
        uvloop.run(serving)


async def _serve(settings: Settings) -> None:
    try:
        models = build_models(settings, read_menu(settings.menu))
        for model in models:
            warm(model.llm)
    except ModelError as exc:
        raise CannotStart(str(exc)) from exc
    # LlamaIndex takes seconds to load; a mistake in the settings is reported before that.
    from agents.rehearsal import rehearse
    from agents.worker import Worker

    async with open_services(settings, settings.redis_url or None) as services:
        worker = Worker(
            services,
            services.turns,
            models,
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
            limits=settings.limits,
            lang=settings.lang,
            at_once=settings.agent.at_once,
            turn_limits=settings.agent,
        )
        _stop_on_signals(worker)
        when_parent_ends(worker.stop)
        await rehearse(services.menu.menu)
        # Loaded modules stay to the end: a full collection would scan all of them, and delay every answer by
        # a tenth of a second.
        gc.collect()
        gc.freeze()
        # Young objects are looked through every 10,000, not every 700: what is kept of a run is looked through with
        # them often enough to be seen in the gaps between words.
        gc.set_threshold(10_000, 10, 10)
        logger.info("agent.ready", worker=worker.name, model=models[0].name, branch=settings.branch)
        try:
            await worker.run()
        finally:
            for model in models:
                await close(model.llm)
        logger.info("agent.stopped", worker=worker.name)


def _stop_on_signals(worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)


if __name__ == "__main__":
    sys.exit(main())
