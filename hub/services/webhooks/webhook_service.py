"""The endpoints of webhooks: managers add, change, rotate and remove them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from hub.core.errors import BadRequest, Conflict
from hub.core.target_policy import TargetPolicy
from hub.domain.answers.base import CommandAnswer
from hub.domain.answers.webhook_answers import (
    ChangedWebhook,
    SecretOfWebhook,
    ShownWebhook,
    WebhookDetail,
    WebhookList,
)
from hub.domain.commands import AddWebhook, ChangeWebhook, RemoveWebhook, RotateWebhook
from hub.domain.roles import Permission, Principal
from hub.domain.webhooks import EndpointState, WebhookEndpoint, WebhookSecrets
from hub.services.auth.command_identity import idempotency_key
from hub.services.command_answers import answer_of
from hub.services.document_names import (
    WEBHOOKS,
    dead_letters,
    replayed_letters,
    webhook_key,
    webhook_progress_key,
    webhook_secrets_key,
)
from hub.services.service_bounds import MAX_WEBHOOKS
from hub.services.webhooks.webhook_documents import (
    StoredEndpoint,
    endpoint_document,
    new_secret,
    read_endpoints,
    require_endpoint,
    require_secrets,
    secrets_document,
)
from hub.store.conflicts import retry_on_conflict
from hub.store.log import Committed, Document, EventLog, Hold, IndexMove, Write
from hub.store.outbound_stream import OutboundStream


class WebhookService:
    """Adds, changes, rotates and removes endpoints. `hub.outbound` reads them and sends."""

    def __init__(
        self, log: EventLog, policy: TargetPolicy, clock: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._log = log
        self._stream = OutboundStream(log.calls, log.keys)
        self._policy = policy
        self._clock = clock
        self._new_id = new_id

    async def add(self, principal: Principal, command: AddWebhook) -> SecretOfWebhook:
        """Add an endpoint that gets the events from now on. The answer has its secret.

        Raises:
            BadRequest: The hub does not send to this URL.
            LimitReached: There are as many endpoints as there may be.
        """
        principal.require(Permission.MANAGE_WEBHOOKS)
        self._check(command.url)
        write = Write(idempotency=idempotency_key(principal, command))
        if (first := await self._log.remembered(write.idempotency)) is None:
            first = await self._add(command, write)
        return await self._with_secret(first)

    async def change(self, principal: Principal, command: ChangeWebhook) -> ChangedWebhook:
        """Change an endpoint. One that is enabled again gets the events from then on.

        Raises:
            BadRequest: The hub does not send to this URL.
            NotFound: There is no such endpoint.
            Conflict: It is at another version than the command names.
        """
        principal.require(Permission.MANAGE_WEBHOOKS)
        if command.url is not None:
            self._check(command.url)

        async def attempt() -> Committed:
            write = Write(idempotency=idempotency_key(principal, command))
            if (first := await self._log.remembered(write.idempotency)) is not None:
                return first
            stored = await require_endpoint(self._log, command.webhook_id)
            if command.version not in (None, stored.version):
                raise Conflict("the webhook has changed in the meantime", version=stored.version)
            changed = await self._changed(stored.endpoint, command)
            key = webhook_key(changed.id)
            return await self._log.commit(
                replace(
                    write,
                    expects=((key, stored.version),),
                    documents=(endpoint_document(changed, stored.version + 1),),
                    result=json.dumps({"webhook": await self._shown(StoredEndpoint(changed, stored.version + 1))}),
                )
            )

        return answer_of(ChangedWebhook, await retry_on_conflict(attempt))

    async def rotate(self, principal: Principal, command: RotateWebhook) -> SecretOfWebhook:
        """Give an endpoint another secret, which the answer has. The old one signs on for a while.

        Raises:
            NotFound: There is no such endpoint.
        """
        principal.require(Permission.MANAGE_WEBHOOKS)

        async def attempt() -> Committed:
            write = Write(idempotency=idempotency_key(principal, command))
            if (first := await self._log.remembered(write.idempotency)) is not None:
                return first
            stored = await require_endpoint(self._log, command.webhook_id)
            held, version = await require_secrets(self._log, command.webhook_id)
            rotated = held.rotated(new_secret(), self._clock() + timedelta(seconds=command.overlap_s))
            return await self._log.commit(
                replace(
                    write,
                    expects=((webhook_secrets_key(command.webhook_id), version),),
                    documents=(secrets_document(command.webhook_id, rotated, version + 1),),
                    result=json.dumps({"webhook": await self._shown(stored)}),
                )
            )

        return await self._with_secret(await retry_on_conflict(attempt))

    async def remove(self, principal: Principal, command: RemoveWebhook) -> CommandAnswer:
        """Remove an endpoint with its secrets. Nothing more is sent to it, within seconds.

        Raises:
            NotFound: There is no such endpoint.
        """
        principal.require(Permission.MANAGE_WEBHOOKS)
        write = Write(idempotency=idempotency_key(principal, command))
        if (first := await self._log.remembered(write.idempotency)) is None:
            await require_endpoint(self._log, command.webhook_id)
            letters = [
                IndexMove(index, member, False)
                for index in (dead_letters(command.webhook_id), replayed_letters(command.webhook_id))
                for member in await self._log.members(index)
            ]
            keys = [of(command.webhook_id) for of in (webhook_key, webhook_secrets_key, webhook_progress_key)]
            # Redis deletes the documents in a second; at version 0 they count as missing from now on.
            first = await self._log.commit(
                replace(
                    write,
                    documents=tuple(Document(key, 0, "") for key in keys),
                    index=(IndexMove(WEBHOOKS, command.webhook_id, False), *letters),
                    release=(_place_of(command.webhook_id),),
                    expire=tuple((key, 1) for key in keys),
                    result="{}",
                )
            )
        return answer_of(CommandAnswer, first)

    async def list(self, principal: Principal) -> WebhookList:
        """Return all endpoints, the oldest first."""
        principal.require(Permission.MANAGE_WEBHOOKS)
        stored = await read_endpoints(self._log)
        shown = [ShownWebhook.model_validate(await self._shown(each)) for each in stored]
        return WebhookList(webhooks=tuple(shown))

    async def get(self, principal: Principal, webhook_id: str) -> WebhookDetail:
        """Return one endpoint.

        Raises:
            NotFound: There is no such endpoint.
        """
        principal.require(Permission.MANAGE_WEBHOOKS)
        shown = await self._shown(await require_endpoint(self._log, webhook_id))
        return WebhookDetail(webhook=ShownWebhook.model_validate(shown))

    async def _add(self, command: AddWebhook, write: Write) -> Committed:
        endpoint = WebhookEndpoint(
            id=self._new_id(),
            url=command.url,
            types=command.types,
            description=command.description,
            since=await self._stream.last(),
            created_at=self._clock(),
        )
        key, secrets_key = webhook_key(endpoint.id), webhook_secrets_key(endpoint.id)
        return await self._log.commit(
            replace(
                write,
                expects=((key, 0), (secrets_key, 0)),
                documents=(
                    endpoint_document(endpoint, 1),
                    secrets_document(endpoint.id, WebhookSecrets(current=new_secret()), 1),
                ),
                index=(IndexMove(WEBHOOKS, endpoint.id, True, score=int(endpoint.created_at.timestamp() * 1_000)),),
                expire=((key, 0), (secrets_key, 0)),
                hold=Hold(_place_of(endpoint.id), (("webhooks", MAX_WEBHOOKS, "webhooks"),)),
                result=json.dumps({"webhook": await self._shown(StoredEndpoint(endpoint, 1))}),
            )
        )

    async def _changed(self, endpoint: WebhookEndpoint, command: ChangeWebhook) -> WebhookEndpoint:
        named = command.model_dump(include={"url", "types", "description"}, exclude_none=True)
        if command.enabled is False and endpoint.enabled:
            named["state"] = EndpointState.PAUSED
        if command.enabled and not endpoint.enabled:
            named |= {"state": EndpointState.ENABLED, "since": await self._stream.last()}
        return endpoint.model_copy(update=named)

    async def _with_secret(self, committed: Committed) -> SecretOfWebhook:
        """Return the answer with the secret, which no remembered result holds."""
        webhook_id = json.loads(committed.result)["webhook"]["id"]
        held, _ = await require_secrets(self._log, webhook_id)
        return answer_of(SecretOfWebhook, committed, secret=held.current)

    async def _shown(self, stored: StoredEndpoint) -> dict[str, object]:
        endpoint = stored.endpoint
        shown = ShownWebhook(
            id=endpoint.id,
            url=endpoint.url,
            types=endpoint.types,
            description=endpoint.description,
            state=str(endpoint.state),
            version=stored.version,
            created_at=endpoint.created_at,
            dead=await self._log.index_size(dead_letters(endpoint.id)),
        )
        return shown.as_json()

    def _check(self, url: str) -> None:
        try:
            self._policy.check_url(url)
        except BadRequest as exc:
            raise BadRequest(exc.message, field="url") from exc


def _place_of(webhook_id: str) -> str:
    return f"webhook:{webhook_id}"
