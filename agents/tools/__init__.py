"""What the agent can do, one file a subject; each tool bound to one turn and its asker."""

from __future__ import annotations

from agents.tools.base import BoundTool, Errand
from agents.tools.changes import CancelOrderTool, ChangeOrderTool
from agents.tools.kitchen import DayFiguresTool, KitchenLoadTool, LateOrdersTool, MarkSoldOutTool
from agents.tools.menu import CheckAllergensTool, ShowMenuTool
from agents.tools.notices import SendNoticeTool, SetNotificationsTool, ShowNotificationsTool
from agents.tools.orders import PlaceOrderTool
from agents.tools.people import AskPersonTool
from agents.tools.promos import PublishPromotionTool, ShowPromotionsTool
from agents.tools.proposals import ConfirmTool
from agents.tools.tracking import OrderHistoryTool, StartTrackingTool, TrackOrderTool, WatchOrderTool

__all__ = ["TOOLS", "BoundTool", "Errand", "tools_for"]

TOOLS: tuple[type[BoundTool], ...] = (
    PlaceOrderTool,
    TrackOrderTool,
    ShowMenuTool,
    CheckAllergensTool,
    ShowPromotionsTool,
    StartTrackingTool,
    WatchOrderTool,
    OrderHistoryTool,
    CancelOrderTool,
    ChangeOrderTool,
    ShowNotificationsTool,
    SetNotificationsTool,
    SendNoticeTool,
    AskPersonTool,
    KitchenLoadTool,
    LateOrdersTool,
    MarkSoldOutTool,
    PublishPromotionTool,
    DayFiguresTool,
)


def tools_for(errand: Errand) -> list[BoundTool]:
    """The tools this asker may use. The others are not offered: a model cannot be talked into what it has not."""
    tools = [tool(errand) for tool in TOOLS if tool.needs is None or errand.principal.may(tool.needs)]
    return [*tools, ConfirmTool(errand, tools)]
