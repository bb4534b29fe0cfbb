"""Webhooks from the log to a partner: order, repeats, crashes, endpoints that end, dead letters."""

from __future__ import annotations

import asyncio

from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.webhooks import EndpointState
from hub.outbound.endpoint_store import EndpointStore
from hub.services.webhooks.webhook_documents import require_endpoint
from tests.outbound.conftest import WebhookBranch
from tests.support.partner import Partner, Received, a_partner
from tests.support.services_harness import MANAGER


async def test_a_partner_gets_the_events_of_orders_signed_and_in_their_order(
    house: WebhookBranch, partner: Partner
) -> None:
    await house.branch.placed()  # before the endpoint: not sent
    await house.endpoint(partner)
    async with house.process():
        order = await house.branch.placed_at(OrderStatus.READY)
        await partner.until(lambda: [each.type for each in partner.arrived][-1:] == ["order.ready"])
    assert partner.unverified == 0
    assert {each.order_id for each in partner.arrived} == {order}
    expected = await house.branch.types(f"order:{order}")
    assert [each.type for each in partner.arrived] == expected
    assert len({each.id for each in partner.arrived}) == len(expected)


async def test_an_endpoint_gets_only_the_types_that_it_asked_for(house: WebhookBranch, partner: Partner) -> None:
    await house.endpoint(partner, "order.ready", "promo.*")
    async with house.process():
        await house.branch.placed_at(OrderStatus.READY)
        await house.branch.services.promos.publish(MANAGER, cmd.PublishPromo(title="2x1", message="hoy"))
        await partner.until(lambda: len(partner.arrived) >= 2)
    assert [each.type for each in partner.arrived] == ["order.ready", "promo.published"]


async def test_what_fails_is_sent_again_under_its_id_and_the_rest_of_its_order_waits(
    house: WebhookBranch, partner: Partner
) -> None:
    webhook = await house.endpoint(partner)
    failures = iter([500, 500])
    bad = await house.branch.placed()

    def answer(received: Received) -> int:
        return next(failures, 200) if received.order_id == bad else 200

    partner.answer = answer
    async with house.process():
        await house.branch.bring(bad, OrderStatus.PREPARING)
        await partner.until(lambda: len(partner.received) == 1)
        good = await house.branch.placed()
        await partner.until(lambda: any(each.order_id == good for each in partner.arrived))
        assert [each.order_id for each in partner.arrived] == [good]
        for failed in (1, 2):
            await house.until(lambda failed=failed: _failed(house, webhook, bad, failed))  # type: ignore[misc]
            house.clock.turn(seconds=20)
        expected = await house.branch.types(f"order:{bad}")
        await partner.until(lambda: len(partner.arrived) == 1 + len(expected))
    tries = [each for each in partner.received if each.order_id == bad]
    assert [each.type for each in tries] == ["order.received"] * 2 + expected
    assert len({each.id for each in tries[:3]}) == 1


async def test_a_partner_that_hangs_does_not_hold_up_another(house: WebhookBranch, partner: Partner) -> None:
    go = asyncio.Event()

    async def hang() -> int:
        await go.wait()
        return 200

    async with a_partner() as stuck:
        stuck.answer = lambda _received: hang()
        await house.endpoint(stuck)
        await house.endpoint(partner)
        async with house.process():
            order = await house.branch.placed_at(OrderStatus.READY)
            expected = await house.branch.types(f"order:{order}")
            await partner.until(lambda: len(partner.arrived) == len(expected))
            assert len(stuck.received) == 1
            go.set()
            await stuck.until(lambda: len(stuck.arrived) == len(expected))
    assert [each.id for each in stuck.arrived] == [each.id for each in partner.arrived]


async def test_an_endpoint_that_answers_410_is_disabled_at_once_and_managers_are_told(
    house: WebhookBranch, partner: Partner
) -> None:
    webhook = await house.endpoint(partner)
    partner.answer = lambda _received: 410
    async with house.process():
        await house.branch.placed()
        await house.until(lambda: _is(house, webhook, EndpointState.GONE))
        assert "notice.sent" in await house.branch.types("floor")
        [letter] = await house.dead(webhook)
        assert (letter.reason, letter.attempts) == ("410", 1)
        known = len(partner.received)
        await house.branch.placed()
        await house.until(lambda: _at_rest(house))
    assert len(partner.received) == known


async def test_after_three_days_without_an_arrival_the_endpoint_is_disabled_and_nothing_is_lost(
    house: WebhookBranch, partner: Partner
) -> None:
    webhook = await house.endpoint(partner)
    partner.answer = lambda _received: 500
    async with house.process():
        order = await house.branch.placed_at(OrderStatus.READY)
        await house.until(lambda: _failed(house, webhook, order))
        house.clock.turn(days=3, minutes=1)
        await house.until(lambda: _is(house, webhook, EndpointState.FAILING))
    letters = await house.dead(webhook)
    assert sorted(each.type for each in letters) == sorted(await house.branch.types(f"order:{order}"))


