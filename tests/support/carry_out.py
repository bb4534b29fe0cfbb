"""Carries out a command as gateways do: its token counts, and then its service answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.gateways.command_table import Commands

if TYPE_CHECKING:
    from hub.domain.commands import Command
    from hub.domain.roles import Principal
    from hub.services.build import Services


async def carry_out(services: Services, principal: Principal, command: Command) -> Any:
    """Return the command's answer, as JSON."""
    return (await Commands(services).carry_out(principal, command)).as_json()
