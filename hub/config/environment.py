"""The base of every settings class, and the types that their fields share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "COMANDA_"

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]
Wait = Annotated[float, Field(ge=0, le=60)]
Percent = Annotated[int, Field(ge=0, le=100)]
Words = Annotated[tuple[str, ...], NoDecode]  # separated by commas


class EnvironmentSettings(BaseSettings):
    """Settings read from variables named `COMANDA_` and the field's name in upper case."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)


def split_words(value: object) -> object:
    """Split a list as it stands in a variable: at its commas."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def plain_text(secret: SecretStr | None) -> str:
    """Return a secret's text; empty if it is not set."""
    return secret.get_secret_value() if secret else ""
