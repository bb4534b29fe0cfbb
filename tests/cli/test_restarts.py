"""Changes of the log's epoch after the hub and its private Redis were stopped, killed, or started over old data."""

from __future__ import annotations

import json
import os
import shutil
import signal
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Folder, Serve, Served

pytestmark = pytest.mark.timeout(120)
READY_S = 20.0


def order(hub: Served) -> str:
    """Place an order, whatever was ordered before; return the cursor of its answer."""
    body = {
        "customer": {"name": "Luz"},
        "items": [{"sku": "agua", "qty": 1}],
        "delivery": {"kind": "pickup"},
    }
    key = {"Idempotency-Key": uuid.uuid4().hex}
    request = Request(f"{hub.url}/api/orders", data=json.dumps(body).encode(), headers=key, method="POST")
    with urlopen(request) as response:
        cursor: str = json.load(response)["data"]["cursor"]
    return cursor


def page(hub: Served, after: str) -> dict[str, Any]:
    """The stock room's page for one who comes back."""
    with urlopen(f"{hub.url}/api/rooms/stock/events?after={after}") as response:
        data: dict[str, Any] = json.load(response)["data"]
    return data


def epoch(cursor: str) -> str:
    return cursor.partition("-")[0]


def redis_of(hub: Served) -> psutil.Process:
    (found,) = (child for child in psutil.Process(hub.process.pid).children() if "redis" in child.name())
    return found


def recorded(folder: Folder) -> int:
    """The highest offset that any record of the folder names."""
    records = (path.read_bytes() for path in (folder.data / "witness" / "centro").iterdir())
    return max(max(json.loads(record.partition(b" ")[2])["lives"].values(), default=0) for record in records if record)


def until_recorded(folder: Folder, cursor: str) -> None:
    wait_until(lambda: recorded(folder) >= int(cursor.rpartition("-")[2]), READY_S, "the record names it")


def stop(hub: Served) -> None:
    assert hub.process.stop() == 0, hub.process.output()


def kill_hub(hub: Served) -> None:
    server = redis_of(hub)
    hub.process.kill()
    assert not psutil.wait_procs([server], timeout=READY_S)[1]


def kill_both(hub: Served) -> None:
    server = redis_of(hub)
    os.kill(hub.process.pid, signal.SIGKILL)
    server.kill()
    hub.process.kill()
    assert not psutil.wait_procs([server], timeout=READY_S)[1]


ENDS = [stop, kill_hub, kill_both]


@pytest.mark.parametrize("end", ENDS)
def test_a_restart_keeps_the_epoch_however_the_hub_ended(serve: Serve, end: Callable[[Served], None]) -> None:
    first = serve()
    cursors = [order(first) for _ in range(5)]
    end(first)
    second = serve()
    back = page(second, cursors[0])
    assert (back["recovered"], back["cursor"]) == (True, cursors[-1])
    assert epoch(order(second)) == epoch(cursors[0])


def test_a_private_redis_that_is_killed_under_the_hub_keeps_the_epoch(serve: Serve) -> None:
    hub = serve()
    before = order(hub)
    killed = redis_of(hub)
    killed.kill()
    killed.wait(READY_S)
    wait_until(lambda: urlopen(f"{hub.url}/readyz").status == 200, READY_S, "it is ready again")
    assert page(hub, before)["cursor"] == before
    assert epoch(order(hub)) == epoch(before)


@pytest.mark.parametrize(
    ("what", "end"), [("redis", stop), ("redis", kill_hub), ("redis", kill_both), (".", stop), (".", kill_both)]
)
def test_files_of_an_hour_ago_begin_a_new_epoch_however_the_hub_ended(
    folder: Folder, serve: Serve, tmp_path: Path, what: str, end: Callable[[Served], None]
) -> None:
    first = serve()
    order(first)
    stop(first)
    shutil.copytree(folder.data / what, tmp_path / "copy")
    second = serve()
    held = [order(second) for _ in range(3)][-1]
    until_recorded(folder, held)
    end(second)
    (folder.data / what).resolve().rename(tmp_path / "aside")  # removed, it might lend the copy its inodes
    shutil.copytree(tmp_path / "copy", folder.data / what)
    third = serve()
    back = page(third, held)
    assert back["recovered"] is False
    assert epoch(back["cursor"]) != epoch(held)
    after = order(third)
    assert epoch(after) == epoch(back["cursor"])
    # And what began is kept in its turn.
    stop(third)
    assert epoch(order(serve())) == epoch(after)


@pytest.mark.parametrize("running", [True, False])
def test_an_operator_begins_a_new_epoch_by_a_command(folder: Folder, serve: Serve, running: bool) -> None:
    hub = serve()
    before = order(hub)
    if not running:
        stop(hub)
    said = folder.run("new-epoch")
    assert (said.code, said.err) == (0, "")
    cursor = said.out.strip().removeprefix("branch centro goes on at ")
    assert (epoch(cursor) != epoch(before), cursor.endswith(before[8:])) == (True, True)
    if not running:
        hub = serve()
    back = page(hub, before)
    assert (back["recovered"], back["cursor"]) == (False, cursor)


def test_workers_on_one_port_keep_a_record_each_and_any_of_them_is_enough(
    folder: Folder, serve: Serve, tmp_path: Path
) -> None:
    first = serve("--workers", "2")
    order(first)
    stop(first)
    shutil.copytree(folder.data / "redis", tmp_path / "copy")
    second = serve("--workers", "2")
    held = [order(second) for _ in range(3)][-1]
    stop(second)
    records = folder.data / "witness" / "centro"
    assert sorted(path.name for path in records.iterdir()) == ["1", "2"]
    assert recorded(folder) == int(held.rpartition("-")[2])
    (folder.data / "redis").rename(tmp_path / "aside")
    shutil.copytree(tmp_path / "copy", folder.data / "redis")
    assert epoch(page(serve(), held)["cursor"]) != epoch(held)
