"""Reads and writes the documents of webhooks."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.core.errors import NotFound
from hub.domain.webhooks import SECRET_PREFIX, DeadLetter, WebhookEndpoint, WebhookSecrets
from hub.services.document_names import (
    WEBHOOKS,
    dead_letter_key,
    dead_letters,
    replayed_letters,
    webhook_key,
    webhook_secrets_key,
)
from hub.services.service_bounds import DEAD_LETTERS_KEPT_S, MAX_DEAD_LETTERS, MAX_WEBHOOKS
from hub.services.stored_documents import load, load_readable
from hub.store.log import Document, IndexMove, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.store.log import EventLog

WEBHOOK_TALLIES = "webhooks"  # how tries ended: `arrived`, `failed`, `gone`; and deliveries given up: `dead`
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """An endpoint with the version of its document."""

    endpoint: WebhookEndpoint
    version: int


def new_secret() -> str:
    """Return a random secret, `whsec_` and 32 bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


async def read_endpoints(log: EventLog) -> list[StoredEndpoint]:
    """Return all endpoints that can be read, the oldest first."""
    members = [member for member, _ in await log.indexed(WEBHOOKS, before=None, limit=MAX_WEBHOOKS)]
    found: list[StoredEndpoint] = []
    for document in await log.documents(map(webhook_key, reversed(members))):
        if document is not None and document.version:
            endpoint = load_readable(log, WebhookEndpoint, document)
            if endpoint is not None:
                found.append(StoredEndpoint(endpoint, document.version))
    return found


async def require_endpoint(log: EventLog, webhook_id: str) -> StoredEndpoint:
    """Return an endpoint.

    Raises:
        NotFound: There is no such endpoint.
    """
    document = await log.document(webhook_key(webhook_id))
    if document is None or not document.version:
        raise NotFound("there is no such webhook")
    return StoredEndpoint(load(log, WebhookEndpoint, document), document.version)


async def require_secrets(log: EventLog, webhook_id: str) -> tuple[WebhookSecrets, int]:
    """Return an endpoint's secrets, and the version of their document.

    Raises:
        NotFound: There is no such endpoint.
    """
    document = await log.document(webhook_secrets_key(webhook_id))
    if document is None or not document.version:
        raise NotFound("there is no such webhook")
    return load(log, WebhookSecrets, document), document.version


def endpoint_document(endpoint: WebhookEndpoint, version: int) -> Document:
    """Return an endpoint as a document."""
    return Document(webhook_key(endpoint.id), version, endpoint.model_dump_json())


def secrets_document(webhook_id: str, held: WebhookSecrets, version: int) -> Document:
    """Return an endpoint's secrets as a document."""
    return Document(webhook_secrets_key(webhook_id), version, held.model_dump_json())


def burial(webhook_id: str, letters: Sequence[DeadLetter]) -> Write:
    """Return the write that keeps dead letters of an endpoint, at most sixteen."""
    index = dead_letters(webhook_id)
    keys = [dead_letter_key(webhook_id, letter.id) for letter in letters]
    # Unique within a millisecond, so that pages end between any two letters.
    scores = [int(letter.given_up_at.timestamp() * 1_000) * 1_000 + n for n, letter in enumerate(letters)]
    return Write(
        documents=tuple(Document(key, 1, letter.model_dump_json()) for key, letter in zip(keys, letters, strict=True)),
        index=tuple(
            move
            for letter, score in zip(letters, scores, strict=True)
            for move in (
                IndexMove(replayed_letters(webhook_id), letter.id, False),
                IndexMove(index, letter.id, True, keep=MAX_DEAD_LETTERS, score=score),
            )
        ),
        expire=tuple((key, DEAD_LETTERS_KEPT_S) for key in keys),
    )
