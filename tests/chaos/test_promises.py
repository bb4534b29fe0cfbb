"""What a hub promises, kept while hubs, Redis and the line between them are killed, stopped and made bad.

Each test is a world of its own: real processes, npm's clients with nothing but what their library does, python-socketio
and SSE beside them. `Trial.settle` is the check: nothing lost, nothing twice, everything in order.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path

import pytest

from tests.chaos.fault_proxy import Which
from tests.chaos.faults import LATENCY_S
from tests.chaos.pulse import pulse_of
from tests.chaos.trial import Trial, open_trial
from tests.chaos.world import DEADLINE_S

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

BACK_S = 5.0
DEAF_S = 10.0
WHOLE_S = 3.0
LAG_MS = 100.0
LONG_CONNECTED_S = 11.0  # other servers recover only within the first ten


def check_recovered(trial: Trial) -> None:
    """Who came back has got all of it by itself."""
    tally = trial.tally
    assert (tally.recovered, tally.refused, tally.resets, tally.anew) == (tally.returns, 0, 0, 0)


def check_hardly_away(trial: Trial) -> None:
    """Nobody was away for long; for machines that do nothing else."""
    assert trial.tally.slowest_ms <= BACK_S * 1000


def check_undisturbed(trial: Trial) -> None:
    """No client has noticed anything."""
    tally = trial.tally
    assert (tally.downs, tally.refused, tally.resets, tally.anew) == (0, 0, 0, 0)


async def kill_and_return(trial: Trial, index: int) -> None:
    trial.traffic.start()
    await trial.written(50)
    await trial.world.kill_hub(index)
    await trial.back()
    await trial.world.start_hub(index)
    await trial.settle()


@pytest.mark.alone
async def test_a_killed_hub_costs_its_clients_no_event_and_they_are_back_at_once(tmp_path: Path) -> None:
    async with open_trial(tmp_path, sockets=500, orders_s=190, promos_s=10) as trial:
        await kill_and_return(trial, 0)
        assert trial.tally.returns >= 200
        check_recovered(trial)
        check_hardly_away(trial)


async def test_hubs_killed_again_and_again_cost_nothing_however_long_one_was_connected(
    tmp_path: Path, long: bool
) -> None:
    async with open_trial(tmp_path, sockets=40) as trial:
        kills = 20 if long else 3
        for number in range(kills):
            if number == kills - 1:
                trial.traffic.start()
                await asyncio.sleep(LONG_CONNECTED_S)
            await trial.traffic.quiet()
            await kill_and_return(trial, number % 2)
            check_recovered(trial)
        assert trial.tally.returns >= 40 * (kills - 1)


async def test_subscriptions_killed_without_a_pause_are_not_noticed(tmp_path: Path, long: bool) -> None:
    async with open_trial(tmp_path) as trial:
        trial.traffic.start()
        killed = 0
        for _ in range(100 if long else 30):
            killed += await trial.world.kill_pubsub()
            await asyncio.sleep(0.1)
        assert killed > 10
        await trial.settle()
        check_undisturbed(trial)


async def test_a_killed_redis_costs_nothing_that_was_acknowledged(tmp_path: Path, long: bool) -> None:
    async with open_trial(tmp_path) as trial:
        trial.traffic.start()
        await trial.written(50)
        await trial.world.kill_redis()
        await asyncio.sleep(20 if long else 1)
        await trial.world.start_redis()
        await trial.written(50)
        await trial.settle()
        check_undisturbed(trial)


@pytest.mark.alone
async def test_a_redis_that_stands_still_is_unavailable_within_the_deadline_and_holds_nothing_up(
    tmp_path: Path, long: bool
) -> None:
    async with open_trial(tmp_path) as trial:
        trial.traffic.start()
        await trial.written(50)
        async with pulse_of(trial.world.urls[0]) as pulse:
            trial.world.freeze_redis()
            thaws = asyncio.get_running_loop().time() + (8 if long else 3)
            await check_unavailable(trial)
            await trial.world.until_ready(0, False, DEAF_S)
            await asyncio.sleep(thaws - asyncio.get_running_loop().time())
            trial.world.thaw_redis()
            await trial.world.whole(WHOLE_S)
            await trial.written(50)
        await trial.settle()
        check_undisturbed(trial)
        assert pulse.slowest_ms < LAG_MS


async def check_unavailable(trial: Trial) -> None:
    started = time.perf_counter()
    promo = {"title": uuid.uuid4().hex, "message": "¡2×1!"}
    answer = await trial.writer.once(trial.world.urls[0], "/api/promos", promo, uuid.uuid4().hex)
    assert answer["error"]["code"] == "unavailable"
    assert time.perf_counter() - started < DEADLINE_S + 1


@pytest.mark.alone
async def test_a_slow_line_to_redis_makes_everything_late_and_nothing_wrong(tmp_path: Path) -> None:
    async with open_trial(tmp_path) as trial:
        trial.traffic.start()
        async with pulse_of(trial.world.urls[0]) as pulse:
            for hub in trial.world.hubs:
                hub.proxy.delay(LATENCY_S)
            await trial.written(100)
        trial.world.heal()
        await trial.settle()
        check_undisturbed(trial)
        assert pulse.slowest_ms < LAG_MS


@pytest.mark.alone
async def test_a_hub_that_has_gone_deaf_knows_it_and_catches_up(tmp_path: Path) -> None:
    async with open_trial(tmp_path) as trial:
        trial.traffic.start()
        await trial.written(50)
        hub = trial.world.hubs[0]
        async with pulse_of(hub.url) as pulse:
            hub.proxy.black_hole(Which.PUBSUB)
            await trial.world.until_ready(0, False, DEAF_S)
            await trial.written(50)
            hub.proxy.heal()
            await trial.world.ready(0, WHOLE_S)
            await trial.written(50)
        await trial.settle()
        check_undisturbed(trial)
        assert pulse.slowest_ms < LAG_MS


@pytest.mark.parametrize("cut", [False, True], ids=["silent", "cut"])
async def test_a_commit_whose_answer_was_lost_is_in_the_log_once(tmp_path: Path, cut: bool) -> None:
    async with open_trial(tmp_path, sockets=10) as trial:
        hub, title, key = trial.world.hubs[0], uuid.uuid4().hex, uuid.uuid4().hex
        promo = {"title": title, "message": "¡2×1!"}
        hub.proxy.drop_replies(to=(b"EVALSHA", title.encode()))
        first = asyncio.create_task(trial.writer.once(hub.url, "/api/promos", promo, key))
        await trial.until_in_log("promos", title)
        if cut:
            hub.proxy.heal()  # breaks the connections that lost an answer, while it waits for one
            answer = await first
        else:
            assert (await first)["error"]["code"] == "unavailable"
            hub.proxy.heal()
            answer = await trial.writer.once(trial.world.urls[1], "/api/promos", promo, key)
        assert answer["ok"], answer
        assert await trial.writer.once(hub.url, "/api/promos", promo, key) == answer
        await trial.settle()
        assert trial.truth.stream("promos").titles == {title: 1}


async def test_scripts_forgotten_under_load_are_not_noticed(tmp_path: Path) -> None:
    async with open_trial(tmp_path) as trial:
        trial.traffic.start()
        for _ in range(10):
            await trial.world.forget_scripts()
            await trial.written(10)
        await trial.settle()
        check_undisturbed(trial)
        assert trial.writer.answers == {"ok": trial.writer.answers["ok"]}
