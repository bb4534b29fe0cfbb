"""The first steps of every program: settings, menu, secret, Redis, services. Each error is one line for an operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from hub.config import DataSettings, RedisSettings, Settings, WhatsAppSettings, load_secret
from hub.config.agent_settings import AGENT_PREFIX
from hub.config.environment import PREFIX
from hub.config.limit_settings import LIMIT_PREFIX
from hub.config.printer_settings import PRINTER_PREFIX
from hub.config.secret_key import PreviousSecret, load_previous_secret
from hub.config.whatsapp_settings import WHATSAPP_NEEDS
from hub.domain.menu import Menu, MenuError, parse_menu
from hub.local_redis.data_folder import StartError
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.services.build import Services, build_log, build_services
from hub.store.high_water_mark import HighWaterMark
from hub.store.redis.connect import check_url, connect
from hub.store.witness import recall

# The prefix of a class's variables, where it is not the common one.
_PREFIXES = {"Limits": LIMIT_PREFIX, "AgentSettings": AGENT_PREFIX, "PrinterSettings": PRINTER_PREFIX}


class CannotStart(Exception):
    """A program cannot start; the message says what is wrong, for an operator."""


class BadSetting(CannotStart):
    """A variable of the environment has an invalid value; the message names the variable."""


def read_settings() -> Settings:
    """Read the settings of this environment.

    Raises:
        BadSetting: A setting is invalid.
    """
    try:
        settings = Settings()
    except ValidationError as exc:
        first = exc.errors()[0]
        prefix = _PREFIXES.get(exc.title, PREFIX)
        name = prefix + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise BadSetting(f"{name}: {first['msg'].removeprefix('Value error, ')}") from exc
    except (SettingsError, UnicodeDecodeError) as exc:
        raise BadSetting(f"a setting cannot be read: {exc}") from exc
    _check_redis(settings)
    _check_secrets(settings)
    _check_whatsapp(settings)
    return settings


def _check_redis(settings: RedisSettings) -> None:
    if settings.redis_url:
        try:
            check_url(settings.redis_url)
        except ValueError as exc:
            raise BadSetting(f"COMANDA_REDIS_URL: {exc}") from exc
    if settings.redis_wait_replicas and settings.redis_wait_ms >= settings.redis_deadline_s * 1_000:
        raise BadSetting("COMANDA_REDIS_WAIT_MS: it must be shorter than COMANDA_REDIS_DEADLINE_S")


def _check_secrets(settings: DataSettings) -> None:
    if settings.secret_previous is not None and (settings.secret is None or settings.secret_rotated_at is None):
        raise BadSetting("COMANDA_SECRET_PREVIOUS: it needs COMANDA_SECRET and COMANDA_SECRET_ROTATED_AT beside it")


def _check_whatsapp(settings: WhatsAppSettings) -> None:
    missing = [PREFIX + name.upper() for name in WHATSAPP_NEEDS if not getattr(settings, name)]
    if missing and len(missing) < len(WHATSAPP_NEEDS):
        raise BadSetting(f"{missing[0]}: WhatsApp needs it beside the other settings of WhatsApp")


def read_menu(path: Path) -> Menu:
    """Read a menu file.

    Raises:
        CannotStart: The file is missing, or has a mistake; the message says where.
    """
    try:
        return parse_menu(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CannotStart(f"the menu {path} cannot be read: {exc.strerror}") from exc
    except (MenuError, UnicodeDecodeError) as exc:
        raise CannotStart(f"the menu {path} has a mistake: {exc}") from exc


@asynccontextmanager
async def open_redis(settings: Settings) -> AsyncIterator[EmbeddedRedis | None]:
    """Start or find the private Redis; yield None where the operator named another one.

    Raises:
        CannotStart: No Redis can be started here.
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
async def open_services(settings: Settings, redis_url: str | None = None) -> AsyncIterator[Services]:
    """Open the services without a server, for the agent and for commands.

    Args:
        redis_url: A running Redis; None to use the one of the settings, or to start the private one.

    Raises:
        CannotStart: The menu, the secret or the Redis URL cannot be used.
    """
    if redis_url is None:
        async with open_redis(settings) as embedded:
            url = embedded.url if embedded else settings.redis_url
            async with open_services(settings, url) as services:
                yield services
        return
    menu = read_menu(settings.menu)
    try:
        redis = connect(redis_url, branch=settings.branch, deadline_s=settings.redis_deadline_s)
    except ValueError as exc:
        raise CannotStart(f"COMANDA_REDIS_URL: {exc}") from exc
    log = build_log(redis, settings, _seen_before(settings))
    try:
        secret, previous = read_secret(settings), read_previous_secret(settings)
        services = build_services(log, settings, secret, menu, previous=previous)
        try:
            yield services
        finally:
            services.close()
    finally:
        await log.aclose()
        await redis.aclose()


def _seen_before(settings: Settings) -> HighWaterMark:
    """Return the furthest places in the log that hubs of this data folder have recorded.

    With them, a log that lost its tail, as an older copy of Redis has, is noticed.
    """
    seen = HighWaterMark()
    try:
        recall(settings.witness_dir, seen)
    except OSError as exc:
        raise CannotStart(f"{settings.witness_dir} cannot be read: {exc.strerror}") from exc
    return seen


def read_secret(settings: Settings) -> bytes:
    """Return the key that signs every token; make it at the first start.

    Raises:
        CannotStart: The key can be neither read nor made.
    """
    try:
        return load_secret(settings)
    except OSError as exc:
        raise CannotStart(f"the secret in {settings.data_dir} cannot be read or made: {exc.strerror or exc}") from exc


def read_previous_secret(settings: DataSettings) -> PreviousSecret | None:
    """Read the key before the present one; None if there was none.

    Raises:
        CannotStart: The file that holds it cannot be read.
    """
    try:
        return load_previous_secret(settings)
    except OSError as exc:
        raise CannotStart(f"the previous secret in {settings.data_dir} cannot be read: {exc.strerror or exc}") from exc
