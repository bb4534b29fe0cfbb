"""`/readyz` beside a Redis that answers, and takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hub.gateways import health
from hub.store import EventLog, Write, connect
from tests.support.hub_harness import running_hub
from tests.support.processes import Process, free_port, listening, program

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.gateways.conftest import Open
    from tests.support.hub_harness import HubHarness

SOON_S = 10.0
REFUSALS = {
    "no_replicas": ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
    "out_of_memory": ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    "read_only": ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis to be spoilt; its URL."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with Process(program("redis-server"), *options, name="redis") as process:
        process.wait_for(lambda: listening(port), SOON_S, "it listens")
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture
async def redis(server: str) -> AsyncIterator[Redis]:
    async with connect(server) as redis:
        yield redis


async def said_until(house: HubHarness, ready: bool) -> dict[str, Any]:
    """What it says, as soon as it says that it is ready, or that it is not."""
    async with asyncio.timeout(SOON_S):
        while (answer := await house.get("/readyz")).status != (200 if ready else 503):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # another process is waited for: there is nothing to wait on but its word
    said: dict[str, Any] = answer.body["data"]
    return said


@pytest.mark.parametrize("reason", REFUSALS)
async def test_a_redis_that_answers_and_takes_no_commit_is_not_ready_and_the_reason_is_told(
    server: str, redis: Redis, tmp_path: Path, reason: str
) -> None:
    spoil, mend = REFUSALS[reason]
    async with running_hub(server, tmp_path) as house:
        assert "reason" not in await said_until(house, True)
        await redis.execute_command(*spoil.split())
        try:
            said = await said_until(house, False)
            assert await redis.ping()
            assert said["checks"] == {"redis": False, "relay": True, "serving": True}
            assert said["reason"] == reason
            refused = await house.post("/api/promos", {"title": "a", "message": "b"}, token=house.token())
            assert (refused.status, refused.code) == (503, "unavailable")
            metrics = (await house.get("/metrics", token=house.token())).raw.decode()
            assert f'comanda_redis_refuses{{reason="{reason}"}} 1.0' in metrics
        finally:
            await redis.execute_command(*mend.split())
        assert all((await said_until(house, True))["checks"].values())


async def test_a_redis_that_throws_orders_away_is_not_ready(
    server: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMANDA_REDIS_URL", server)  # not our own, which would be set right
    await redis.config_set("maxmemory", "100mb")
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        async with running_hub(server, tmp_path, ready=False) as house:
            async with asyncio.timeout(SOON_S):
                while (said := await said_until(house, False)).get("reason") != "evicts":  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert said["checks"]["redis"] is False
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", 0)


async def test_asking_all_the_time_costs_redis_a_write_now_and_then(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_TAKES_S", 60.0)
    commit, commits = EventLog.commit, []

    async def counted(log: EventLog, write: Write) -> object:
        commits.append(write)
        return await commit(log, write)

    async with open_hub() as house:
        before = await house.position()
        monkeypatch.setattr(EventLog, "commit", counted)
        answers = await asyncio.gather(*(house.get("/readyz") for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        assert len(commits) == 1
        assert await house.position() == before  # nothing has happened
