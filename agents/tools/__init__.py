"""What the agent can do, one file a subject; each tool bound to one turn and its asker."""

from __future__ import annotations

from agents.tools.base import BoundTool, Errand
from agents.tools.menu import ShowMenuTool
from agents.tools.orders import PlaceOrderTool, TrackOrderTool
from agents.tools.promos import PublishPromotionTool
from hub.domain.roles import Permission

__all__ = ["BoundTool", "Errand", "tools_for"]


def tools_for(errand: Errand) -> list[BoundTool]:
    """The tools this asker may use. The others are not offered: a model cannot be talked into what it has not."""
    tools: list[BoundTool] = [PlaceOrderTool(errand), TrackOrderTool(errand), ShowMenuTool(errand)]
    if errand.principal.may(Permission.PUBLISH_PROMO):
        tools.append(PublishPromotionTool(errand))
    return tools
