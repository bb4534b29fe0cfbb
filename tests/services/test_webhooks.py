"""Webhooks as managers see them: endpoints, secrets, dead letters."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hub.core.errors import BadRequest, Conflict, Forbidden, LimitReached, NotFound
from hub.domain import commands as cmd
from hub.domain.roles import PERMISSIONS, Kind, Permission, Principal, Role
from hub.domain.webhooks import DeadLetter, WebhookSecrets, matches
from hub.services.document_names import WEBHOOKS, dead_letter_key, dead_letters, replayed_letters
from hub.services.service_bounds import MAX_WEBHOOKS
from hub.services.webhooks.webhook_documents import burial, require_endpoint, require_secrets
from hub.store.outbound_stream import OutboundStream
from tests.support.services_harness import KITCHEN_HAND, MANAGER, START, Branch

URL = "https://partner.example/orders"


async def added(branch: Branch, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await branch.wire.webhooks.add(MANAGER, cmd.AddWebhook(**{"url": URL, **fields}))
    return answer


def a_letter(number: int) -> DeadLetter:
    return DeadLetter(
        id=f"abcd1234-{number}",
        type="order.ready",
        order_id="PED1",
        body='{"type":"order.ready"}',
        event_at=START,
        given_up_at=START + timedelta(days=3),
        reason="500",
        attempts=80,
    )


async def test_a_new_endpoint_gets_every_event_of_orders_from_now_on_and_its_secret_is_shown_once(
    branch: Branch,
) -> None:
    answer = await added(branch, description="reparto")
    webhook = answer["webhook"]
    assert webhook == {
        "id": webhook["id"],
        "url": URL,
        "types": ["order.*"],
        "description": "reparto",
        "state": "enabled",
        "version": 1,
        "created_at": "2026-11-20T21:30:00.123Z",
        "dead": 0,
    }
    assert answer["secret"].startswith("whsec_")
    assert await branch.wire.webhooks.list(MANAGER) == {"webhooks": [webhook]}
    assert await branch.wire.webhooks.get(MANAGER, webhook["id"]) == {"webhook": webhook}
    stored = await require_endpoint(branch.log, webhook["id"])
    assert stored.endpoint.since == await OutboundStream(branch.log.calls, branch.log.keys).last()


async def test_an_addition_said_again_under_its_command_id_is_one_endpoint_with_one_secret(branch: Branch) -> None:
    first, again = [await added(branch, command_id="c-1") for _ in range(2)]
    assert first == again
    assert await branch.log.index_size(WEBHOOKS) == 1


async def test_no_remembered_answer_holds_a_secret(branch: Branch) -> None:
    answer = await added(branch, command_id="c-1")
    keys = [key async for key in branch.redis.scan_iter("*") if "secrets" not in key]
    for key in keys:
        kind = await branch.redis.type(key)
        held = await (branch.redis.hgetall(key) if kind == "hash" else branch.redis.get(key)) if kind != "zset" else ""
        assert answer["secret"] not in str(held), key


@pytest.mark.parametrize(
    "url", ["http://partner.example/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "no url"]
)
async def test_an_address_that_the_hub_does_not_send_to_is_refused(branch: Branch, url: str) -> None:
    with pytest.raises(BadRequest) as refused:
        await added(branch, url=url)
    assert refused.value.values == {"field": "url"}
    webhook = (await added(branch))["webhook"]["id"]
    with pytest.raises(BadRequest):
        await branch.services.webhooks.change(MANAGER, cmd.ChangeWebhook(webhook_id=webhook, url=url))


@pytest.mark.parametrize("wrong", ["orders.*", "order.*.x", "chat.*", "chat.message", "courier.moved", "*", "", ".*"])
def test_a_filter_that_takes_no_event_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        cmd.AddWebhook(url=URL, types=(wrong,))


def test_a_filter_takes_a_type_or_a_family() -> None:
    assert matches(("order.*",), ["order.ready"])
    assert matches(("promo.published", "order.ready"), ["order.ready"])
    assert not matches(("order.ready",), ["order.received"])
    assert not matches(("order.*",), ["chat.message"])


async def test_only_managers_and_no_programs_of_other_roles_see_or_change_endpoints(branch: Branch) -> None:
    assert [role for role in Role if Permission.MANAGE_WEBHOOKS in PERMISSIONS[role]] == [Role.MANAGER]
    webhook = (await added(branch))["webhook"]["id"]
    program = Principal(kind=Kind.SERVICE, id="token:x", name="x", roles=frozenset({Role.SERVICE}))
    services = branch.services
    for who in (KITCHEN_HAND, program):
        for call in (
            services.webhooks.add(who, cmd.AddWebhook(url=URL)),
            services.webhooks.change(who, cmd.ChangeWebhook(webhook_id=webhook)),
            services.webhooks.rotate(who, cmd.RotateWebhook(webhook_id=webhook)),
            services.webhooks.remove(who, cmd.RemoveWebhook(webhook_id=webhook)),
            services.webhooks.list(who),
            services.webhooks.get(who, webhook),
            services.dead_letters.list(who, webhook, 10, None),
            services.dead_letters.replay(who, cmd.ReplayWebhook(webhook_id=webhook)),
        ):
            with pytest.raises(Forbidden):
                await call


async def test_there_may_be_so_many_endpoints_and_one_that_goes_makes_room(branch: Branch) -> None:
    async def add() -> dict[str, Any] | LimitReached:
        try:
            return await added(branch)
        except LimitReached as refused:
            return refused

    answers = await asyncio.gather(*(add() for _ in range(MAX_WEBHOOKS + 3)))
    taken = [answer for answer in answers if isinstance(answer, dict)]
    assert len(taken) == MAX_WEBHOOKS
    await branch.services.webhooks.remove(MANAGER, cmd.RemoveWebhook(webhook_id=taken[0]["webhook"]["id"]))
    await added(branch)


async def test_a_change_moves_the_version_and_one_of_an_older_version_is_a_conflict(branch: Branch) -> None:
    webhook = (await added(branch))["webhook"]["id"]
    change = cmd.ChangeWebhook(webhook_id=webhook, types=("order.ready",), version=1)
    changed = await branch.wire.webhooks.change(MANAGER, change)
    assert (changed["webhook"]["types"], changed["webhook"]["version"]) == (["order.ready"], 2)
    with pytest.raises(Conflict) as refused:
        await branch.wire.webhooks.change(MANAGER, change)
    assert refused.value.values == {"version": 2}


async def test_an_endpoint_that_is_enabled_again_gets_the_events_from_then_on(branch: Branch) -> None:
    webhook = (await added(branch))["webhook"]["id"]
    before = (await require_endpoint(branch.log, webhook)).endpoint.since
    for enabled, state in ((False, "paused"), (True, "enabled")):
        await branch.placed()
        change = cmd.ChangeWebhook(webhook_id=webhook, enabled=enabled)
        assert (await branch.wire.webhooks.change(MANAGER, change))["webhook"]["state"] == state
    since = (await require_endpoint(branch.log, webhook)).endpoint.since
    assert since == await OutboundStream(branch.log.calls, branch.log.keys).last() != before


async def test_a_rotated_secret_is_new_and_the_old_one_signs_until_its_time_is_over(branch: Branch) -> None:
    answer = await added(branch)
    webhook, old = answer["webhook"]["id"], answer["secret"]
    new = (await branch.wire.webhooks.rotate(MANAGER, cmd.RotateWebhook(webhook_id=webhook, overlap_s=60)))["secret"]
    held, _ = await require_secrets(branch.log, webhook)
    assert held.signing(branch.clock()) == (new, old)
    branch.clock.turn(seconds=60)
    assert held.signing(branch.clock()) == (new,)


async def test_a_rotation_said_again_under_its_command_id_rotates_once(branch: Branch) -> None:
    answer = await added(branch)
    rotation = cmd.RotateWebhook(webhook_id=answer["webhook"]["id"], command_id="c-1")
    first, again = [await branch.wire.webhooks.rotate(MANAGER, rotation) for _ in range(2)]
    assert first == again
    held, _ = await require_secrets(branch.log, answer["webhook"]["id"])
    assert (held.current, held.previous) == (first["secret"], answer["secret"])


def test_secrets_are_read_as_a_newer_hub_wrote_them() -> None:
    held = WebhookSecrets.model_validate({"current": "whsec_a", "more": 1})
    assert held.model_dump(mode="json") == {"current": "whsec_a", "more": 1}


async def test_a_removed_endpoint_is_gone_with_its_secret_and_its_dead_letters(branch: Branch) -> None:
    webhook = (await added(branch))["webhook"]["id"]
    await branch.log.commit(burial(webhook, [a_letter(1)]))
    removal = cmd.RemoveWebhook(webhook_id=webhook, command_id="c-1")
    for _ in range(2):
        await branch.services.webhooks.remove(MANAGER, removal)
    for read in (require_endpoint, require_secrets):
        with pytest.raises(NotFound):
            await read(branch.log, webhook)
    assert await branch.wire.webhooks.list(MANAGER) == {"webhooks": []}
    assert await branch.log.members(dead_letters(webhook)) == []


async def test_dead_letters_are_listed_page_by_page_the_newest_first(branch: Branch) -> None:
    webhook = (await added(branch))["webhook"]["id"]
    await branch.log.commit(burial(webhook, [a_letter(n) for n in range(5)]))
    seen: list[str] = []
    before: int | None = None
    while True:
        page = await branch.wire.dead_letters.list(MANAGER, webhook, 2, before)
        seen += [letter["id"] for letter in page["dead"]]
        if (before := page["next"]) is None:
            break
    assert seen == [f"abcd1234-{n}" for n in (4, 3, 2, 1, 0)]
    assert (await branch.wire.webhooks.get(MANAGER, webhook))["webhook"]["dead"] == 5


async def test_a_replay_takes_the_named_letters_or_the_oldest_and_keeps_their_order(branch: Branch) -> None:
    webhook = (await added(branch))["webhook"]["id"]
    await branch.log.commit(burial(webhook, [a_letter(n) for n in range(5)]))
    named = cmd.ReplayWebhook(webhook_id=webhook, ids=("abcd1234-3", "abcd1234-9"), command_id="c-1")
    for _ in range(2):
        assert (await branch.wire.dead_letters.replay(MANAGER, named))["replayed"] == 1
    assert await branch.log.members(replayed_letters(webhook)) == ["abcd1234-3"]
    everything = cmd.ReplayWebhook(webhook_id=webhook)
    assert (await branch.wire.dead_letters.replay(MANAGER, everything))["replayed"] == 4
    assert await branch.log.members(replayed_letters(webhook)) == [f"abcd1234-{n}" for n in range(5)]
    assert await branch.log.members(dead_letters(webhook)) == []
    assert await branch.log.document(dead_letter_key(webhook, "abcd1234-0")) is not None


async def test_an_endpoint_that_does_not_exist_is_not_found(branch: Branch) -> None:
    services = branch.services
    for call in (
        services.webhooks.change(MANAGER, cmd.ChangeWebhook(webhook_id="w")),
        services.webhooks.rotate(MANAGER, cmd.RotateWebhook(webhook_id="w")),
        services.webhooks.remove(MANAGER, cmd.RemoveWebhook(webhook_id="w")),
        services.webhooks.get(MANAGER, "w"),
        services.dead_letters.list(MANAGER, "w", 10, None),
        services.dead_letters.replay(MANAGER, cmd.ReplayWebhook(webhook_id="w")),
    ):
        with pytest.raises(NotFound):
            await call
