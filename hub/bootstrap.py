"""What each of our programs does first: settings, menu, Redis, services. What is wrong is said in one line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from hub.config import Settings, load_secret
from hub.domain.menu import Menu, MenuError, parse_menu
from hub.eventlog.connect import connect
from hub.eventlog.embedded import EmbeddedRedis, StartError
from hub.eventlog.log import EventLog
from hub.eventlog.seen import Seen
from hub.eventlog.witness import recall
from hub.services.build import Services, build_services


class CannotStart(Exception):
    """Why a program of ours did not start: what is wrong, and with what."""


class BadSetting(CannotStart):
    """A variable of the environment makes no sense; the message names it."""


def read_settings() -> Settings:
    """The settings of this environment.

    Raises:
        BadSetting: One of them is wrong.
    """
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors()[0]
        prefix = {"Limits": "COMANDA_LIMIT_", "AgentLimits": "COMANDA_AGENT_"}.get(exc.title, "COMANDA_")
        name = prefix + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise BadSetting(f"{name}: {first['msg'].removeprefix('Value error, ')}") from exc
    except (SettingsError, UnicodeDecodeError) as exc:
        raise BadSetting(f"a setting cannot be read: {exc}") from exc


def read_menu(path: Path) -> Menu:
    """The menu of a file.

    Raises:
        CannotStart: It is not there, or makes no sense; the line says where.
    """
    try:
        return parse_menu(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CannotStart(f"the menu {path} cannot be read: {exc.strerror}") from exc
    except (MenuError, UnicodeDecodeError) as exc:
        raise CannotStart(f"the menu {path} has a mistake: {exc}") from exc


@asynccontextmanager
async def redis_of(settings: Settings) -> AsyncIterator[EmbeddedRedis | None]:
    """The private Redis, started or found; None where the operator named another.

    Raises:
        CannotStart: There is no way to have one here.
    """
    if settings.redis_url:
        yield None
        return
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        embedded = EmbeddedRedis(settings.data_dir, memory_mb=settings.private_redis_mb)
        await embedded.__aenter__()
    except (OSError, StartError) as exc:
        raise CannotStart(f"Redis could not be started: {exc}") from exc
    try:
        yield embedded
    finally:
        await embedded.__aexit__(None, None, None)


@asynccontextmanager
async def services_of(settings: Settings, redis_url: str | None = None) -> AsyncIterator[Services]:
    """The services without a server: for the agent, and for commands that change something and go.

    Args:
        redis_url: Of a Redis that is there already.

    Raises:
        CannotStart: The menu, the secret or Redis's address is not to be had.
    """
    if redis_url is None:
        async with redis_of(settings) as embedded:
            url = embedded.url if embedded else settings.redis_url
            async with services_of(settings, url) as services:
                yield services
        return
    menu = read_menu(settings.menu)
    try:
        redis = connect(redis_url, deadline_s=settings.redis_deadline_s)
    except ValueError as exc:
        raise CannotStart(f"COMANDA_REDIS_URL: {exc}") from exc
    log = EventLog(
        redis,
        settings.branch,
        room_events=settings.limits.room_events,
        missed_bytes=settings.limits.missed_bytes,
        deadline_s=settings.redis_deadline_s,
        seen=_seen_before(settings),
    )
    try:
        services = build_services(log, redis, settings, secret_of(settings), menu)
        try:
            yield services
        finally:
            services.close()
    finally:
        await log.aclose()
        await redis.aclose()


def _seen_before(settings: Settings) -> Seen:
    """Return the places in the log that hubs of this data folder have recorded, to notice an older copy of Redis."""
    seen = Seen()
    try:
        recall(settings.witness_dir, seen)
    except OSError as exc:
        raise CannotStart(f"{settings.witness_dir} cannot be read: {exc.strerror}") from exc
    return seen


def secret_of(settings: Settings) -> bytes:
    """The key that signs every token.

    Raises:
        CannotStart: It can be neither read nor made.
    """
    try:
        return load_secret(settings)
    except OSError as exc:
        raise CannotStart(f"the secret in {settings.data_dir} cannot be read or made: {exc.strerror}") from exc
