"""`comanda webhooks …`: what a manager does with webhooks, for the operator at the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator

from hub.core.times import format_time
from hub.domain.answers.webhook_answers import SecretOfWebhook, ShownDeadLetter, ShownWebhook
from hub.domain.commands import AddWebhook, ChangeWebhook, RemoveWebhook, ReplayWebhook, RotateWebhook
from hub.domain.roles import Kind, Principal, Role
from hub.services.build import Services

_OPERATOR = Principal(kind=Kind.SERVICE, id="token:operator", name="operator", roles=frozenset({Role.MANAGER}))
_PAGE = 200


async def add(services: Services, command: AddWebhook) -> SecretOfWebhook:
    """Add an endpoint."""
    return await services.webhooks.add(_OPERATOR, command)


async def change(services: Services, command: ChangeWebhook) -> ShownWebhook:
    """Change an endpoint."""
    return (await services.webhooks.change(_OPERATOR, command)).webhook


async def rotate(services: Services, command: RotateWebhook) -> SecretOfWebhook:
    """Give an endpoint another secret."""
    return await services.webhooks.rotate(_OPERATOR, command)


async def remove(services: Services, webhook_id: str) -> None:
    """Remove an endpoint."""
    await services.webhooks.remove(_OPERATOR, RemoveWebhook(webhook_id=webhook_id))


async def endpoints(services: Services) -> tuple[ShownWebhook, ...]:
    """Return all endpoints."""
    return (await services.webhooks.list(_OPERATOR)).webhooks


async def letters(services: Services, webhook_id: str) -> AsyncIterator[ShownDeadLetter]:
    """Yield the dead letters of an endpoint, the newest first."""
    before: int | None = None
    while True:
        page = await services.dead_letters.list(_OPERATOR, webhook_id, _PAGE, before)
        for letter in page.dead:
            yield letter
        if page.next is None:
            return
        before = page.next


async def replay(services: Services, webhook_id: str, ids: tuple[str, ...]) -> int:
    """Have dead letters sent again: those of these ids, or all. Return their number."""
    if ids:
        named = ReplayWebhook(webhook_id=webhook_id, ids=ids)
        return (await services.dead_letters.replay(_OPERATOR, named)).replayed
    replayed = 0
    while (part := await services.dead_letters.replay(_OPERATOR, ReplayWebhook(webhook_id=webhook_id))).replayed:
        replayed += part.replayed
    return replayed


def row(endpoint: ShownWebhook) -> str:
    """Return an endpoint as one line."""
    return "\t".join((endpoint.id, endpoint.state, str(endpoint.dead), ", ".join(endpoint.types), endpoint.url))


def letter_row(letter: ShownDeadLetter) -> str:
    """Return a dead letter as one line."""
    at = format_time(letter.given_up_at)
    return "\t".join((letter.id, letter.type, letter.order_id or "-", at, letter.reason, str(letter.attempts)))
