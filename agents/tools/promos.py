"""Telling every customer something: for staff who may."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agents.tools.base import Arguments, BoundTool, Result
from hub.domain.commands import PublishPromo
from hub.domain.values import Line, Note


class PublishPromotionArguments(Arguments):
    title: Line = Field(description="A short headline")
    message: Note = Field(min_length=1, description="What customers read")
    expires_in_hours: int | None = Field(default=None, ge=1, le=168, description="Only if the person said until when")


class PublishPromotionTool(BoundTool):
    """A promotion on every customer's page."""

    name = "publish_promotion"
    description = "Publish a promotion to every customer, at once. Only when the member of staff clearly asks for it."
    arguments = PublishPromotionArguments
    changes = True

    async def do(self, arguments: PublishPromotionArguments, command_id: str) -> Result:
        # Counted from when the question was asked, so that another attempt says exactly the same.
        asked_at = self.errand.journal.turn.created_at
        hours = arguments.expires_in_hours
        command = PublishPromo(
            title=arguments.title,
            message=arguments.message,
            expires_at=asked_at + timedelta(hours=hours) if hours else None,
            command_id=command_id,
        )
        answer = await self.errand.services.promos.publish(self.errand.principal, command)
        return {"promo_id": answer["promo_id"], "title": arguments.title, "message": arguments.message}

    def called(self, arguments: PublishPromotionArguments) -> str:
        return arguments.title

    def finished(self, result: Result) -> str:
        return self.errand.say("publicada", "published")
