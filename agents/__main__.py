"""`python -m agents`: one agent worker, until SIGTERM."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from agents.models import ModelError, build_llm, warm
from hub.config import Settings, load_secret
from hub.domain.menu import Menu, MenuError, parse_menu
from hub.errors import CannotStart
from hub.eventlog.connect import connect
from hub.eventlog.embedded import EmbeddedRedis, StartError
from hub.eventlog.log import EventLog
from hub.services.build import build_services
from hub.telemetry import configure_logging

if TYPE_CHECKING:
    from pathlib import Path

    from agents.worker import Worker

logger = structlog.get_logger("agents")


def main() -> int:
    """Serve until told to stop; the exit code."""
    try:
        settings = Settings()
        configure_logging()
        asyncio.run(_serve(settings))
    except CannotStart as exc:
        return _refuse(str(exc))
    except ValidationError as exc:
        first = exc.errors()[0]
        return _refuse(f"COMANDA_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}")
    return 0


async def _serve(settings: Settings) -> None:
    menu = _menu(settings.menu)
    try:
        llm = build_llm(settings, menu)
        warm(llm)
    except ModelError as exc:
        raise CannotStart(str(exc)) from exc
    # LlamaIndex takes seconds to load; a mistake in the settings is told before that.
    from agents.worker import Worker

    async with AsyncExitStack() as stack:
        try:
            url = settings.redis_url or (await stack.enter_async_context(EmbeddedRedis(settings.data_dir))).url
            redis = connect(url, deadline_s=settings.redis_deadline_s)
        except (OSError, ValueError, StartError) as exc:
            raise CannotStart(f"no Redis: {exc}") from exc
        stack.push_async_callback(redis.aclose)
        log = EventLog(
            redis,
            settings.branch,
            room_events=settings.limits.room_events,
            deadline_s=settings.redis_deadline_s,
        )
        stack.push_async_callback(log.aclose)
        services = build_services(log, redis, settings, load_secret(settings), menu)
        worker = Worker(
            services,
            services.turns,
            llm,
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
            limits=settings.limits,
            lang=settings.lang,
        )
        _stop_on_signals(worker)
        logger.info("agent.ready", worker=worker.name, model=llm.metadata.model_name, branch=settings.branch)
        await worker.run()
        logger.info("agent.stopped", worker=worker.name)


def _menu(path: Path) -> Menu:
    try:
        return parse_menu(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CannotStart(f"the menu {path} cannot be read: {exc.strerror}") from exc
    except (MenuError, UnicodeDecodeError) as exc:
        raise CannotStart(f"the menu {path} has a mistake: {exc}") from exc


def _stop_on_signals(worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)


def _refuse(line: str) -> int:
    print(f"comanda agent: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
