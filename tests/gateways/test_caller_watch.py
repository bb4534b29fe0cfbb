"""A hub that sees all its customers as one address warns in its log and to `comanda doctor`."""

from __future__ import annotations

import pytest

from hub.gateways.caller_watch import ONE_ADDRESS, CallerWatch
from hub.gateways.peer import Proxies
from hub.socketio.connection_counter import ConnectionCounter
from hub.store import EventLog
from hub.store.warnings import WarningBoard
from tests.gateways.conftest import Open
from tests.support.redis import Backend


class Watched:
    """A watch with a clock to turn, and what it has left behind."""

    def __init__(self, backend: Backend) -> None:
        self.log = EventLog(backend.client(), "centro")
        self.board = WarningBoard(self.log.calls, self.log.keys)
        self.connections = ConnectionCounter(0)
        self.now = 0.0
        self.watch = CallerWatch(self.connections, Proxies(), self.board, monotonic=lambda: self.now)

    def connect(self, *addresses: str) -> None:
        for address in addresses:
            self.connections.take(address)


@pytest.fixture
async def watched(fake_backend: Backend) -> Watched:
    return Watched(fake_backend)


async def test_thirty_callers_from_one_inner_address_are_a_proxy(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.connect(*["127.0.0.1"] * 29)
    await watched.watch.look()
    assert await watched.board.read(ONE_ADDRESS) is None
    watched.connect("127.0.0.1")
    for _ in range(3):
        await watched.watch.look()
    noticed = await watched.board.read(ONE_ADDRESS)
    assert noticed is not None
    assert "all 30 connections come from 127.0.0.1" in noticed
    assert "COMANDA_TRUSTED_PROXIES" in noticed
    assert capsys.readouterr().out.count("callers.one_address") == 1
    watched.now = 3_600
    await watched.watch.look()
    assert capsys.readouterr().out.count("callers.one_address") == 1
    await watched.log.aclose()


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"] * 30 + ["198.51.100.1"], ["11.22.33.44"] * 200, ["10.0.0.1", "10.0.0.2"] * 30]
)
async def test_callers_who_can_be_told_apart_are_no_reason_to_warn(watched: Watched, addresses: list[str]) -> None:
    watched.connect(*addresses)
    await watched.watch.look()
    assert await watched.board.read(ONE_ADDRESS) is None
    await watched.log.aclose()


async def test_a_proxy_that_is_not_named_is_noticed_at_its_first_request(open_hub: Open) -> None:
    async with open_hub() as house:
        await house.get("/api/menu", headers={"X-Forwarded-For": "198.51.100.7"})
        await house.hub.gateways.caller_watch.look()
        noticed = await WarningBoard(house.hub.branch.log.calls, house.hub.branch.log.keys).read(ONE_ADDRESS)
        assert noticed is not None
        assert "requests from 127.0.0.1 carry X-Forwarded-For" in noticed


async def test_a_proxy_that_is_named_is_nothing_to_speak_of(open_hub: Open) -> None:
    async with open_hub(trusted_proxies=("127.0.0.1",)) as house:
        await house.get("/api/menu", headers={"X-Forwarded-For": "198.51.100.7"})
        await house.hub.gateways.caller_watch.look()
        assert await WarningBoard(house.hub.branch.log.calls, house.hub.branch.log.keys).read(ONE_ADDRESS) is None
