"""Tools for notification preferences, and for a notice about one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import Arguments, BoundTool
from agents.tools.own import WhichOrder, is_open, one_order
from agents.tools.proposals import Plan, ProposingTool
from agents.tools.results import ToolError, ToolResult
from hub.domain.commands import SendNotice, SetNotifications
from hub.domain.notification_preferences import (
    CHANNEL_TEXTS,
    NOTIFICATION_TEXTS,
    Channel,
    ClockTime,
    NotificationType,
    QuietHours,
)
from hub.domain.values import Note, absent

if TYPE_CHECKING:
    from hub.domain.notification_preferences import Preferences


class ShownQuietHours(ToolResult):
    """The hours without noise."""

    start: str
    end: str


class ShownPreferences(ToolResult):
    """A person's choice of notifications; `done` is there if it was just saved."""

    done: bool | None = Field(default=None, exclude_if=absent)
    types: tuple[str, ...]
    channels: tuple[str, ...]
    quiet_hours: ShownQuietHours | None


class NoticeFacts(ToolResult):
    """The notice that is to be sent."""

    code: str
    message: str


class DeliveredNotice(ToolResult):
    """A notice that was sent."""

    done: bool = True
    code: str
    message: str


class ShowNotificationsTool(BoundTool):
    """The tool that shows the asker's notification preferences."""

    name = "show_notifications"
    description = "What the customer is told of at present, on which channels, and their quiet hours."

    async def do(self, arguments: Arguments, command_id: str) -> ShownPreferences:
        return _shown(await self.context.services.notifications.of(self.context.holder))

    def called(self, arguments: Arguments) -> str:
        return self.say(texts.LOOKING_AT_NOTIFICATIONS)

    def finished(self, result: ShownPreferences) -> str:
        count = len(result.types)
        return self.say(texts.NOTIFICATIONS, count=count)


class SetNotificationsArguments(Arguments):
    add: list[NotificationType] = Field(default=[], max_length=16, description="Events to be told of from now on")
    remove: list[NotificationType] = Field(default=[], max_length=16, description="Events not to be told of any more")
    channels: list[Channel] | None = Field(default=None, max_length=len(Channel), description="Only if they said where")
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

    async def propose(self, arguments: SetNotificationsArguments) -> Plan:
        now = await self.context.services.notifications.of(self.context.holder)
        wanted = {*now.types, *arguments.add} - {*arguments.remove}
        types = [one for one in NOTIFICATION_TEXTS if one in wanted]
        quiet = None
        if now.quiet_hours and not arguments.no_quiet_hours:
            quiet = QuietHours(start=now.quiet_hours.start, end=now.quiet_hours.end)
        if arguments.quiet_from and arguments.quiet_to:
            quiet = QuietHours(start=arguments.quiet_from, end=arguments.quiet_to)
        channels = now.known_channels if arguments.channels is None else tuple(dict.fromkeys(arguments.channels))
        command = SetNotifications(types=tuple(types), channels=channels, quiet_hours=quiet)
        return Plan(self._summary(command), _shown(command), command)

    async def carry_out(self, command: SetNotifications) -> ShownPreferences:
        answer = await self.context.services.notifications.set(self.context.holder, command)
        return _shown(answer.preferences, done=True)

    def called(self, arguments: SetNotificationsArguments) -> str:
        return self.say(texts.YOUR_NOTIFICATIONS)

    def carried_out(self, result: ShownPreferences) -> str:
        return self.say(texts.NOTIFICATIONS_SAVED)

    def _summary(self, command: SetNotifications) -> str:
        types = ", ".join(self.say(NOTIFICATION_TEXTS[one]) for one in command.types)
        where = ", ".join(self.say(CHANNEL_TEXTS[one]) for one in command.channels)
        text = self.say(texts.TELL_NOTHING)
        if types and where:
            text = self.say(texts.TELL_YOU, where=where, types=types)
        if command.quiet_hours:
            start, end = command.quiet_hours.start, command.quiet_hours.end
            text += self.say(texts.QUIET_HOURS, start=start, end=end)
        return text


def _shown(chosen: Preferences | SetNotifications, *, done: bool | None = None) -> ShownPreferences:
    quiet = chosen.quiet_hours
    return ShownPreferences(
        done=done,
        types=chosen.types,
        channels=tuple(map(str, chosen.channels)),
        quiet_hours=None if quiet is None else ShownQuietHours(start=quiet.start, end=quiet.end),
    )


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

    async def propose(self, arguments: SendNoticeArguments) -> Plan | ToolError:
        order = await one_order(self.context, arguments.code, is_open)
        if isinstance(order, ToolError):
            return order
        code = order.code
        summary = self.say(texts.TELL_ORDER, code=code, message=arguments.message)
        command = SendNotice(order_id=order.id, message=arguments.message, level=arguments.level)
        return Plan(summary, NoticeFacts(code=code, message=arguments.message), command)

    async def carry_out(self, command: SendNotice) -> DeliveredNotice:
        await self.context.services.notifications.send(self.context.holder, command)
        return DeliveredNotice(code=command.order_id[-4:], message=command.message)

    def called(self, arguments: Any) -> str:
        return self.say(texts.A_NOTICE)

    def carried_out(self, result: DeliveredNotice) -> str:
        return self.say(texts.NOTICE_SENT, code=result.code)
