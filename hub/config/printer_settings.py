"""The settings of the program that prints tickets (`comanda printer`)."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from hub.config.environment import PREFIX, EnvironmentSettings

PRINTER_PREFIX = f"{PREFIX}PRINTER_"


class PaperWidth(IntEnum):
    """The width of the paper, in mm."""

    MM_58 = 58
    MM_80 = 80


class PrinterSettings(EnvironmentSettings):
    """The ticket printer: its paper, and the hub that it prints for.

    Attributes:
        hub: The hub's root.
        token: A token of the kitchen's role.
        token_file: A file that holds the token, in place of `token`.
        width: Of the paper in mm: 58 or 80.
        code_page: The printer's characters: `cp858` (with the euro), `cp850` or `cp1252`.
        labels: True to print a label for the bag behind each ticket.
    """

    model_config = SettingsConfigDict(env_prefix=PRINTER_PREFIX)

    hub: str = "http://127.0.0.1:8080"
    token: SecretStr | None = None
    token_file: Path | None = None
    width: PaperWidth = PaperWidth.MM_80
    code_page: Literal["cp858", "cp850", "cp1252"] = "cp858"
    labels: bool = False

    @field_validator("token_file", mode="before")
    @classmethod
    def _file_or_unset(cls, value: object) -> object:
        """Treat an empty value as unset."""
        return value or None
