"""Commands on webhooks; only managers give them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from hub.core.target_policy import MAX_URL_CHARS
from hub.domain.command import Keyed
from hub.domain.values import Flag, Id, Note, Whole
from hub.domain.webhooks import MAX_FILTERS, EventFilter

DAY_S = 86_400
WEEK_S = 604_800
MAX_REPLAYED = 100

Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS)]
Filters = Annotated[tuple[EventFilter, ...], Field(min_length=1, max_length=MAX_FILTERS)]
LetterId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]


class AddWebhook(Keyed):
    """Add an endpoint that gets events from now on."""

    name: ClassVar[str] = "webhook.add"
    url: Url
    types: Filters = ("order.*",)
    description: Note = ""


class ChangeWebhook(Keyed):
    """Change an endpoint. `version`: only if it is at this version."""

    name: ClassVar[str] = "webhook.change"
    webhook_id: Id
    url: Url | None = None
    types: Filters | None = None
    description: Note | None = None
    enabled: Flag | None = None
    version: Annotated[Whole, Field(ge=1)] | None = None


class RemoveWebhook(Keyed):
    """Remove an endpoint with its secrets and dead letters."""

    name: ClassVar[str] = "webhook.remove"
    webhook_id: Id


class RotateWebhook(Keyed):
    """Give an endpoint another secret. The old one signs beside it for `overlap_s` seconds."""

    name: ClassVar[str] = "webhook.rotate"
    webhook_id: Id
    overlap_s: Annotated[Whole, Field(ge=0, le=WEEK_S)] = DAY_S


class ReplayWebhook(Keyed):
    """Send dead letters of an endpoint again: those of these ids, or the oldest hundred."""

    name: ClassVar[str] = "webhook.replay"
    webhook_id: Id
    ids: Annotated[tuple[LetterId, ...], Field(min_length=1, max_length=MAX_REPLAYED)] | None = None
