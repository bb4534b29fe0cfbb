"""Every setting, from the environment (`COMANDA_…`) or a `.env` file; every default is safe."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

STATIC_DIR = Path(__file__).resolve().parent.parent / "static"
MENU_FILE = Path(__file__).resolve().parent / "data" / "menu.toml"

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
    recovery_s: Annotated[int, Field(ge=0, le=86_400)] = 120
    timezone: str = "America/Mexico_City"
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

    @field_validator("origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value


def load_secret(settings: Settings) -> bytes:
    """The key that signs every token: the configured one, else one generated once in the data folder.

    Raises:
        OSError: The data folder cannot be written.
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
    return path.read_bytes().strip()
