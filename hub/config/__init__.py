"""Every setting, from the environment (`COMANDA_…`) or a `.env` file; every default is safe.

One class a subject. `Settings` is all of them together; a part of the hub takes the narrowest class that it needs.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from hub.config.agent_settings import AgentSettings, ModelSettings, NamedModel, TurnLimits
from hub.config.branch_settings import MENU_FILE, BranchSettings
from hub.config.limit_settings import Limits
from hub.config.notice_settings import NoticeSettings
from hub.config.outbound_settings import OutboundSettings
from hub.config.printer_settings import PrinterSettings
from hub.config.process_settings import STATIC_DIR, DataSettings, RedisSettings, ServerSettings
from hub.config.push_settings import PushSettings
from hub.config.secret_key import load_secret
from hub.config.whatsapp_settings import WhatsAppSettings

__all__ = [
    "MENU_FILE",
    "STATIC_DIR",
    "AgentSettings",
    "BranchSettings",
    "DataSettings",
    "Limits",
    "ModelSettings",
    "NamedModel",
    "NoticeSettings",
    "OutboundSettings",
    "PrinterSettings",
    "PushSettings",
    "RedisSettings",
    "ServerSettings",
    "Settings",
    "TurnLimits",
    "WhatsAppSettings",
    "load_secret",
]


class Settings(
    BranchSettings,
    DataSettings,
    RedisSettings,
    ServerSettings,
    OutboundSettings,
    PushSettings,
    NoticeSettings,
    WhatsAppSettings,
    ModelSettings,
):
    """Everything that an operator may choose; docs/protocol.md has the table.

    Attributes:
        limits: `COMANDA_LIMIT_…`.
        agent: `COMANDA_AGENT_…`.
        printer: `COMANDA_PRINTER_…`.
    """

    limits: Limits = Field(default_factory=Limits)
    agent: AgentSettings = Field(default_factory=AgentSettings)
    printer: PrinterSettings = Field(default_factory=PrinterSettings)

    @property
    def push_contact_address(self) -> str:
        """`push_contact`, or else the hub's public address if it is https; empty if there is neither."""
        return self.push_contact or (self.public_url if self.public_url.startswith("https://") else "")

    @property
    def witness_dir(self) -> Path:
        """The folder where hubs record how far they have seen the branch's log."""
        return self.data_dir / "witness" / self.branch
