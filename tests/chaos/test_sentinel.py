"""A real primary with two replicas and three Sentinels, under load: it dies, or an operator moves it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.promo_load import PromoLoad
from tests.support.redis_nodes import Sentinels

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]


async def test_a_primary_that_dies_costs_no_acknowledged_commit_where_one_replica_confirms_each(
    tmp_path: Path, long: bool
) -> None:
    settings = {"COMANDA_REDIS_WAIT_REPLICAS": "1", "COMANDA_REDIS_WAIT_MS": "1000"}
    async with Sentinels(tmp_path) as sentinels, PromoLoad(tmp_path, sentinels.url, settings) as load:
        loop = asyncio.get_running_loop()
        for round_ in range(5 if long else 1):
            primary = await sentinels.primary()
            await load.more(400 if long else 40)
            began = loop.time()
            primary.process.kill()
            new = await sentinels.primary()
            served = loop.time() - began
            whole = await load.whole()
            gap = load.figures.longest_gap_s(began)
            print(
                f"round {round_}: {new.name} promoted after {served:.2f} s, whole {whole:.2f} s later, gap {gap:.2f} s"
            )
            if long:
                primary.start()  # Sentinels make it a replica, after ten seconds
                await sentinels.in_step()
        await load.more()
        await load.stop_writing()
        _print(load)
        assert load.figures.codes <= {"unavailable"}
        assert await load.lost() == set()
        await load.still_hear()
        assert all("disconnected" not in {heard.name for heard in screen.heard} for screen in load.screens)


async def test_an_operators_failover_costs_no_acknowledged_commit_where_every_replica_confirms_each(
    tmp_path: Path, long: bool
) -> None:
    # Sentinels make the former primary a replica after ten seconds; until then nothing is confirmed by two.
    if not long:
        pytest.skip("takes a minute; CHAOS_LONG=1 runs it")
    settings = {"COMANDA_REDIS_WAIT_REPLICAS": "2", "COMANDA_REDIS_WAIT_MS": "1000"}
    async with Sentinels(tmp_path) as sentinels, PromoLoad(tmp_path, sentinels.url, settings) as load:
        for _ in range(3):
            former = await sentinels.primary()
            began = asyncio.get_running_loop().time()
            await load.more(400)
            await sentinels.failover()
            await sentinels.switched(former)
            await sentinels.in_step()
            await load.more()
            print(f"longest gap {load.figures.longest_gap_s(began):.2f} s")
        await load.stop_writing()
        _print(load)
        assert load.figures.codes <= {"unavailable"}
        assert await load.lost() == set()
        await load.still_hear()


async def test_hubs_go_along_with_an_operators_failover_though_the_former_primary_still_takes_writes(
    tmp_path: Path,
) -> None:
    async with Sentinels(tmp_path) as sentinels, PromoLoad(tmp_path, sentinels.url) as load:
        former, loop = await sentinels.primary(), asyncio.get_running_loop()
        await load.more(40)
        await sentinels.failover()
        await sentinels.switched(former)
        began = loop.time()
        await former.until_left()
        await load.whole()
        print(f"hubs have left the former primary, and are ready, after {loop.time() - began:.2f} s")
        came_along = loop.time()
        await load.more(40)
        await load.stop_writing()
        _print(load)
        # Without WAIT the last second's commits at the former primary are lost; nothing later is.
        assert all(load.figures.acknowledged[title] < came_along for title in await load.lost())


async def test_a_primary_that_hands_over_costs_no_client_an_error(tmp_path: Path) -> None:
    async with Sentinels(tmp_path) as sentinels, PromoLoad(tmp_path, sentinels.url) as load:
        await load.more(40)
        began = asyncio.get_running_loop().time()
        await sentinels.hand_over()
        whole = await load.whole()
        await load.more(40)
        print(f"whole {whole:.2f} s after the new primary serves, gap {load.figures.longest_gap_s(began):.2f} s")
        await load.stop_writing()
        _print(load)
        assert load.figures.refused == []
        assert await load.lost() == set()
        await load.seen_by_all()


def _print(load: PromoLoad) -> None:
    print(f"{len(load.figures.acknowledged)} acknowledged, {len(load.figures.refused)} refused")
