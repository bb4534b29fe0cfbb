"""Every setting, from the environment (`COMANDA_…`) or a `.env` file; every default is safe."""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

STATIC_DIR = Path(__file__).resolve().parent.parent / "static"
MENU_FILE = Path(__file__).resolve().parent / "data" / "menu.toml"

_REDIS = ("redis", "rediss", "unix")
_LEAST_SECRET = 16

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]
Words = Annotated[tuple[str, ...], NoDecode]


class Limits(BaseSettings):
    """How much one caller may take; 0 switches a count or a rate off."""

    model_config = SettingsConfigDict(env_prefix="COMANDA_LIMIT_", env_file=".env", extra="ignore", frozen=True)

    message_bytes: Count = 65_536
    attachments: Count = 0
    rooms: Count = 64
    commands_s: Rate = 20
    commands_burst: Count = 40
    requests_s: Rate = 20
    requests_burst: Count = 60
    staff_requests_s: Rate = 500
    staff_requests_burst: Count = 1_000
    connections: Count = 200
    unsent_bytes: Count = 1_048_576
    connect_s: Rate = 10
    chat_chars: Count = 2_000
    turns: Count = 1
    turns_waiting: Count = 3
    room_events: Count = 1_000


class Settings(BaseSettings):
    """What an operator may choose; see the README's table."""

    model_config = SettingsConfigDict(env_prefix="COMANDA_", env_file=".env", extra="ignore", frozen=True)

    branch: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] = "centro"
    data_dir: Path = Path("data")
    redis_url: str = ""
    secret: SecretStr | None = None
    origins: Words = ()
    trusted_proxies: Words = ()
    menu: Path = MENU_FILE
    lang: Literal["es", "en"] = "es"
    timezone: str = "America/Mexico_City"
    recovery_s: Annotated[float, Field(ge=0, le=86_400)] = 120
    redis_deadline_s: Annotated[float, Field(gt=0, le=60)] = 2.0

    llm: Literal["offline", "openai", "openai_like", "anthropic", "ollama"] = "offline"
    llm_model: str = ""
    llm_base_url: str = ""
    llm_api_key: SecretStr | None = None

    limits: Limits = Field(default_factory=Limits)

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError("there is no such time zone") from exc
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in _REDIS or urlsplit(value).port == 0):  # .port raises ValueError
            raise ValueError(f"a Redis URL begins with one of {', '.join(_REDIS)}")
        return value

    @field_validator("secret")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        """Whoever guesses it makes managers' tokens. Set to nothing, it is not set."""
        if not value:
            return None
        if len(value) < _LEAST_SECRET:
            raise ValueError(f"a secret has at least {_LEAST_SECRET} characters")
        return value

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if origin != "*" and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path):
                raise ValueError(f"{origin!r} is no origin; write it like https://tacos.example")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            if proxy != "unix":
                ip_network(proxy, strict=False)
        return value

    @field_validator("origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value


def load_secret(settings: Settings) -> bytes:
    """The key that signs every token: the configured one, else one generated once in the data folder.

    Raises:
        OSError: The data folder cannot be written, or holds no secret where it should.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    path = settings.data_dir / "secret"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # Linked into place whole, so that of several processes starting at once all read the same one.
    draft = path.with_name(f"secret.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    secret = path.read_bytes().strip()
    if len(secret) < _LEAST_SECRET:
        raise OSError(f"{path} holds no secret; remove it, and everyone logs in again")
    return secret
