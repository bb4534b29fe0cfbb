"""The settings of one branch: its name, menu, language and time zone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from hub.config.environment import EnvironmentSettings

MENU_FILE = Path(__file__).resolve().parent.parent / "data" / "menu.toml"


class BranchSettings(EnvironmentSettings):
    """One branch, as its customers know it.

    Attributes:
        day_starts: The time of the branch's clock at which a business day begins.
        recall_s: Seconds in which a step that leaves the kitchen, a delivery or a cancellation can be taken back; 0: it
            cannot.
    """

    branch: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] = "centro"
    menu: Path = MENU_FILE
    lang: Literal["es", "en"] = "es"
    timezone: str = "America/Mexico_City"
    day_starts: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "04:00"
    recall_s: Annotated[int, Field(ge=0, le=43_200)] = 300

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError("there is no such time zone") from exc
        return value
