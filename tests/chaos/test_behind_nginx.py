"""Every client comes back: hubs behind deploy/nginx.conf are killed and stopped, one after the other.

Clients of each kind know one address, nginx's, and do nothing but what their libraries do.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.chaos.crowd import Kind
from tests.chaos.trial import Trial, open_trial

pytestmark = [pytest.mark.chaos, pytest.mark.deploy, pytest.mark.timeout(300)]

BACK_S = 3.0


def pace(long: bool) -> tuple[float, float]:
    """Return the orders' steps and the promotions a second: few where each goes to hundreds of clients."""
    return (10, 2) if long else (30, 6)


async def restart(trial: Trial, index: int, how: str) -> None:
    """End one hub in the middle of the traffic, and start it again when everybody is back."""
    trial.traffic.start()
    await trial.written(20)
    if how == "killed":
        await trial.world.kill_hub(index)
    else:
        assert await trial.world.stop_hub(index) == 0
    await trial.back()
    await trial.world.start_hub(index)
    await trial.written(20)
    await trial.settle()


def check_all_came_back(trial: Trial, *, within_s: float | None) -> None:
    tally = trial.tally
    assert (tally.recovered, tally.refused, tally.resets, tally.anew) == (tally.returns, 0, 0, 0)
    assert within_s is None or tally.slowest_ms <= within_s * 1000


async def restart_both(trial: Trial, how: str, *, within_s: float | None) -> None:
    for index in (0, 1):
        await restart(trial, index, how)
        check_all_came_back(trial, within_s=within_s)


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_every_client_behind_nginx_comes_back_and_has_missed_nothing(
    tmp_path: Path, long: bool, how: str
) -> None:
    kinds = dict.fromkeys(get_args(Kind), 200 if long else 20)
    drain = {"COMANDA_DRAIN_S": "0.5"}  # it serves, and is not ready: nginx does not look, and must not have to
    orders_s, promos_s = pace(long)
    async with open_trial(
        tmp_path,
        sockets=0,
        others=False,
        orders_s=orders_s,
        promos_s=promos_s,
        behind_nginx=True,
        kinds=kinds,
        settings=drain,
    ) as trial:
        await restart_both(trial, how, within_s=BACK_S if long else None)
        # Who polls is on one hub, by its address; the others are on both.
        assert trial.tally.returns >= 3 * kinds["websocket"]


async def test_websockets_alone_all_come_back_to_a_hub_that_was_away(tmp_path: Path, long: bool) -> None:
    """No request of theirs ends, and tells nginx that the hub is there again."""
    kinds: dict[Kind, int] = {"websocket": 200 if long else 40}
    orders_s, promos_s = pace(long)
    async with open_trial(
        tmp_path, sockets=0, others=False, orders_s=orders_s, promos_s=promos_s, behind_nginx=True, kinds=kinds
    ) as trial:
        await restart_both(trial, "killed", within_s=BACK_S if long else None)
        assert trial.tally.returns >= kinds["websocket"]
