"""`comanda serve`: how it begins, what it refuses to begin with, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import aiohttp
import psutil
import pytest
import socketio

from hub.config import MENU_FILE
from tests.cli.conftest import Folder, get, serve_in
from tests.support.processes import COMANDA, ROOT, Process, environment, free_port, listening, program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Serve, Served

ENDS_S = 10.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        yield silent.getsockname()[1]


@pytest.fixture(scope="module", autouse=True)
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Process]]:
    """Hubs whose Redis refuses, and says nothing: begun first and looked at last, because giving up takes its time."""
    with socket.socket() as silent, ExitStack() as stack:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        ports = {"refuses": free_port(), "is silent": silent.getsockname()[1]}
        hubs = {}
        for kind, port in ports.items():
            folder = Folder(tmp_path_factory.mktemp("doomed"), COMANDA_REDIS_URL=f"redis://127.0.0.1:{port}")
            hubs[kind] = stack.enter_context(
                folder.process("serve", "--port", str(free_port()), "--no-agent", "--no-notifier")
            )
        yield hubs


def children(hub: Served, *words: str) -> list[psutil.Process]:
    """The programs that a hub has started, whose command line has these words in it."""
    found = psutil.Process(hub.process.pid).children(recursive=True)
    return [child for child in found if all(word in " ".join(child.cmdline()) for word in words)]


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=5)[1]


def test_on_a_terminal_the_first_start_shows_the_managers_pin(folder: Folder) -> None:
    ours, theirs = pty.openpty()
    command = [COMANDA, "serve", "--port", str(free_port()), "--no-agent", "--no-notifier"]
    environ = {**environment(), **folder.env}
    with subprocess.Popen(command, env=environ, cwd=folder.path, stdout=theirs, stderr=subprocess.DEVNULL) as hub:
        os.close(theirs)
        shown = b""
        while b"Redis: " not in shown:
            shown += os.read(ours, 4096)  # raises OSError once the hub has ended
        hub.terminate()
    os.close(ours)
    assert re.search(rb"log in as Carmen with PIN \d{8} ", shown)
    assert not (folder.data / "manager-pin").exists()


async def test_the_first_start_keeps_the_managers_pin_in_a_file_and_it_works(folder: Folder, serve: Serve) -> None:
    first = serve()
    pin = first.pin
    assert pin is not None
    assert pin not in first.process.output()
    assert (folder.data / "manager-pin").stat().st_mode & 0o777 == 0o600
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{first.url}/api/login", json={"name": "Carmen", "pin": pin}) as response:
            login = (await response.json())["data"]
        assert login["principal"]["roles"] == ["manager"]
    for page in ("/", "/kitchen", "/manager", "/support"):
        assert f"{first.url}{page}" in first.process.output()
        assert get(first.url + page) == 200
    assert first.process.stop() == 0
    second = serve()
    assert second.pin is None
    assert pin not in second.process.output()
    # The secret is the same: who was logged in still is.
    assert get(f"{second.url}/api/orders", login["token"]) == 200
    for secret in (folder.data / "secret", folder.data / "redis"):
        assert secret.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_with_0_and_stops_the_redis_it_started_whoever_is_connected(
    folder: Folder, serve: Serve, sign: signal.Signals
) -> None:
    hub = serve()
    redis = children(hub, "redis")
    assert len(redis) == 1
    async with aiohttp.ClientSession() as http:
        stream = await http.get(f"{hub.url}/api/rooms/promos/events", headers={"Accept": "text/event-stream"})
        await stream.content.readuntil(b"\n\n")
        ws = await http.ws_connect(f"{hub.url}/ws")
        client = socketio.AsyncClient(reconnection=False, http_session=http)
        await client.connect(hub.url, transports=["polling"])
        hub.process.signal(sign)
        loop = asyncio.get_running_loop()
        code = await loop.run_in_executor(None, hub.process.stop, ENDS_S)
        assert code == 0, hub.process.output()
        assert "Traceback" not in hub.process.output()
        await client.shutdown()
        await ws.close()
        stream.close()
    assert gone(redis)


async def stop(hub: Served) -> int | None:
    return await asyncio.get_running_loop().run_in_executor(None, hub.process.stop, ENDS_S)


async def closed_with(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(ENDS_S):
        while not ws.closed:
            await ws.receive()
    return ws.close_code


_UPGRADE = (
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
STALLING = (
    f"GET /ws HTTP/1.1\r\n{_UPGRADE}",
    f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n{_UPGRADE}",
    "GET /api/rooms/promos/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
    "POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
)


@pytest.mark.alone
async def test_five_hundred_clients_are_sent_away_one_by_one_and_those_who_stall_keep_nobody(serve: Serve) -> None:
    hub = serve(COMANDA_LIMIT_CONNECTIONS="0", COMANDA_LIMIT_REQUESTS_S="0")
    loop = asyncio.get_running_loop()
    left: list[float] = []

    async def stay(ws: aiohttp.ClientWebSocketResponse) -> None:
        assert await closed_with(ws) == aiohttp.WSCloseCode.SERVICE_RESTART
        left.append(loop.time())

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as tasks:
        for _ in range(10):
            some = (http.ws_connect(f"{hub.url}/socket.io/?EIO=4&transport=websocket") for _ in range(50))
            for ws in await asyncio.gather(*some):
                tasks.create_task(stay(ws))
        # They read nothing, so they do not answer a close; and one says its order's first letter only.
        stalling = [(await asyncio.open_connection("127.0.0.1", hub.port))[1] for _ in STALLING]
        for writer, head in zip(stalling, STALLING, strict=True):
            writer.write(head.encode())
        poll = tasks.create_task(polled_to_the_end(http, await polled(http, hub.url)))
        assert get(f"{hub.url}/readyz") == 200  # by now all of them have been taken in
        hub.process.signal(signal.SIGTERM)
        await loop.run_in_executor(None, wait_until, lambda: refuses(hub.port), ENDS_S, "it takes no connection")
        assert hub.process.running
        assert await stop(hub) == 0, hub.process.output()
        await poll
        for writer in stalling:
            writer.transport.abort()
    assert "Traceback" not in hub.process.output()
    assert len(left) == 500
    assert 0.5 < max(left) - min(left) < 5


def refuses(port: int) -> bool:
    """Return True if a port of this machine refuses connections, as load balancers expect of a hub that stops."""
    try:
        return not listening(port)
    except ConnectionRefusedError:
        return True


async def polled(http: aiohttp.ClientSession, url: str) -> str:
    """A new connection by polling: where it is polled."""
    url = f"{url}/socket.io/?EIO=4&transport=polling"
    async with http.get(url) as response:
        return f"{url}&sid={json.loads((await response.text())[1:])['sid']}"


async def polled_to_the_end(http: aiohttp.ClientSession, url: str) -> None:
    """Poll until the connection is over, or there is nobody left to ask."""
    try:
        while True:
            async with http.get(url) as response:
                if response.status != 200:
                    return
    except aiohttp.ClientError:
        return


async def test_it_ends_in_time_also_when_its_redis_is_gone_or_silent(tmp_path: Path) -> None:
    port = free_port()
    redis_server = program("redis-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    redis = Process(redis_server, *options, name="redis")
    folders = [Folder(tmp_path, COMANDA_REDIS_URL=f"redis://127.0.0.1:{port}") for _ in range(2)]
    with redis, ExitStack() as stack:
        redis.wait_for(lambda: listening(port), ENDS_S, "it listens")
        hubs = [serve_in(stack, folder) for folder in folders]
        token = folders[0].run("token", "--role", "manager").out.strip()
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
            for hub, sign in zip(hubs, (signal.SIGSTOP, signal.SIGKILL), strict=True):
                ws = await http.ws_connect(f"{hub.url}/ws")
                redis.signal(sign)
                await ws.send_json({"id": 1, "command": "promo.publish", "data": {"title": "a", "message": "b"}})
                async with asyncio.TaskGroup() as tasks:
                    told = tasks.create_task(closed_with(ws))
                    assert await stop(hub) == 0, hub.process.output()
                assert told.result() in (aiohttp.WSCloseCode.SERVICE_RESTART, aiohttp.WSCloseCode.ABNORMAL_CLOSURE)
                assert "Traceback" not in hub.process.output()
                redis.signal(signal.SIGCONT)


def test_what_was_ordered_is_there_after_a_kill(folder: Folder, serve: Serve) -> None:
    first = serve()
    token = folder.run("token", "--role", "manager").out.strip()
    order = {
        "customer": {"name": "Luz"},
        "items": [{"sku": "agua", "qty": 1}],
        "delivery": {"kind": "pickup"},
    }
    with urlopen(Request(f"{first.url}/api/orders", data=json.dumps(order).encode(), method="POST")) as response:
        id = json.load(response)["data"]["order"]["id"]
    first.process.kill()
    second = serve()
    assert get(f"{second.url}/api/orders/{id}", token) == 200


def test_a_busy_port_is_one_line(folder: Folder, silent_port: int) -> None:
    said = folder.run("serve", "--port", str(silent_port), "--no-agent", "--no-notifier")
    assert said.code == 1
    assert said.line == f"port {silent_port} on 127.0.0.1 is in use; choose another with --port"
    assert not (folder.data / "redis").exists()  # nothing was started for it


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.1"])
def test_an_address_that_is_not_ours_is_one_line(folder: Folder, host: str) -> None:
    said = folder.run("serve", "--host", host, "--port", "8099", "--no-agent", "--no-notifier")
    assert said.code == 1
    assert said.line.startswith(f"cannot listen on {host}:8099: ")


MISTAKES = {
    "a word for a price": ("price = 2200", 'price = "veintidós"', "item 'taco-pastor' price: "),
    "a price of nothing": ("price = 2200", "price = 0", "item 'taco-pastor' price: "),
    "a field with a typo": ("stock = 240", "stok = 240", "item 'taco-pastor' stok: "),
    "a category that there is not": ('category = "tacos"', 'category = "tacoz"', "'taco-pastor'"),
    "no TOML": ("[[item]]", "[[item]", "not valid TOML: "),
}


@pytest.mark.parametrize(("right", "wrong", "named"), MISTAKES.values(), ids=MISTAKES)
def test_a_menu_with_a_mistake_is_one_line_that_says_where(folder: Folder, right: str, wrong: str, named: str) -> None:
    command = ("staff", "list") if right == "stock = 240" else ("serve", "--port", "0", "--no-agent", "--no-notifier")
    menu = folder.path / "menu.toml"
    menu.write_text(MENU_FILE.read_text(encoding="utf-8").replace(right, wrong, 1), encoding="utf-8")
    said = folder.run(*command, COMANDA_MENU=str(menu))
    assert said.code == 1
    assert str(menu) in said.line
    assert named in said.line


@pytest.mark.parametrize("kind", ["missing", "a folder", "not text"])
def test_a_menu_that_cannot_be_read_is_one_line(folder: Folder, kind: str) -> None:
    menu = folder.path / "menu.toml"
    if kind == "a folder":
        menu.mkdir()
    elif kind == "not text":
        menu.write_bytes(b"name = '\xff\xfe'")
    said = folder.run("serve", "--port", "0", "--no-agent", "--no-notifier", COMANDA_MENU=str(menu))
    assert said.code == 1
    assert str(menu) in said.line


def test_a_data_folder_that_is_a_file_is_one_line(folder: Folder) -> None:
    folder.data.write_text("not a folder")
    for command in (
        ["serve", "--port", "0", "--no-agent", "--no-notifier"],
        ["token", "--role", "manager"],
        ["staff", "list"],
    ):
        said = folder.run(*command)
        assert said.code == 1
        assert "data" in said.line


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_nothing_outlives_a_hub_that_is_killed(folder: Folder) -> None:
    hub = folder.process("serve", "--port", str(free_port()), "--workers", "2")
    with hub:
        hub.wait_for(lambda: "Redis: " in hub.output() and "agent.ready" in hub.output(), 90, "it is all there")
        left = psutil.Process(hub.pid).children(recursive=True)
        commands = " ".join(" ".join(child.cmdline()) for child in left)
        assert commands.count("--shared-port") == 2
        assert commands.count("-m agents") == 1
        hub.kill()
        assert not psutil.wait_procs(left, timeout=20)[1]
        assert "agent.stopped" in hub.output()


@pytest.mark.parametrize("deaf", [False, True])
def test_a_child_ends_when_its_parent_is_killed_though_its_end_may_hang(tmp_path: Path, deaf: bool) -> None:
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    with Process(sys.executable, "-c", PARENT, str(child), str(deaf), cwd=ROOT, name="parent") as parent:
        parent.wait_for(lambda: "watching" in parent.output(), 20, "the child watches")
        (watching,) = psutil.Process(parent.pid).children()
        parent.kill()
        assert gone([watching])
        assert ("in order" in parent.output()) is not deaf


CHILD = """
import asyncio, sys
from hub.ops import supervisor

