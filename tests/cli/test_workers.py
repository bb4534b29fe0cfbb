"""`comanda serve --workers 2`: two processes on one port are one hub to every client."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import aiohttp
import psutil
import pytest

from tests.chaos.crowd import Crowd, Kind, Visitor, open_crowd
from tests.chaos.record import Down, Refused
from tests.cli.conftest import Folder, get, serve_in
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Served

pytestmark = pytest.mark.timeout(120)

SOON_S = 15.0
EACH = 10
POLLING = "/socket.io/?EIO=4&transport=polling"


def processes(hub: Served) -> list[psutil.Process]:
    found = psutil.Process(hub.process.pid).children(recursive=True)
    return [child for child in found if "--shared-port" in child.cmdline()]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests here: each leaves two processes that answer."""
    with ExitStack() as stack:
        folder = Folder(tmp_path_factory.mktemp("workers"), COMANDA_LIMIT_REQUESTS_S="0")
        hub = serve_in(stack, folder, "--workers", "2")
        both_answer(hub)
        yield hub


def both_answer(hub: Served) -> None:
    wait_until(lambda: "comanda_processes 2.0" in metrics(hub), SOON_S, "both processes answer")


def metrics(hub: Served) -> str:
    with urlopen(Request(f"{hub.url}/metrics", headers={"Authorization": f"Bearer {token(hub)}"}), timeout=5) as told:
        return str(told.read().decode())


def token(hub: Served) -> str:
    path = hub.folder.path / "token"
    if not path.exists():
        path.write_text(hub.folder.run("token", "--role", "manager").out.strip())
    return path.read_text()


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    (tmp_path / "crowd").mkdir()
    async with open_crowd(tmp_path / "crowd") as crowd:
        yield crowd


def visitors(hub: Served, *kinds: Kind) -> list[Visitor]:
    room = ({"room": "promos"},)
    return [Visitor(f"{kind}-{number}", (hub.url,), room, kind=kind) for kind in kinds for number in range(EACH)]


async def promo(hub: Served) -> int:
    """Publish a promotion; gives its offset."""
    headers = {"Authorization": f"Bearer {token(hub)}"}
    body = {"title": "2×1", "message": "hoy"}
    async with aiohttp.ClientSession() as http, http.post(f"{hub.url}/api/promos", json=body, headers=headers) as said:
        return int((await said.json())["data"]["cursor"].rpartition("-")[2])


# First: others leave sessions that are polled no more.
async def test_the_figures_are_one_sum_whichever_process_is_asked(hub: Served, crowd: Crowd) -> None:
    await crowd.open(visitors(hub, "websocket", "upgrade"))
    for _ in range(10):
        told = metrics(hub)
        assert re.search(r'^comanda_connections\{transport="socketio"\} (.*)$', told, re.M)[1] == f"{2 * EACH}.0"  # type: ignore[index]
        assert re.search(r"^comanda_relay_live (.*)$", told, re.M)[1] == "1.0"  # type: ignore[index]
        assert told.count("# TYPE comanda_turns_total") == 1


async def test_stock_clients_of_every_kind_get_in_and_their_upgrades_succeed(hub: Served, crowd: Crowd) -> None:
    await crowd.open(visitors(hub, "websocket", "polling", "upgrade", "sse"))
    async with asyncio.timeout(SOON_S):
        while await crowd.transports() != {"websocket": 2 * EACH, "polling": EACH, "sse": EACH}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert not await crowd.reach({"promos": await promo(hub)}, SOON_S)
    for record in await crowd.records():
        assert not [entry for entry in record.entries if isinstance(entry, Down | Refused)], record


async def test_clients_of_a_process_that_dies_come_back_to_the_other(hub: Served, crowd: Crowd) -> None:
    await crowd.open(visitors(hub, "websocket", "polling", "upgrade"))
    first, _ = processes(hub)
    first.kill()
    psutil.wait_procs([first], timeout=SOON_S)  # its port too is the others' alone then
    assert not await crowd.reach({"promos": await promo(hub)}, SOON_S)
    both_answer(hub)  # it was started again
    assert not await crowd.reach({"promos": await promo(hub)}, SOON_S)


async def test_each_request_of_a_poll_may_come_on_a_connection_of_its_own(hub: Served) -> None:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        for _ in range(8):
            async with http.get(hub.url + POLLING) as response:
                session = f"{hub.url}{POLLING}&sid={json.loads((await response.text())[1:])['sid']}"
            async with http.post(session, data="40") as response:
                assert (response.status, await response.text()) == (200, "ok")
            heard = ""
            while "hub.welcome" not in heard:
                async with http.get(session) as response:
                    assert response.status == 200
                    heard += await response.text()
            async with http.post(session, data="x" * 70_000) as response:
                assert response.status == 400


async def test_a_session_that_no_process_has_is_unknown(hub: Served) -> None:
    async with aiohttp.ClientSession() as http:
        for sid in ("1.unknown", "2.unknown", "3.unknown", "0.x", "unknown", "²", "1", ".", "-1.x", "9" * 99):
            for _ in range(4):
                async with http.get(f"{hub.url}{POLLING}", params={"sid": sid}) as response:
                    assert (response.status, (await response.json())["code"]) == (400, 1), sid


async def test_a_process_that_stands_still_holds_nobody_up_for_long(hub: Served) -> None:
    still, _ = processes(hub)
    still.suspend()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
            answered = 0
            while not answered:  # by the other one: the kernel may choose the one that stands still
                try:
                    async with asyncio.timeout(4):
                        headers = {"Authorization": f"Bearer {token(hub)}"}
                        async with http.get(f"{hub.url}/metrics", headers=headers) as response:
                            assert "comanda_processes 1.0" in await response.text()
                            answered += 1
                except TimeoutError:
                    continue
    finally:
        still.resume()
    both_answer(hub)


def test_their_folder_is_closed_to_others_and_gone_in_the_end(hub: Served) -> None:
    first, _ = processes(hub)
    command = first.cmdline()
    folder = command[command.index("--shared-port") + 1]
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert get(f"{hub.url}/readyz") == 200
    assert hub.process.stop() == 0, hub.process.output()
    assert "Traceback" not in hub.process.output()
    assert not os.path.exists(folder)
