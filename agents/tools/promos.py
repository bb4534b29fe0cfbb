"""Promotions: what there is today, and telling every customer of one, for staff who may."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from agents.tools.base import Arguments, BoundTool
from agents.tools.errand import Result
from agents.tools.proposals import Plan, ProposingTool
from hub.domain.commands import PublishPromo
from hub.domain.roles import Permission
from hub.domain.rooms import PROMOS
from hub.domain.values import Line, Note, to_milliseconds


class ShowPromotionsTool(BoundTool):
    """The promotions that hold now."""

    name = "show_promotions"
    description = "Today's promotions, as they were published. Always call it before saying what is on offer."

    async def do(self, arguments: Arguments, command_id: str) -> Result:
        view = await self.errand.services.views.read(PROMOS)
        return {"promotions": [self._told(promo) for promo in view.snapshot["promos"][:10]]}

    def called(self, arguments: Arguments) -> str:
        return self.say("Viendo las promociones", "Looking at the promotions")

    def finished(self, result: Result) -> str:
        count = len(result["promotions"])
        return self.say(f"{count} promociones", f"{count} promotions")

    def _told(self, promo: dict[str, Any]) -> dict[str, Any]:
        told = {"title": promo["title"], "message": promo["message"]}
        if until := promo.get("expires_at"):
            left = datetime.fromisoformat(until) - self.errand.services.clock()
            told["minutes_left"] = max(0, round(left.total_seconds() / 60))
        return told


class PublishPromotionArguments(Arguments):
    title: Line = Field(description="A short headline")
    message: Note = Field(min_length=1, description="What customers read")
    expires_in_hours: int | None = Field(
        default=None, ge=1, le=168, strict=True, description="Only if the person said until when"
    )


class PublishPromotionTool(ProposingTool):
    """A promotion on every customer's page."""

    name = "publish_promotion"
    description = (
        "Publish a promotion to every customer, once the member of staff has said yes to its very words. Only when "
        "they clearly ask for it themselves."
    )
    arguments = PublishPromotionArguments
    command = PublishPromo
    needs = Permission.PUBLISH_PROMO

    async def propose(self, arguments: PublishPromotionArguments) -> Plan | Result:
        self.errand.principal.require(Permission.PUBLISH_PROMO)
        hours = arguments.expires_in_hours
        # Counted from when it was asked for, so that another attempt says exactly the same.
        until = self.errand.journal.turn.created_at + timedelta(hours=hours) if hours else None
        command = PublishPromo(
            title=arguments.title, message=arguments.message, expires_at=to_milliseconds(until) if until else None
        )
        summary = self.say(
            f"publicar a todos: «{arguments.title}» {arguments.message}",
            f"publish to everybody: “{arguments.title}” {arguments.message}",
        )
        summary += f" ({hours} h)" if hours else ""
        return Plan(summary, {"title": arguments.title, "message": arguments.message}, command)

    async def carry_out(self, command: PublishPromo) -> Result:
        answer = await self.errand.services.promos.publish(self.errand.principal, command)
        return {"done": True, "promo_id": answer["promo_id"], "title": command.title, "message": command.message}

    def called(self, arguments: PublishPromotionArguments) -> str:
        return arguments.title

    def carried_out(self, result: Result) -> str:
        return self.say(f"promoción publicada, «{result['title']}»", f"promotion published, “{result['title']}”")