async def test_dead_letters_that_a_manager_has_sent_again_arrive_under_their_old_ids(
    house: WebhookBranch, partner: Partner
) -> None:
    webhook = await house.endpoint(partner)
    partner.answer = lambda _received: 500
    async with house.process():
        order = await house.branch.placed()
        await house.until(lambda: _failed(house, webhook, order))
        house.clock.turn(days=3, minutes=1)
        await house.until(lambda: _is(house, webhook, EndpointState.FAILING))
        house.clock.ahead *= 0  # partners check the time
        partner.answer = lambda _received: 200
        await house.webhooks.change(MANAGER, cmd.ChangeWebhook(webhook_id=webhook, enabled=True))
        dead = [each.id for each in await house.dead(webhook)]
        replay = cmd.ReplayWebhook(webhook_id=webhook)
        assert (await house.branch.services.dead_letters.replay(MANAGER, replay)).replayed == len(dead)
        await partner.until(lambda: len(partner.arrived) == len(dead))
        await house.until(lambda: _none_waits(house, webhook))
    assert sorted(each.id for each in partner.arrived) == sorted(dead)
    assert await house.dead(webhook) == []


async def test_a_rotated_secret_signs_beside_the_old_one_and_then_alone(house: WebhookBranch, partner: Partner) -> None:
    webhook = await house.endpoint(partner)
    [old] = partner.secrets
    async with house.process():
        rotated = await house.webhooks.rotate(MANAGER, cmd.RotateWebhook(webhook_id=webhook, overlap_s=60))
        partner.secrets.append(rotated.secret)
        await house.until(lambda: _sends_by(house, partner, (old, rotated.secret)))
        house.clock.turn(seconds=61)
        await house.until(lambda: _sends_by(house, partner, (rotated.secret,)))


async def test_two_processes_deliver_each_event_once_and_one_takes_over_from_the_other(
    house: WebhookBranch, partner: Partner
) -> None:
    await house.endpoint(partner)
    async with house.process():
        async with house.process():
            order = await house.branch.placed_at(OrderStatus.READY)
            expected = await house.branch.types(f"order:{order}")
            await partner.until(lambda: len(partner.arrived) == len(expected))
        await house.branch.placed()
        await partner.until(lambda: len(partner.arrived) > len(expected))
    assert len({each.id for each in partner.received}) == len(partner.received)


async def test_a_paused_endpoint_keeps_what_had_not_arrived_and_gets_nothing_of_the_pause(
    house: WebhookBranch, partner: Partner
) -> None:
    webhook = await house.endpoint(partner)
    partner.answer = lambda _received: 500
    async with house.process():
        before = await house.branch.placed()
        await partner.until(lambda: len(partner.received) == 1)
        await house.webhooks.change(MANAGER, cmd.ChangeWebhook(webhook_id=webhook, enabled=False))
        await house.until(lambda: _has_dead(house, webhook))
        partner.answer = lambda _received: 200
        await house.branch.placed()
        await house.webhooks.change(MANAGER, cmd.ChangeWebhook(webhook_id=webhook, enabled=True))
        after = await house.branch.placed()
        await partner.until(lambda: bool(partner.arrived))
    assert {each.order_id for each in await house.dead(webhook)} == {before}
    assert {each.order_id for each in partner.arrived} == {after}


async def test_a_removed_endpoint_gets_nothing_more(house: WebhookBranch, partner: Partner) -> None:
    webhook = await house.endpoint(partner)
    async with house.process(), a_partner() as other:
        await house.branch.placed()
        await partner.until(lambda: len(partner.arrived) >= 1)
        known = len(partner.received)
        await house.webhooks.remove(MANAGER, cmd.RemoveWebhook(webhook_id=webhook))
        await house.endpoint(other)
        await house.until(lambda: _at_rest(house))
        await house.branch.placed()
        await other.until(lambda: bool(other.arrived))
    assert len(partner.received) == known


async def _is(house: WebhookBranch, webhook: str, state: EndpointState) -> bool:
    return (await require_endpoint(house.branch.log, webhook)).endpoint.state == state


async def _failed(house: WebhookBranch, webhook: str, order: str, times: int = 1) -> bool:
    """Return True if the first event of an order that has not arrived has failed so often."""
    progress = await EndpointStore(house.branch.log, webhook).progress()
    return progress is not None and any(queue.key == order and queue.attempts == times for queue in progress.queues)


async def _has_dead(house: WebhookBranch, webhook: str) -> bool:
    return bool(await house.dead(webhook))


async def _none_waits(house: WebhookBranch, webhook: str) -> bool:
    return await house.branch.log.index_size(f"webhooks:replay:{webhook}") == 0


async def _at_rest(house: WebhookBranch) -> bool:
    """Some rounds of the runners have passed."""
    await asyncio.sleep(0.1)
    return True


async def _sends_by(house: WebhookBranch, partner: Partner, secrets: tuple[str, ...]) -> bool:
    """Have one more event; return True if these secrets signed it."""
    known = len(partner.received)
    await house.branch.placed()
    await partner.until(lambda: len(partner.received) > known)
    return partner.received[-1].secrets == secrets
