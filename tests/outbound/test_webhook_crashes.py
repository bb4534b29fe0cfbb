"""A process that delivers webhooks is killed in the middle: nothing is lost, and what is repeated has its old id."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from hub.bootstrap import open_services
from hub.config import Settings
from hub.core.target_policy import TargetPolicy
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import Kind, Principal, Role
from hub.services.build import Services
from hub.services.webhooks.webhook_service import WebhookService
from tests.support.partner import Partner
from tests.support.processes import Process
from tests.support.services_harness import MANAGER, an_order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ORDERS = 12
OPERATOR = Principal(kind=Kind.STAFF, id="carmen", name="Carmen", roles=frozenset({Role.MANAGER}))
WAY = (OrderStatus.PREPARING, OrderStatus.READY)


@asynccontextmanager
async def a_branch(redis_url: str, folder: Path) -> AsyncIterator[tuple[Services, dict[str, str]]]:
    """The services over a real Redis, and the environment of processes that deliver for them."""
    env = {
        "COMANDA_REDIS_URL": redis_url,
        "COMANDA_DATA_DIR": str(folder),
        "COMANDA_SECRET": "a secret of sixteen bytes or more",
        "COMANDA_OUTBOUND_ALLOW": "http://127.0.0.1",
    }
    settings = Settings(_env_file=None, redis_url=redis_url, data_dir=folder, secret=SecretStr(env["COMANDA_SECRET"]))
    async with open_services(settings, redis_url) as services:
        await services.stock.open_branch()
        yield services, env


def a_process(env: dict[str, str], folder: Path) -> Process:
    root = Path(__file__).resolve().parents[2]
    return Process(
        sys.executable,
        "-m",
        "hub",
        "notifier",
        env={**env, "PYTHONPATH": str(root)},
        cwd=folder,
        name="webhooks",
    )


async def test_a_process_that_is_killed_in_the_middle_loses_nothing_and_repeats_under_the_same_ids(
    real_redis_url: str, partner: Partner, tmp_path: Path
) -> None:
    policy = TargetPolicy(("http://127.0.0.1",))
    async with a_branch(real_redis_url, tmp_path) as (services, env):
        webhooks = WebhookService(services.log, policy, services.clock, lambda: "w1")
        added = await webhooks.add(MANAGER, cmd.AddWebhook(url=partner.url))
        partner.secrets.append(added.secret)
        expected: dict[str, list[str]] = {}
        with a_process(env, tmp_path) as victim:
            for _ in range(ORDERS):
                expected |= await _an_evening(services)
            await _some_arrived(partner, 5)
            victim.kill()
        with a_process(env, tmp_path):
            for _ in range(ORDERS):
                expected |= await _an_evening(services)
            total = sum(map(len, expected.values()))
            async with asyncio.timeout(60):
                await partner.until(lambda: len({each.id for each in partner.arrived}) >= total)
    first: dict[str, list[str]] = {}
    types = {received.id: received for received in partner.arrived}
    for received in types.values():
        first.setdefault(received.order_id, []).append(received.type)
    assert {order: sorted(types) for order, types in first.items()} == {
        order: sorted(types) for order, types in expected.items()
    }
    for order, wanted in expected.items():
        seen = list(dict.fromkeys(each.id for each in partner.arrived if each.order_id == order))
        assert [types[each].type for each in seen] == wanted, "first arrivals keep the order's order"
    assert partner.unverified == 0


async def _an_evening(services: Services) -> dict[str, list[str]]:
    placed = await services.orders.place(OPERATOR, an_order(items=[{"sku": "taco-pastor", "qty": 1}]))
    order_id = placed.order.id
    for to in WAY:
        await services.orders.advance(OPERATOR, cmd.AdvanceOrder(order_id=order_id, to=to))
    entries = await services.log.read(f"order:{order_id}", 0)
    return {order_id: [entry.type for entry in entries]}


async def _some_arrived(partner: Partner, count: int) -> None:
    async with asyncio.timeout(30):
        await partner.until(lambda: len(partner.arrived) >= count)
