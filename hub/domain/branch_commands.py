"""Commands on the branch: promotions, stock, notifications."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hub.domain.command import Keyed, Token
from hub.domain.notification_preferences import Channel, NotificationType, QuietHours
from hub.domain.values import Id, Remark, SingleLine, Sku, Time, Whole


class PublishPromo(Keyed):
    """Publish a promotion."""

    name: ClassVar[str] = "promo.publish"
    title: SingleLine
    message: Remark
    expires_at: Time | None = None


class SetStock(Keyed):
    """Set how many of a dish are left."""

    name: ClassVar[str] = "stock.set"
    sku: Sku
    left: Annotated[Whole, Field(ge=0, le=100_000)]


class SetNotifications(Keyed):
    """Choose the notifications to receive."""

    name: ClassVar[str] = "notify.set"
    types: Annotated[tuple[NotificationType, ...], Field(max_length=16)]
    channels: Annotated[tuple[Channel, ...], Field(max_length=len(Channel))]
    quiet_hours: QuietHours | None = None
    token: Token | None = None


class SendNotice(Keyed):
    """Not on the wire: the agent's tools say it."""

    name: ClassVar[str] = "notice.send"
    order_id: Id
    message: Remark
    level: Literal["info", "warning", "urgent"] = "info"