async def main():
    supervisor._GRACE_S = 0.1
    stopping = asyncio.Event()
    supervisor.when_parent_ends(stopping.set)
    print("watching", flush=True)
    await stopping.wait()
    if sys.argv[1] == "True":
        await asyncio.Event().wait()
    print("in order", flush=True)

asyncio.run(main())
"""
PARENT = """
import asyncio, os, sys
from hub.ops.supervisor import keep_running

asyncio.run(keep_running("child", [sys.executable, *sys.argv[1:]], {"PYTHONPATH": os.getcwd()}))
"""


def test_a_program_that_was_started_by_hand_watches_nobody() -> None:
    code = "import asyncio; from hub.ops import supervisor; supervisor.when_parent_ends(lambda: 1 / 0); print('on')"
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert done.stdout == "on\n"


def test_several_workers_need_a_port_of_their_own(folder: Folder) -> None:
    said = folder.run("serve", "--workers", "2", "--port", "0")
    assert said.code == 2
    assert "--port" in said.err


def test_two_hubs_in_one_folder_share_its_redis(folder: Folder, serve: Serve) -> None:
    first, second = serve(), serve()
    assert (first.pin is None) != (second.pin is None)
    token = folder.run("token", "--role", "manager").out.strip()
    assert {get(f"{hub.url}/api/orders", token) for hub in (first, second)} == {200}
    assert first.process.stop() == 0
    wait_until(lambda: get(f"{second.url}/readyz") == 200, 20, "the second takes Redis over")


def test_importing_the_hub_loads_no_llama_index() -> None:
    code = (
        "import sys, hub.app, hub.ops.serve, hub.cli, hub.ops.announce; "
        "print([m for m in sys.modules if m.split('.')[0] in ('llama_index', 'workflows', 'agents')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Last: see the fixture.
@pytest.mark.parametrize("kind", ["refuses", "is silent"])
def test_a_redis_that_does_not_answer_is_said_and_the_end(doomed: dict[str, Process], kind: str) -> None:
    hub = doomed[kind]
    wait_until(lambda: not hub.running, 30, "serve gives up")
    assert hub.stop() == 1
    last = hub.output().splitlines()[-1]
    assert last == "comanda: the hub is up, but Redis does not answer; see COMANDA_REDIS_URL"
    assert "Traceback" not in hub.output()
