"""What is stored of one endpoint: its settings, its progress, its dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.core.errors import NotFound
from hub.domain.webhooks import DeadLetter, EndpointState, WebhookEndpoint, WebhookSecrets
from hub.outbound.webhook_progress import WebhookProgress
from hub.services.document_names import (
    dead_letter_key,
    replayed_letters,
    webhook_key,
    webhook_progress_key,
)
from hub.services.stored_documents import load_readable
from hub.services.webhooks.webhook_documents import (
    WEBHOOK_TALLIES,
    burial,
    endpoint_document,
    require_endpoint,
    require_secrets,
)
from hub.store.conflicts import retry_on_conflict
from hub.store.log import Document, IndexMove, NewEvent, Write

if TYPE_CHECKING:
    from hub.store.log import Committed, EventLog

LETTERS_A_WRITE = 15  # a write holds sixteen documents, and the progress is one


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint and its secrets, as they were read."""

    endpoint: WebhookEndpoint
    secrets: WebhookSecrets


class EndpointStore:
    """Reads and writes the documents of one endpoint.

    A progress is only written over the one that was read: a process that another one has replaced gets a
    `VersionConflict`, and writes nothing.

    Attributes:
        webhook_id: The endpoint's id.
    """

    def __init__(self, log: EventLog, webhook_id: str) -> None:
        self.webhook_id = webhook_id
        self._log = log
        self._version = 0

    async def view(self) -> EndpointView | None:
        """Return the endpoint and its secrets; None if it was removed."""
        try:
            stored = await require_endpoint(self._log, self.webhook_id)
            secrets, _ = await require_secrets(self._log, self.webhook_id)
        except NotFound:
            return None
        return EndpointView(stored.endpoint, secrets)

    async def progress(self) -> WebhookProgress | None:
        """Return the stored progress; None if there is none that can be read."""
        document = await self._log.document(webhook_progress_key(self.webhook_id))
        self._version = document.version if document is not None else 0
        return load_readable(self._log, WebhookProgress, document) if self._version else None

    async def save(
        self, progress: WebhookProgress, letters: Sequence[DeadLetter] = (), tallies: Mapping[str, int] | None = None
    ) -> None:
        """Store the progress, together with at most fifteen dead letters.

        Raises:
            VersionConflict: Another process has stored another progress meanwhile.
        """
        key = webhook_progress_key(self.webhook_id)
        write = burial(self.webhook_id, letters)
        await self._log.commit(
            replace(
                write,
                expects=((key, self._version),),
                documents=(Document(key, self._version + 1, progress.model_dump_json()), *write.documents),
                counts=tuple((WEBHOOK_TALLIES, outcome, count) for outcome, count in (tallies or {}).items()),
                expire=((key, 0), *write.expire),
            )
        )
        self._version += 1

    async def letters_to_replay(self, known: frozenset[str], limit: int) -> list[DeadLetter]:
        """Return dead letters that a manager has sent again, oldest first.

        Args:
            known: Ids of those that need not be read.
        """
        members = [each for each in await self._log.members(replayed_letters(self.webhook_id)) if each not in known]
        keys = [dead_letter_key(self.webhook_id, letter) for letter in members[:limit]]
        found = (load_readable(self._log, DeadLetter, document) for document in await self._log.documents(keys))
        return [letter for letter in found if letter is not None]

    async def forget_letters(self, ids: Sequence[str]) -> None:
        """Remove dead letters that have arrived after all, at most sixteen."""
        keys = [dead_letter_key(self.webhook_id, letter) for letter in ids]
        index = replayed_letters(self.webhook_id)
        await self._log.commit(
            Write(
                documents=tuple(Document(key, 0, "") for key in keys),
                index=tuple(IndexMove(index, letter, False) for letter in ids),
                expire=tuple((key, 1) for key in keys),
            )
        )

    async def disable(self, state: EndpointState, notice: NewEvent) -> None:
        """Disable the endpoint and tell managers, unless it was removed or disabled meanwhile."""

        async def attempt() -> Committed | None:
            stored = await require_endpoint(self._log, self.webhook_id)
            if not stored.endpoint.enabled:
                return None
            changed = stored.endpoint.model_copy(update={"state": state})
            return await self._log.commit(
                Write(
                    events=(notice,),
                    expects=((webhook_key(self.webhook_id), stored.version),),
                    documents=(endpoint_document(changed, stored.version + 1),),
                )
            )

        try:
            await retry_on_conflict(attempt)
        except NotFound:
            return
