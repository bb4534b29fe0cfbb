"""A real cluster of three nodes, under load: its slots move and its nodes die, and no client is told of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.integration.cluster import BRANCH
from tests.support.promo_load import PromoLoad
from tests.support.redis_nodes import Cluster

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

# Nobody moves a slot in two seconds on a machine that runs other tests beside this one.
_PATIENT = {"COMANDA_REDIS_DEADLINE_S": "8"}


async def test_a_slot_that_moves_under_load_costs_no_client_an_error(tmp_path: Path, long: bool) -> None:
    async with Cluster(tmp_path) as cluster, PromoLoad(tmp_path, cluster.url, _PATIENT) as load:
        loop = asyncio.get_running_loop()
        for round_ in range(6 if long else 2):
            owner = await cluster.owner(BRANCH)
            target = cluster.masters[(cluster.masters.index(owner) + 1) % 3]
            await load.more(400 if long else 40)
            began = loop.time()
            moved = await cluster.move(BRANCH, target)
            took = loop.time() - began
            whole = await load.whole()
            await load.more()
            gap = load.figures.longest_gap_s(began)
            print(f"round {round_}: {moved} keys in {took:.2f} s, whole after {whole:.2f} s, longest gap {gap:.2f} s")
            assert await cluster.owner(BRANCH) is target
        await load.stop_writing()
        assert load.figures.refused == []
        assert await load.lost() == set()
        await load.seen_by_all()
        assert all("disconnected" not in {heard.name for heard in screen.heard} for screen in load.screens)


async def test_an_owner_that_dies_costs_no_acknowledged_commit_where_its_replica_confirms_each(
    tmp_path: Path, long: bool
) -> None:
    settings = {**_PATIENT, "COMANDA_REDIS_WAIT_REPLICAS": "1", "COMANDA_REDIS_WAIT_MS": "1000"}
    async with Cluster(tmp_path) as cluster:
        owner = await cluster.owner(BRANCH)
        replica = await cluster.add_replica(owner)
        async with PromoLoad(tmp_path, cluster.url, settings) as load:
            await load.more(400 if long else 40)
            began = asyncio.get_running_loop().time()
            owner.process.kill()
            await cluster.owned_by(replica, BRANCH)
            served = asyncio.get_running_loop().time() - began
            owner.start()  # it becomes the replica of the one that took its place
            whole = await load.whole()
            await load.more()
            gap = load.figures.longest_gap_s(began)
            print(f"replica promoted after {served:.2f} s, whole {whole:.2f} s later, longest gap {gap:.2f} s")
            await load.stop_writing()
            print(f"{len(load.figures.acknowledged)} acknowledged, {len(load.figures.refused)} refused")
            assert load.figures.codes <= {"unavailable"}
            assert await load.lost() == set()
            await load.still_hear()
