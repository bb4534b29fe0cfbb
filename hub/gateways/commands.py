"""Every command by its name on the wire, and the service that carries it out: one table for all doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hub.domain import commands as cmd
from hub.domain.errors import BadRequest
from hub.domain.roles import Principal
from hub.services.build import Services

Answer = dict[str, Any]
Carry = Callable[[Principal, Any], Awaitable[Answer]]


class Commands:
    """Parses a command, adds what its own token opens, and has it carried out."""

    def __init__(self, services: Services) -> None:
        self._access = services.access
        orders, chat, handover = services.orders, services.chat, services.handover
        self._table: Mapping[type[cmd.Command], Carry] = {
            cmd.PlaceOrder: orders.place,
            cmd.AdvanceOrder: orders.advance,
            cmd.CancelOrder: orders.cancel,
            cmd.CancelOrders: services.bulk.cancel_many,
            cmd.RecallOrder: orders.recall,
            cmd.DelayOrder: orders.delay,
            cmd.AcknowledgeOrder: orders.acknowledge,
            cmd.AcceptOrder: orders.accept,
            cmd.MarkItem: orders.mark_item,
            cmd.AssignCourier: orders.assign_courier,
            cmd.ReportPosition: services.couriers.report,
            cmd.PublishPromo: services.promos.publish,
            cmd.SetStock: services.stock.set,
            cmd.OpenChat: chat.open,
            cmd.SendChat: chat.send,
            cmd.StopChat: chat.stop,
            cmd.TakeOverChat: handover.take_over,
            cmd.HandBackChat: handover.hand_back,
            cmd.ReplyChat: handover.reply,
            cmd.ForgetChat: chat.forget,
            cmd.SetNotifications: services.notifications.set,
            cmd.Logout: services.logins.logout,
        }

    def parse(self, name: object, payload: object) -> cmd.Command:
        """A command from its wire form.

        Raises:
            BadRequest: No such command, or a payload of another shape.
            pydantic.ValidationError: A field is missing, unknown, or wrong.
        """
        model = cmd.COMMANDS.get(name) if isinstance(name, str) else None
        if model is None:
            raise BadRequest(f"there is no command {str(name)[:80]!r}")
        if not isinstance(payload, dict):
            raise BadRequest("a command takes one object")
        return model.model_validate(payload)

    async def carry_out(self, principal: Principal, command: cmd.Command) -> Answer:
        """Do it, as this principal and with the command's own token."""
        principal = await self._access.with_capability(principal, getattr(command, "token", None))
        return await self._table[type(command)](principal, command)
