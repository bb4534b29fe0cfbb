"""Redis killed and back, a hub killed: what clients of stock libraries see of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.integration.cluster import ready
from tests.integration.screens import check_chain

if TYPE_CHECKING:
    from tests.integration.cluster import Cluster, HubClient
    from tests.integration.conftest import AnyScreen

pytestmark = pytest.mark.timeout(120)
KINDS = ("python", "node")
OUTAGE_S, WHOLE_S = 5.0, 3.0


def titles(screen: AnyScreen) -> list[str]:
    return [heard.event["data"]["title"] for heard in screen.of("promos")]


async def until_seen(screen: AnyScreen, count: int) -> None:
    await screen.until(lambda: len(titles(screen)) >= count)


async def enter(screen: AnyScreen, url: str) -> int:
    """Join the promotions' room; the offset that follows is after this one."""
    await screen.connect(url)
    events = (await screen.join("promos"))["events"]
    return int(events[-1]["offset"]) if events else 0


async def test_redis_killed_under_them_costs_no_event_and_repeats_none(
    cluster: Cluster, clients: tuple[HubClient, HubClient], new_screen: Callable[[str], AnyScreen]
) -> None:
    screens = [(new_screen(kind), url) for kind in KINDS for url in cluster.urls]
    after = [await enter(screen, url) for screen, url in screens]
    published: list[str] = []
    down = asyncio.Event()
    writing = True

    async def write() -> None:
        while writing:
            published.append(await clients[len(published) % 2].promo())
            if len(published) == 20:
                down.set()

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        await down.wait()
        for _ in range(2):
            enough = len(published) + 5
            cluster.redis.kill()
            await loop.run_in_executor(None, cluster.start_redis)
            await loop.run_in_executor(None, cluster.settle)
            for screen, _ in screens:
                await until_seen(screen, enough)
        writing = False
    for (screen, _), start in zip(screens, after, strict=True):
        await until_seen(screen, len(published))
        assert titles(screen) == published
        check_chain(screen.of("promos"), start)
        assert not {"disconnected", "room.reset"} & {heard.name for heard in screen.heard}


async def test_while_redis_is_away_commands_are_unavailable_and_then_carried_out_once(
    cluster: Cluster, clients: tuple[HubClient, HubClient], screen: AnyScreen
) -> None:
    await screen.connect(cluster.urls[0], token=cluster.token)
    command = {"title": "a", "message": "b", "command_id": f"away-{type(screen).__name__}"}
    await screen.join("promos")
    cluster.redis.kill()
    ack = await screen.call("promo.publish", command)
    assert (ack["error"]["code"], ack["error"]["retryable"]) == ("unavailable", True)
    assert (await screen.call("room.join", {"room": "stock"}))["error"]["code"] == "unavailable"
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, cluster.start_redis)
    await loop.run_in_executor(None, cluster.settle)
    answers = [await screen.call("promo.publish", command) for _ in range(2)]
    assert answers[0]["ok"] is True
    assert answers[0] == answers[1]
    await clients[1].promo()
    await screen.until(lambda: len(screen.of("promos")) == 2)
    assert (await screen.join("stock"))["room"] == "stock"


async def test_a_hub_that_is_killed_is_not_noticed_by_the_clients_of_the_other(
    cluster: Cluster, clients: tuple[HubClient, HubClient], new_screen: Callable[[str], AnyScreen]
) -> None:
    staying = [new_screen(kind) for kind in KINDS]
    after = [await enter(screen, cluster.urls[0]) for screen in staying]
    leaving = [new_screen(kind) for kind in KINDS]
    for screen in leaving:
        await enter(screen, cluster.urls[1])
    await clients[1].promo()
    for screen in leaving:  # its answer says that it is committed, not that everybody has it
        await until_seen(screen, 1)
    cluster.hubs[1].kill()
    try:
        for screen in leaving:
            await screen.next("disconnected")
        for _ in range(3):
            await clients[0].promo()
        for screen, start in zip(staying, after, strict=True):
            await until_seen(screen, 4)
            check_chain(screen.of("promos"), start)
            assert "disconnected" not in {heard.name for heard in screen.heard}
    finally:
        await asyncio.get_running_loop().run_in_executor(None, cluster.start_hub, 1)
    for screen in leaving:
        # They come back by themselves, and have their rooms again, or resume them from where they were.
        await screen.next("hub.welcome")
        (*_, back) = (heard for heard in screen.heard if heard.name == "connected")
        if back.args and back.args[0]["recovered"]:
            await until_seen(screen, 4)
            seen = screen.of("promos")
            check_chain(seen, seen[0].event["prev"])
            continue
        cursor = screen.of("promos")[-1].args[1]
        joined = await screen.join("promos", after=cursor)
        assert joined["recovered"] is True
        assert len(joined["events"]) == 3
        assert joined["events"][0]["prev"] == int(cursor.rpartition("-")[2])


@pytest.mark.alone
async def test_hubs_are_whole_again_soon_after_a_long_outage_and_keep_their_sockets(
    cluster: Cluster, clients: tuple[HubClient, HubClient], new_screen: Callable[[str], AnyScreen]
) -> None:
    screens = [(new_screen(kind), url) for kind in KINDS for url in cluster.urls]
    for screen, url in screens:
        await enter(screen, url)
    loop = asyncio.get_running_loop()
    cluster.redis.kill()
    down = loop.time()
    while loop.time() - down < OUTAGE_S:
        assert not [url for url in cluster.urls if await loop.run_in_executor(None, ready, url)]
        await asyncio.sleep(0.5)  # an outage is as long as it is
    await loop.run_in_executor(None, cluster.start_redis)
    back = loop.time()
    await loop.run_in_executor(None, cluster.settle)
    title = await clients[0].promo()
    for screen, _ in screens:
        await screen.until(lambda screen=screen: title in titles(screen))  # type: ignore[misc]
    assert loop.time() - back < WHOLE_S
    for screen, _ in screens:
        assert not {"disconnected", "room.reset"} & {heard.name for heard in screen.heard}
