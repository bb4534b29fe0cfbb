"""One process holds two branches over one Redis, and neither sees the other."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from hub.branch import Branch, build_branch
from hub.config import Limits, Settings
from hub.domain.commands import PlaceOrder
from hub.domain.roles import ANONYMOUS
from hub.domain.rooms import KITCHEN
from hub.telemetry import Metrics
from tests.support.hub_harness import MENU, SECRET, SOON_S, an_order
from tests.support.relay_harness import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis


@asynccontextmanager
async def running_branch(name: str, redis: Redis, folder: Path, metrics: Metrics) -> AsyncIterator[Branch]:
    settings = Settings(_env_file=None, branch=name, data_dir=folder, limits=Limits(_env_file=None))
    branch = build_branch(settings, redis, SECRET, MENU, metrics)
    branch.open()
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(branch.run(()))
            async with asyncio.timeout(SOON_S):
                await branch.relay.wait_live()
            yield branch
            running.cancel()
    finally:
        await branch.aclose()


async def place(branch: Branch, customer: str) -> None:
    order = an_order(customer={"name": customer})
    await branch.services.orders.place(ANONYMOUS, PlaceOrder.model_validate(order))


async def customers(branch: Branch) -> list[str]:
    """The customers of the orders in the branch's log."""
    entries = await branch.log.read(str(KITCHEN), 0, limit=10)
    events = [json.loads(entry.body) for entry in entries]
    return [event["data"]["order"]["customer"]["name"] for event in events if event["type"] == "order.received"]


async def test_two_branches_of_one_process_have_their_own_orders_and_their_own_kitchens(
    redis: Redis, tmp_path: Path
) -> None:
    metrics = Metrics()
    async with (
        running_branch("centro", redis, tmp_path, metrics) as centro,
        running_branch("norte", redis, tmp_path, metrics) as norte,
    ):
        kitchens = [Recorder("centro's"), Recorder("norte's")]
        for branch, kitchen in zip((centro, norte), kitchens, strict=True):
            joined = await branch.relay.join(
                kitchen,
                str(KITCHEN),
                read=lambda branch=branch: branch.services.views.read(KITCHEN),  # type: ignore[misc]
            )
            joined.release()
        await place(centro, "Ángela")
        await place(norte, "Beto")
        await place(norte, "Chucho")

        assert await customers(centro) == ["Ángela"]
        assert await customers(norte) == ["Beto", "Chucho"]
        await kitchens[0].has(1)
        await kitchens[1].has(2)
        assert [len(kitchen.frames) for kitchen in kitchens] == [1, 2]
        assert centro.log.highest.epoch != norte.log.highest.epoch
        assert sorted(path.name for path in (tmp_path / "witness").iterdir()) == ["centro", "norte"]


async def test_a_tracking_link_of_one_branch_opens_nothing_in_another(redis: Redis, tmp_path: Path) -> None:
    metrics = Metrics()
    async with (
        running_branch("centro", redis, tmp_path, metrics) as centro,
        running_branch("norte", redis, tmp_path, metrics) as norte,
    ):
        token = centro.services.tokens.for_order("PED1")
        assert centro.services.tokens.order_of(token) == "PED1"
        assert norte.services.tokens.order_of(token) is None
