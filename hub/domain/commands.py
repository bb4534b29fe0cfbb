"""Every command by its name on the wire: the one place from which the rest of the program imports commands.

Gateways parse a request into one of these, once; everything further in trusts the types.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.domain.branch_commands import (
    PublishPromo,
    SendNotice,
    SetNotifications,
    SetStock,
)
from hub.domain.chat_commands import (
    ChatTurn,
    ForgetChat,
    HandBackChat,
    OpenChat,
    ReplyChat,
    SendChat,
    StopChat,
    TakeOverChat,
)
from hub.domain.command import (
    Command,
    Keyed,
)
from hub.domain.connection_commands import (
    Connect,
    JoinRoom,
    LeaveRoom,
    Login,
    Logout,
    Ping,
)
from hub.domain.key_commands import AddKey, RevokeKey
from hub.domain.order_commands import (
    AcceptOrder,
    AcknowledgeOrder,
    AdvanceOrder,
    AssignCourier,
    CancelOrder,
    CancelOrders,
    ChangeOrder,
    CustomerContact,
    DelayOrder,
    MarkItem,
    OrderCommand,
    OrderFilter,
    PlaceOrder,
    RecallOrder,
    ReportPosition,
)
from hub.domain.push import SubscribePush, UnsubscribePush
from hub.domain.webhook_commands import (
    AddWebhook,
    ChangeWebhook,
    RemoveWebhook,
    ReplayWebhook,
    RotateWebhook,
)

__all__ = [
    "COMMANDS",
    "AcceptOrder",
    "AcknowledgeOrder",
    "AddKey",
    "AddWebhook",
    "AdvanceOrder",
    "AssignCourier",
    "CancelOrder",
    "CancelOrders",
    "ChangeOrder",
    "ChangeWebhook",
    "ChatTurn",
    "Command",
    "Connect",
    "CustomerContact",
    "DelayOrder",
    "ForgetChat",
    "HandBackChat",
    "JoinRoom",
    "Keyed",
    "LeaveRoom",
    "Login",
    "Logout",
    "MarkItem",
    "OpenChat",
    "OrderCommand",
    "OrderFilter",
    "Ping",
    "PlaceOrder",
    "PublishPromo",
    "RecallOrder",
    "RemoveWebhook",
    "ReplayWebhook",
    "ReplyChat",
    "ReportPosition",
    "RevokeKey",
    "RotateWebhook",
    "SendChat",
    "SendNotice",
    "SetNotifications",
    "SetStock",
    "StopChat",
    "SubscribePush",
    "TakeOverChat",
    "UnsubscribePush",
]

COMMANDS: Mapping[str, type[Command]] = {
    model.name: model
    for model in (
        Ping,
        JoinRoom,
        LeaveRoom,
        PlaceOrder,
        AdvanceOrder,
        CancelOrder,
        CancelOrders,
        RecallOrder,
        DelayOrder,
        AcknowledgeOrder,
        AcceptOrder,
        MarkItem,
        AssignCourier,
        ReportPosition,
        PublishPromo,
        SetStock,
        OpenChat,
        SendChat,
        StopChat,
        TakeOverChat,
        HandBackChat,
        ReplyChat,
        ForgetChat,
        SetNotifications,
        SubscribePush,
        UnsubscribePush,
        AddWebhook,
        ChangeWebhook,
        RemoveWebhook,
        RotateWebhook,
        ReplayWebhook,
        Logout,
        AddKey,
        RevokeKey,
    )
}
