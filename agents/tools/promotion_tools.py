"""Tools that show today's promotions, and publish one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import Arguments, BoundTool
from agents.tools.proposals import Plan, ProposingTool
from agents.tools.results import ToolResult
from hub.domain.answers.branch_answers import PromosSnapshot
from hub.domain.commands import PublishPromo
from hub.domain.roles import Permission
from hub.domain.rooms import PROMOS
from hub.domain.values import Note, SingleLine, absent, to_milliseconds

if TYPE_CHECKING:
    from hub.domain.answers.branch_answers import Promo


_MAX_LISTED = 10  # promotions told of at once


class ShownPromotion(ToolResult):
    """A promotion; `minutes_left` is there if it ends."""

    title: str
    message: str
    minutes_left: int | None = Field(default=None, exclude_if=absent)


class ShownPromotions(ToolResult):
    """The promotions that are on, the newest first."""

    promotions: tuple[ShownPromotion, ...]


class ShowPromotionsTool(BoundTool):
    """The tool that shows the valid promotions."""

    name = "show_promotions"
    description = "Today's promotions, as they were published. Always call it before saying what is on offer."

    async def do(self, arguments: Arguments, command_id: str) -> ShownPromotions:
        state = (await self.context.services.views.read(PROMOS)).state
        assert isinstance(state, PromosSnapshot)
        return ShownPromotions(promotions=tuple(map(self._listed, state.promos[:_MAX_LISTED])))

    def called(self, arguments: Arguments) -> str:
        return self.say(texts.LOOKING_AT_PROMOTIONS)

    def finished(self, result: ShownPromotions) -> str:
        count = len(result.promotions)
        return self.say(texts.PROMOTIONS, count=count)

    def _listed(self, promo: Promo) -> ShownPromotion:
        minutes_left = None
        if promo.expires_at:
            left = datetime.fromisoformat(promo.expires_at) - self.context.services.clock()
            minutes_left = max(0, round(left.total_seconds() / 60))
        return ShownPromotion(title=promo.title, message=promo.message, minutes_left=minutes_left)


class PublishPromotionArguments(Arguments):
    title: SingleLine = Field(description="A short headline")
    message: Note = Field(min_length=1, description="What customers read")
    expires_in_hours: int | None = Field(
        default=None, ge=1, le=168, strict=True, description="Only if the person said until when"
    )


class PromotionFacts(ToolResult):
    """The promotion that is to be published."""

    title: str
    message: str


class PublishedPromotion(ToolResult):
    """A promotion that was published."""

    done: bool = True
    promo_id: str
    title: str
    message: str


class PublishPromotionTool(ProposingTool):
    """The tool that publishes a promotion to every customer."""

    name = "publish_promotion"
    description = (
        "Publish a promotion to every customer, once the member of staff has said yes to its very words. Only when "
        "they clearly ask for it themselves."
    )
    arguments = PublishPromotionArguments
    command = PublishPromo
    needs = Permission.PUBLISH_PROMO

    async def propose(self, arguments: PublishPromotionArguments) -> Plan:
        self.context.principal.require(Permission.PUBLISH_PROMO)
        hours = arguments.expires_in_hours
        # Counted from when it was asked for, so that another attempt says exactly the same.
        until = self.context.journal.turn.created_at + timedelta(hours=hours) if hours else None
        command = PublishPromo(
            title=arguments.title, message=arguments.message, expires_at=to_milliseconds(until) if until else None
        )
        summary = self.say(texts.PUBLISH, title=arguments.title, message=arguments.message)
        summary += f" ({hours} h)" if hours else ""
        return Plan(summary, PromotionFacts(title=arguments.title, message=arguments.message), command)

    async def carry_out(self, command: PublishPromo) -> PublishedPromotion:
        answer = await self.context.services.promos.publish(self.context.principal, command)
        return PublishedPromotion(promo_id=answer.promo_id, title=command.title, message=command.message)

    def called(self, arguments: PublishPromotionArguments) -> str:
        return arguments.title

    def carried_out(self, result: PublishedPromotion) -> str:
        return self.say(texts.PROMOTION_PUBLISHED, title=result.title)
