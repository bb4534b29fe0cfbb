"""The agent's tools, one file a subject; each is bound to one turn and its asker."""

from __future__ import annotations

from agents.tools.bound_tool import BoundTool, ToolContext
from agents.tools.change_tools import CancelOrderTool, ChangeOrderTool
from agents.tools.kitchen_tools import DayFiguresTool, KitchenLoadTool, LateOrdersTool, MarkSoldOutTool
from agents.tools.menu_tools import CheckAllergensTool, ShowMenuTool
from agents.tools.notice_tools import SendNoticeTool, SetNotificationsTool, ShowNotificationsTool
from agents.tools.order_tools import PlaceOrderTool
from agents.tools.person_tools import AskPersonTool
from agents.tools.promotion_tools import PublishPromotionTool, ShowPromotionsTool
from agents.tools.proposals import ConfirmTool
from agents.tools.tracking_tools import OrderHistoryTool, StartTrackingTool, TrackOrderTool, WatchOrderTool

__all__ = ["TOOLS", "BoundTool", "ToolContext", "tools_for"]

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


def tools_for(context: ToolContext) -> list[BoundTool]:
    """Return the tools that this asker may use. The model never sees the others, so nobody can talk it into them."""
    tools = [tool(context) for tool in TOOLS if tool.needs is None or context.principal.may(tool.needs)]
    return [*tools, ConfirmTool(context, tools)]
