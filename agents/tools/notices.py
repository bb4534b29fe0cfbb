"""Being told: what the asker wants to hear of, and a notice about one order."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agents.tools.base import Arguments, BoundTool
from agents.tools.errand import Result
from agents.tools.own import OVER, WhichOrder, one_order
from agents.tools.proposals import Plan, ProposingTool
from hub.domain.commands import SendNotice, SetNotifications
from hub.domain.notifications import Channel, ClockTime, QuietHours, Told
from hub.domain.values import Note

_TYPES: dict[Told, tuple[str, str]] = {
    "order.preparing": ("cuando empiecen a prepararlo", "when it is being prepared"),
    "order.ready": ("cuando esté listo", "when it is ready"),
    "order.en_route": ("cuando salga", "when it leaves"),
    "order.delivered": ("cuando se entregue", "when it is delivered"),
    "order.cancelled": ("si se cancela", "if it is cancelled"),
    "order.delayed": ("si se retrasa", "if it is late"),
    "order.eta_changed": ("si cambia la hora", "if the time changes"),
    "notice.sent": ("avisos de la taquería", "notices from us"),
    "promo.published": ("promociones", "promotions"),
}
_CHANNELS = {
    Channel.PAGE: ("en la página", "on the page"),
    Channel.PUSH: ("con notificaciones", "by push notification"),
    Channel.WHATSAPP: ("por WhatsApp", "by WhatsApp"),
}


class ShowNotificationsTool(BoundTool):
    """What the asker is told of."""

    name = "show_notifications"
    description = "What the customer is told of at present, on which channels, and their quiet hours."

    async def do(self, arguments: Arguments, command_id: str) -> Result:
        preferences = await self.errand.services.notifications.of(self.errand.holder)
        return preferences.model_dump(mode="json")

    def called(self, arguments: Arguments) -> str:
        return self.say("Viendo tus avisos", "Looking at your notifications")

    def finished(self, result: Result) -> str:
        count = len(result["types"])
        return self.say(f"{count} avisos", f"{count} notifications")


class SetNotificationsArguments(Arguments):
    add: list[Told] = Field(default=[], max_length=16, description="Events to be told of from now on")
    remove: list[Told] = Field(default=[], max_length=16, description="Events not to be told of any more")
    channels: list[Channel] | None = Field(default=None, max_length=3, description="Only if they said where")
    quiet_from: ClockTime | None = Field(default=None, description="HH:MM; with quiet_to, no noise in between")
    quiet_to: ClockTime | None = Field(default=None, description="HH:MM")
    no_quiet_hours: bool = Field(default=False, strict=True, description="They want none any more")


class SetNotificationsTool(ProposingTool):
    """Subscribing, unsubscribing, and when to be left alone."""

    name = "set_notifications"
    description = (
        "Change what the customer is told of, where, and their quiet hours, once they have said yes to it. 'Tell me "
        "when it is ready' adds order.ready."
    )
    arguments = SetNotificationsArguments
    command = SetNotifications

    async def propose(self, arguments: SetNotificationsArguments) -> Plan | Result:
        now = await self.errand.services.notifications.of(self.errand.holder)
        types = [one for one in _TYPES if (one in now.types or one in arguments.add) and one not in arguments.remove]
        quiet = None
        if now.quiet_hours and not arguments.no_quiet_hours:
            quiet = QuietHours(start=now.quiet_hours.start, end=now.quiet_hours.end)
        if arguments.quiet_from and arguments.quiet_to:
            quiet = QuietHours(start=arguments.quiet_from, end=arguments.quiet_to)
        channels = now.known_channels if arguments.channels is None else tuple(dict.fromkeys(arguments.channels))
        command = SetNotifications(types=tuple(types), channels=channels, quiet_hours=quiet)
        return Plan(self._summary(command), command.model_dump(mode="json", exclude={"command_id", "token"}), command)

    async def carry_out(self, command: SetNotifications) -> Result:
        answer = await self.errand.services.notifications.set(self.errand.holder, command)
        return {"done": True, **answer["preferences"]}

    def called(self, arguments: SetNotificationsArguments) -> str:
        return self.say("Tus avisos", "Your notifications")

    def carried_out(self, result: Result) -> str:
        return self.say("avisos guardados", "notifications saved")

    def _summary(self, command: SetNotifications) -> str:
        types = ", ".join(self.say(*_TYPES[one]) for one in command.types)
        where = ", ".join(self.say(*_CHANNELS[one]) for one in command.channels)
        text = self.say("no avisarte de nada", "tell you of nothing")
        if types and where:
            text = self.say(f"avisarte {where}: {types}", f"tell you {where}: {types}")
        if command.quiet_hours:
            start, end = command.quiet_hours.start, command.quiet_hours.end
            text += self.say(f"; sin ruido de {start} a {end}", f"; no noise from {start} to {end}")
        return text


class SendNoticeArguments(WhichOrder):
    message: Note = Field(min_length=1, description="What to say, in the person's own words")
    level: Literal["info", "warning", "urgent"] = Field(default="info", description="How loud; only if they said so")


class SendNoticeTool(ProposingTool):
    """A word to whoever follows one order: staff about any, a customer about their own."""

    name = "send_notice"
    description = (
        "Send a short notice to everybody who follows one order, once the person has said yes to its words. Staff may "
        "name any order by its number; a customer's goes to their own order."
    )
    arguments = SendNoticeArguments
    command = SendNotice

    async def propose(self, arguments: SendNoticeArguments) -> Plan | Result:
        order = await one_order(self.errand, arguments.code, lambda order: order["status"] not in OVER)
        if "error" in order:
            return order
        code = order["code"]
        summary = self.say(
            f"avisar en el pedido {code}: «{arguments.message}»", f"tell order {code}: “{arguments.message}”"
        )
        command = SendNotice(order_id=order["id"], message=arguments.message, level=arguments.level)
        return Plan(summary, {"code": code, "message": arguments.message}, command)

    async def carry_out(self, command: SendNotice) -> Result:
        await self.errand.services.notifications.send(self.errand.holder, command)
        return {"done": True, "code": command.order_id[-4:], "message": command.message}

    def called(self, arguments: Any) -> str:
        return self.say("Un aviso", "A notice")

    def carried_out(self, result: Result) -> str:
        return self.say(f"aviso en {result['code']}", f"notice to {result['code']}")
