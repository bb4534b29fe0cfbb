"""Deliveries of webhooks that were given up: managers list them and have them sent again."""

from __future__ import annotations

import json
from dataclasses import replace

from hub.domain.answers.webhook_answers import DeadLetters, ReplayedLetters, ShownDeadLetter
from hub.domain.commands import ReplayWebhook
from hub.domain.roles import Permission, Principal
from hub.domain.webhook_commands import MAX_REPLAYED
from hub.domain.webhooks import DeadLetter
from hub.services.auth.command_identity import idempotency_key
from hub.services.command_answers import answer_of
from hub.services.document_names import dead_letter_key, dead_letters, replayed_letters
from hub.services.service_bounds import MAX_DEAD_LETTERS
from hub.services.stored_documents import load_readable
from hub.services.webhooks.webhook_documents import require_endpoint
from hub.store.log import EventLog, IndexMove, Write


class DeadLetterService:
    """Lists dead letters, and marks those that are to be sent again. `hub.outbound` sends them."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def list(self, principal: Principal, webhook_id: str, limit: int, before: int | None) -> DeadLetters:
        """Return a page of an endpoint's dead letters, the newest first.

        Raises:
            NotFound: There is no such endpoint.
        """
        principal.require(Permission.MANAGE_WEBHOOKS)
        await require_endpoint(self._log, webhook_id)
        page = await self._log.indexed(dead_letters(webhook_id), before=before, limit=limit)
        documents = await self._log.documents(dead_letter_key(webhook_id, letter) for letter, _ in page)
        found = (load_readable(self._log, DeadLetter, document) for document in documents)
        shown = tuple(ShownDeadLetter.model_validate(each.model_dump()) for each in found if each is not None)
        return DeadLetters(dead=shown, next=page[-1][1] if len(page) == limit else None)

    async def replay(self, principal: Principal, command: ReplayWebhook) -> ReplayedLetters:
        """Have dead letters sent again: those of these ids, or the oldest hundred.

        Raises:
            NotFound: There is no such endpoint.
        """
        principal.require(Permission.MANAGE_WEBHOOKS)
        write = Write(idempotency=idempotency_key(principal, command))
        if (first := await self._log.remembered(write.idempotency)) is None:
            await require_endpoint(self._log, command.webhook_id)
            moved = await self._moved(command)
            result = json.dumps({"replayed": len(moved) // 2})
            first = await self._log.commit(replace(write, index=moved, result=result))
        return answer_of(ReplayedLetters, first)

    async def _moved(self, command: ReplayWebhook) -> tuple[IndexMove, ...]:
        """Return the moves of letters from the one index to the other, with the times by which they are sorted."""
        dead, replayed = dead_letters(command.webhook_id), replayed_letters(command.webhook_id)
        members = await self._log.indexed(dead, before=None, limit=MAX_DEAD_LETTERS)
        oldest = members[-MAX_REPLAYED:]
        wanted = oldest if command.ids is None else [each for each in members if each[0] in command.ids]
        return tuple(
            move
            for letter, score in wanted
            for move in (IndexMove(dead, letter, False), IndexMove(replayed, letter, True, score=score))
        )
