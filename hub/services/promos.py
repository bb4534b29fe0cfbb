"""Promotions: said by a manager, seen by everybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from hub.domain.commands import PublishPromo
from hub.domain.errors import BadRequest
from hub.domain.events import PromoPublished
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import PROMOS as PROMOS_ROOM
from hub.eventlog.log import Committed, Document, EventLog, IndexMove, NewEvent, Write
from hub.services.documents import PROMOS, promo_key
from hub.services.identity import identity

KEPT_S = 7 * 86_400


class PromoService:
    """Publishes promotions."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._log = log
        self._clock = clock
        self._new_id = new_id

    async def publish(self, principal: Principal, command: PublishPromo) -> dict[str, Any]:
        """Tell everybody in the promotions room, now and until it expires (a week at most).

        Returns:
            `{promo_id, cursor}`.

        Raises:
            BadRequest: It has expired already.
        """
        principal.require(Permission.PUBLISH_PROMO)
        write = Write(**identity(principal, command))
        # Asked before anything else: a repeat may come after the promotion has expired.
        if write.command_id and (first := await self._log.remembered(write.command_id, write.fingerprint)):
            return _answer(first)
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
                events=(NewEvent(event.type, event.body(now), (str(PROMOS_ROOM),)),),
                expects=((key, 0),),
                documents=(Document(key, 1, event.model_dump_json(exclude={"type"})),),
                index=(IndexMove(PROMOS, event.promo_id, True),),
                expire=((key, KEPT_S),),
                result=json.dumps({"promo_id": event.promo_id}),
            )
        )
        return _answer(committed)


def _answer(committed: Committed) -> dict[str, Any]:
    return {**json.loads(committed.result), "cursor": str(committed.cursor)}
