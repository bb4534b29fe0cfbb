"""Promotions: said by a manager, seen by everybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hub.core.errors import BadRequest
from hub.domain.answers.branch_answers import PublishedPromo
from hub.domain.commands import PublishPromo
from hub.domain.events import PromoPublished
from hub.domain.roles import Permission, Principal
from hub.domain.room_retention import PROMO_KEPT_S
from hub.services.auth.command_identity import idempotency_key
from hub.services.command_answers import answer_of
from hub.services.document_names import PROMOS, promo_key
from hub.services.log_events import new_event
from hub.store.log import Document, EventLog, IndexMove, Write


class PromotionService:
    """Publishes promotions."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._log = log
        self._clock = clock
        self._new_id = new_id

    async def publish(self, principal: Principal, command: PublishPromo) -> PublishedPromo:
        """Publish a promotion to everybody, until it expires: in a week at most.

        Raises:
            BadRequest: The promotion has expired already.
        """
        principal.require(Permission.PUBLISH_PROMO)
        write = Write(idempotency=idempotency_key(principal, command))
        # Checked first: a repeat may come after the promotion has expired.
        if (first := await self._log.remembered(write.idempotency)) is not None:
            return answer_of(PublishedPromo, first)
        now = self._clock()
        if command.expires_at is not None and command.expires_at <= now:
            raise BadRequest("the promotion has expired already", field="expires_at")
        event = PromoPublished(
            promo_id=self._new_id(),
            title=command.title,
            message=command.message,
            expires_at=command.expires_at,
        )
        key = promo_key(event.promo_id)
        committed = await self._log.commit(
            replace(
                write,
                events=(new_event(event, now),),
                expects=((key, 0),),
                documents=(Document(key, 1, event.model_dump_json(exclude={"type"})),),
                index=(IndexMove(PROMOS, event.promo_id, True),),
                expire=((key, PROMO_KEPT_S),),
                result=json.dumps({"promo_id": event.promo_id}),
            )
        )
        return answer_of(PublishedPromo, committed)
