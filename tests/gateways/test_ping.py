"""`hub.ping`: a client can test its connection at any time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.core.errors import Unavailable
from hub.gateways import command_session as caller
from tests.gateways.conftest import Open
from tests.gateways.test_resuming import Socket, connected
from tests.support.hub_harness import plain


async def ping(socket: Socket) -> Any:
    await socket._ws.send_str('427["hub.ping",{}]')
    return json.loads((await socket._ws.receive_str()).removeprefix("437"))


async def test_a_ping_is_answered_by_either_gateway(open_hub: Open) -> None:
    async with open_hub() as house:
        async with connected(house) as socket:
            answer = (await ping(socket))[0]
            assert answer["ok"]
            assert datetime.fromisoformat(answer["data"]["at"]).tzinfo is UTC
        async with await plain(house) as ws:
            assert (await ws.command("hub.ping"))["ok"]


async def test_a_ping_now_and_then_counts_against_no_rate_and_is_refused_by_none(open_hub: Open) -> None:
    async with open_hub(commands_s=0.001, commands_burst=1) as house, connected(house) as socket:
        for _ in range(5):
            assert (await ping(socket))[0]["ok"]
        assert (await socket.join(room="promos"))["ok"]
        assert (await socket.join(room="promos"))["error"]["code"] == "rate_limited"
        assert (await ping(socket))[0]["ok"]


async def test_pings_past_their_rate_count_as_commands(open_hub: Open) -> None:
    limits = {"pings_s": 0.001, "pings_burst": 2, "commands_s": 0.001, "commands_burst": 3}
    async with open_hub(**limits) as house, connected(house) as socket:
        for _ in range(5):
            assert (await ping(socket))[0]["ok"]
        assert (await ping(socket))[0]["error"]["code"] == "rate_limited"
        assert (await socket.join(room="promos"))["error"]["code"] == "rate_limited"


async def test_a_rate_of_zero_counts_no_ping(open_hub: Open) -> None:
    limits = {"pings_s": 0, "pings_burst": 1, "commands_s": 0.001, "commands_burst": 1}
    async with open_hub(**limits) as house, connected(house) as socket:
        for _ in range(5):
            assert (await ping(socket))[0]["ok"]


async def test_who_is_refused_again_and_again_waits_for_each_refusal(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = list[None]()

    async def noted() -> None:
        waits.append(None)

    monkeypatch.setattr(caller, "_wait", noted)
    monkeypatch.setattr(caller, "_REFUSALS_S", 0.001)
    async with open_hub(commands_s=0.001, commands_burst=1) as house, await plain(house) as client:
        assert (await client.command("room.join", room="promos"))["ok"]
        for _ in range(caller._REFUSALS_AT_ONCE):
            assert not (await client.command("room.join", room="promos"))["ok"]
        assert not waits
        for _ in range(5):
            assert not (await client.command("room.join", room="promos"))["ok"]
        assert len(waits) == 5
        async with await plain(house) as other:
            assert (await other.command("room.join", room="promos"))["ok"]
        assert len(waits) == 5


async def test_a_ping_asks_redis_nothing(open_hub: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_hub() as house, connected(house, token=house.token()) as socket:

        async def failing(*_: Any, **__: Any) -> Any:
            raise Unavailable("Redis does not answer")

        monkeypatch.setattr(house.hub.branch.log.calls, "_call", failing)
        assert (await ping(socket))[0]["ok"]
