"""A notifier is killed in the middle of a thousand notices: none is lost, and what is repeated has its old id."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from hub.bootstrap import open_services
from hub.config import Settings
from hub.domain import commands as cmd
from hub.domain.roles import Kind, Principal, Role
from tests.support.processes import Process
from tests.support.push_service_standin import PushStandIn, push_standin
from tests.support.services_harness import an_order, customer_of

if TYPE_CHECKING:
    from hub.services.build import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ORDERS = 50
NOTICES = 20  # for each order
OPERATOR = Principal(kind=Kind.STAFF, id="carmen", name="Carmen", roles=frozenset({Role.MANAGER}))
ROOT = Path(__file__).resolve().parents[2]


def environment(redis_url: str, standin: PushStandIn, folder: Path) -> dict[str, str]:
    return {
        "COMANDA_REDIS_URL": redis_url,
        "COMANDA_DATA_DIR": str(folder),
        "COMANDA_SECRET": "a secret of sixteen bytes or more",
        "COMANDA_OUTBOUND_ALLOW": "http://127.0.0.1",
        "COMANDA_PUSH_CONTACT": "mailto:hola@example.org",
        "COMANDA_PUSH_SERVICES": standin.url,
        "COMANDA_NOTICE_UNSEEN_S": "0",
    }


def settings_of(env: dict[str, str], folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        redis_url=env["COMANDA_REDIS_URL"],
        data_dir=folder,
        secret=SecretStr(env["COMANDA_SECRET"]),
        push_contact=env["COMANDA_PUSH_CONTACT"],
        push_services=(env["COMANDA_PUSH_SERVICES"],),
        outbound_allow=("http://127.0.0.1",),
    )


def a_notifier(env: dict[str, str], folder: Path, name: str) -> Process:
    return Process(sys.executable, "-m", "hub", "notifier", env={**env, "PYTHONPATH": str(ROOT)}, cwd=folder, name=name)


async def an_order_with_a_phone(services: Services, standin: PushStandIn) -> str:
    placed = await services.orders.place(OPERATOR, an_order(items=[{"sku": "taco-pastor", "qty": 1}]))
    order_id = placed.order.id
    wishes = {"types": ["notice.sent"], "channels": ["push"]}
    await services.notifications.set(customer_of(order_id), cmd.SetNotifications.model_validate(wishes))
    phone = standin.browser(order_id)
    subscription = cmd.SubscribePush.model_validate(phone.subscription)
    await services.push.subscribe(customer_of(order_id), subscription)
    return order_id


def told(standin: PushStandIn) -> Counter[str]:
    """How often the message of each notice has come."""
    return Counter(each.message["id"] for pushed in standin.pushed.values() for each in pushed)


async def test_of_a_thousand_notices_none_is_lost_and_repeats_have_their_old_ids(
    real_redis_url: str, tmp_path: Path
) -> None:
    async with push_standin() as standin:
        env = environment(real_redis_url, standin, tmp_path)
        async with open_services(settings_of(env, tmp_path), real_redis_url) as services:
            await services.stock.open_branch()
            orders = [await an_order_with_a_phone(services, standin) for _ in range(ORDERS)]
            with ExitStack() as stack:
                victim = stack.enter_context(a_notifier(env, tmp_path, "victim"))
                await following(services)
                stack.enter_context(a_notifier(env, tmp_path, "heir"))
                for number in range(NOTICES):
                    sent = (cmd.SendNotice(order_id=order, message=f"aviso {number}") for order in orders)
                    await asyncio.gather(*(services.notifications.send(OPERATOR, notice) for notice in sent))
                await came(standin, ORDERS * NOTICES // 4)
                victim.kill()
                assert len(told(standin)) < ORDERS * NOTICES
                await came(standin, ORDERS * NOTICES)
                await settled(services, orders)
            await check(services, standin, orders)


async def came(standin: PushStandIn, count: int) -> None:
    """Wait until the messages of so many notices have come."""
    try:
        async with asyncio.timeout(90), standin.came:
            await standin.came.wait_for(lambda: len(told(standin)) >= count)
    except TimeoutError:
        pytest.fail(f"of {count} notices, {len(told(standin))} came")


async def check(services: Services, standin: PushStandIn, orders: list[str]) -> None:
    decided = {each.id: each for order in orders for each in (await services.notices.shown(OPERATOR, order)).notices}
    assert set(told(standin)) == set(decided)
    assert len(decided) == ORDERS * NOTICES
    assert {each.state for each in decided.values()} == {"sent"}
    for pushed in standin.pushed.values():
        texts = {each.message["id"]: each.message["notification"]["body"] for each in pushed}
        assert sorted(texts.values()) == sorted(f"aviso {number}" for number in range(NOTICES))


async def following(services: Services) -> None:
    """Wait until a notifier has taken the lease, and stands at the end of the stream."""
    cursor = services.log.keys.reader_cursor("notifier")
    async with asyncio.timeout(60):
        while not await services.log.calls.call("EXISTS", cursor):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.05)


async def settled(services: Services, orders: list[str]) -> None:
    """Wait until the outcome of each notice is recorded."""
    async with asyncio.timeout(60):
        for order in orders:
            while any(each.waiting for each in (await services.notices.of(f"order-{order}")).notices):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
