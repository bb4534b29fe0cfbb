"""`comanda backup` and `comanda restore`: their promises, under load, and their refusals."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from redis.asyncio import Redis

from hub.config import MENU_FILE
from hub.domain.lifecycle import OrderStatus
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.ops.backup.manifest import Entry
from hub.services.document_names import ACTIVE_ORDERS
from hub.store import EventLog, connect
from tests.chaos.truth import Truth
from tests.chaos.writers import SKU, RetryingWriter, SteadyTraffic
from tests.cli.conftest import READY_S, Folder, get, serve_in
from tests.integration.screens import PythonScreen
from tests.support.processes import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.cli.conftest import Said, Serve, Served

pytestmark = pytest.mark.timeout(180)

AT = re.compile(r"branch centro at ([a-z0-9]{8}-\d+)")
UNHURRIED = {"COMANDA_LIMIT_REQUESTS_S": "0", "COMANDA_LIMIT_STAFF_REQUESTS_S": "0"}
PLENTY = 100_000  # of each dish


def cursor_in(said: Said) -> str:
    found = AT.search(said.out)
    assert found, said
    return found[1]


def run(folder: Folder, command: str, target: Path, **settings: Any) -> Said:
    return folder.run(command, str(target), **settings)


def well(said: Said) -> Said:
    assert (said.code, said.err) == (0, ""), said
    return said


@asynccontextmanager
async def redis_of(folder: Folder) -> AsyncIterator[Redis]:
    """The private Redis of a folder on which no hub runs."""
    async with EmbeddedRedis(folder.data) as embedded, connect(embedded.url) as redis:
        yield redis


async def check_whole(redis: Redis, acknowledged: set[str]) -> None:
    """Every order that was acknowledged is there, and all that is kept of orders agrees with their events."""
    truth, log = Truth(redis), EventLog(redis, "centro")
    rooms = [key.partition(":room:")[2] async for key in redis.scan_iter(match="comanda:{centro}:room:order:*")]
    await truth.look([*rooms, "kitchen", "promos"])
    assert acknowledged <= set(rooms)
    for room in rooms:
        stream = truth.stream(room)
        assert stream.prevs == [0, *stream.offsets[:-1]]
        assert stream.order is not None
        assert stream.order == truth.documents[room], room
    active = {room for room in rooms if truth.documents[room].status is not OrderStatus.CANCELLED}  # type: ignore[union-attr]
    indexed = await log.indexed(ACTIVE_ORDERS, before=None, limit=10_000)
    assert {f"order:{member}" for member, _ in indexed} == active
    sold = sum(item.qty for room in active for item in truth.documents[room].items)  # type: ignore[union-attr, misc]
    assert (await log.counters())[SKU] == PLENTY - sold
    counter = (await log.position()).offset
    assert max(truth.stream(room).head for room in [*rooms, "kitchen", "promos"]) <= counter
    await truth.aclose()
    await log.aclose()


class Load:
    """Writers at a hub, who note when each order was acknowledged."""

    def __init__(self, desk: RetryingWriter) -> None:
        self.desk = desk
        self._placing: asyncio.Task[None] | None = None

    @property
    def acknowledged(self) -> set[str]:
        return {ack.room for ack in self.desk.acks if ack.room != "promos"}

    async def start(self) -> None:
        self._traffic = SteadyTraffic(self.desk, await self.desk.place_many(12), orders_s=60, promos_s=10)
        self._traffic.start()
        self._placing = asyncio.create_task(self._place())
        await self.written(100)

    async def written(self, count: int) -> None:
        enough = len(self.desk.acks) + count
        async with asyncio.timeout(60):
            while len(self.desk.acks) < enough:
                self.desk.acked.clear()
                await self.desk.acked.wait()

    async def stop(self) -> None:
        assert self._placing is not None
        self._placing.cancel()
        await asyncio.gather(self._placing, return_exceptions=True)
        await self._traffic.quiet()

    async def _place(self) -> None:
        while True:
            await self.desk.place()


@asynccontextmanager
async def loaded(hub: Served) -> AsyncIterator[Load]:
    token = well(hub.folder.run("token", "--role", "manager")).out.strip()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        load = Load(RetryingWriter(http, [hub.url], token))
        await load.start()
        yield load
        await load.stop()


def plenty(path: Path) -> Path:
    """A menu with so much of each dish that it does not run out."""
    menu = path / "menu.toml"
    menu.write_text(re.sub(r"(?m)^stock = \d+", f"stock = {PLENTY}", MENU_FILE.read_text(encoding="utf-8")), "utf-8")
    return menu


async def test_a_backup_under_load_has_all_that_was_acknowledged_before_it_and_is_whole(
    tmp_path: Path, serve: Serve, folder: Folder
) -> None:
    folder.env["COMANDA_MENU"] = str(plenty(tmp_path))
    hub = serve(**UNHURRIED)
    copy = tmp_path / "copy"
    async with loaded(hub) as load:
        before = load.acknowledged
        at = load.desk.acks[-1].cursor
        said = well(await asyncio.to_thread(run, folder, "backup", copy))
        assert len(load.acknowledged) > len(before), "orders came in while it was made"
        await load.written(20)
    assert hub.process.stop() == 0, hub.process.output()
    epoch, _, offset = cursor_in(said).partition("-")
    assert (epoch, int(offset) >= int(at.partition("-")[2])) == (at.partition("-")[0], True)
    # On this machine, and on another one that knows nothing of all this.
    other = Folder(tmp_path / "other")
    other.path.mkdir()
    for where in (folder, other):
        restored = well(run(where, "restore", copy))
        assert cursor_in(restored).partition("-")[0] != epoch
        async with redis_of(where) as redis:
            await check_whole(redis, before)


@contextmanager
def hub_at(folder: Folder, port: int) -> Iterator[str]:
    """A hub on this port, as long as the context lasts; its URL."""
    url = f"http://127.0.0.1:{port}"
    with folder.process("serve", "--port", str(port), "--no-agent", "--no-notifier", **UNHURRIED) as process:
        process.wait_for(lambda: get(f"{url}/readyz") == 200, READY_S, "it is ready")
        yield url


async def test_clients_from_before_a_restore_get_their_rooms_anew(tmp_path: Path, folder: Folder) -> None:
    copy, port, screen = tmp_path / "copy", free_port(), PythonScreen()
    token = well(folder.run("token", "--role", "manager")).out.strip()
    with hub_at(folder, port) as url:
        await screen.connect(url)
        await screen.join("promos")
        async with aiohttp.ClientSession() as http:
            desk = RetryingWriter(http, [url], token)
            await desk.promo()
            made = well(await asyncio.to_thread(run, folder, "backup", copy))
            for _ in range(2):
                await desk.promo()
        await screen.until(lambda: len(screen.of("promos")) == 3)
        held = screen.of("promos")[-1].args[1]
        assert held.partition("-")[0] == cursor_in(made).partition("-")[0]
    await screen.next("disconnected")
    restored = cursor_in(well(await asyncio.to_thread(run, folder, "restore", copy)))
    assert int(restored.partition("-")[2]) >= int(held.partition("-")[2]), "no offset is given a second time"
    with hub_at(folder, port) as url:
        await screen.next("hub.welcome")
        joined = await screen.join("promos", after=held)
        assert joined["recovered"] is False
        assert joined["cursor"].partition("-")[0] == restored.partition("-")[0]
        assert len(joined["snapshot"]["promos"]) == 1
        assert get(f"{url}/api/orders", token) == 200, "the secret is the same"
        await screen.close()


# What is in it, and who may read it


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def backed_up(tmp_path: Path, folder: Folder) -> Path:
    """A backup of a folder in which one person has an account."""
    well(folder.run("token", "--role", "manager"))  # makes the secret
    well(folder.run("staff", "add", "Lupita", "--role", "kitchen"))
    well(run(folder, "backup", tmp_path / "copy"))
    return tmp_path / "copy"


def test_a_backup_is_for_its_owner_alone_and_lists_what_it_holds(folder: Folder, backed_up: Path) -> None:
    assert names(backed_up) == {"manifest.json", "redis.rdb", "data/secret"}
    for path in (backed_up, *backed_up.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    manifest = json.loads((backed_up / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert set(manifest["files"]) == {"redis.rdb", "data/secret"}
    assert re.fullmatch(r"[a-z0-9]{8}-\d+", manifest["branches"]["centro"])
    assert (backed_up / "data" / "secret").read_bytes() == (folder.data / "secret").read_bytes()
    assert not (folder.data / "redis" / "dump.rdb").exists()


def test_what_else_lies_in_the_data_folder_comes_along_and_what_was_there_is_kept(
    tmp_path: Path, folder: Folder
) -> None:
    well(folder.run("staff", "add", "Lupita", "--role", "kitchen"))
    (folder.data / "photos").mkdir()
    (folder.data / "photos" / "taco.webp").write_bytes(b"al pastor")
    well(run(folder, "backup", tmp_path / "copy"))
    (folder.data / "photos" / "taco.webp").write_bytes(b"suadero")
    (folder.data / "new").write_text("made since")
    well(folder.run("staff", "add", "Beto", "--role", "courier"))
    said = well(run(folder, "restore", tmp_path / "copy"))
    aside = folder.path / said.out.splitlines()[1].removeprefix("what was there before is in ")
    assert (folder.data / "photos" / "taco.webp").read_bytes() == b"al pastor"
    assert (folder.data / "new").read_text() == "made since"
    assert [row.split("\t")[0] for row in well(folder.run("staff", "list")).out.splitlines()] == ["Lupita"]
    assert (aside / "photos" / "taco.webp").read_bytes() == b"suadero"
    # What was kept is a data folder: the way back.
    was = folder.run("staff", "list", COMANDA_DATA_DIR=str(aside))
    assert {row.split("\t")[0] for row in well(was).out.splitlines()} == {"Lupita", "Beto"}
    assert not [path.name for path in folder.data.iterdir() if path.name.startswith("restoring-")]


def test_a_backup_leaves_out_what_was_kept_of_earlier_restores(tmp_path: Path, folder: Folder, backed_up: Path) -> None:
    for _ in range(2):
        well(run(folder, "restore", backed_up))
    well(run(folder, "backup", tmp_path / "second"))
    assert names(tmp_path / "second") == {"manifest.json", "redis.rdb", "data/secret"}


# What is refused, and that nothing has changed then


@pytest.mark.parametrize("what", ["a file in it", "a file", "in the data folder", "around the data folder"])
def test_a_backup_goes_into_an_empty_folder_elsewhere(folder: Folder, tmp_path: Path, what: str) -> None:
    well(folder.run("staff", "list"))
    target = {"in the data folder": folder.data / "copy", "around the data folder": folder.path}.get(what)
    target = target or tmp_path / "target"
    if what == "a file in it":
        target.mkdir()
        (target / "precious").write_text("mine")
    elif what == "a file":
        target.write_text("mine")
    before = names(folder.path)
    said = run(folder, "backup", target)
    assert said.code == 1
    assert str(target) in said.line
    assert names(folder.path) == before


def test_there_is_nothing_to_back_up_in_a_folder_where_no_hub_has_run(folder: Folder, tmp_path: Path) -> None:
    said = run(folder, "backup", tmp_path / "copy")
    assert (said.code, "has no data to back up" in said.line) == (1, True)
    assert not (tmp_path / "copy").exists()
    assert not folder.data.exists()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_redis_of_the_operators_own_is_left_to_its_tools(folder: Folder, tmp_path: Path, command: str) -> None:
    said = run(folder, command, tmp_path / "copy", COMANDA_REDIS_URL="redis://127.0.0.1:1")
    assert (said.code, "docs/backup.md" in said.line) == (1, True)
    assert not (tmp_path / "copy").exists()


def test_a_restore_waits_for_the_hub_to_be_stopped(serve: Serve, folder: Folder, backed_up: Path) -> None:
    hub = serve()
    before = names(folder.data)
    said = run(folder, "restore", backed_up)
    assert said.code == 1
    assert said.line == f"a hub or a command runs on {folder.data}; stop it first"
    assert get(f"{hub.url}/readyz") == 200
    assert {name for name in names(folder.data) - before if "appendonly" not in name} == set()


def test_a_restore_sees_a_hub_that_uses_another_redis_too(serve: Serve, folder: Folder, backed_up: Path) -> None:
    other = Folder(folder.path / "other")
    other.path.mkdir()
    with ExitStack() as stack:
        lender = serve_in(stack, other)
        url = json.loads((other.data / "redis" / "state.json").read_text())["url"]
        serve(COMANDA_REDIS_URL=url)
        said = run(folder, "restore", backed_up)
        assert (said.code, said.line) == (1, f"a hub runs on {folder.data}; stop it first")
        assert get(f"{lender.url}/readyz") == 200


FILE = {"bytes": 1, "sha256": "0"}
DAMAGES: dict[str, tuple[Any, str]] = {
    "no manifest": (lambda copy: (copy / "manifest.json").unlink(), "is not a backup"),
    "no JSON": (lambda copy: (copy / "manifest.json").write_text("{"), "manifest.json cannot be used"),
    "of a later format": (lambda copy: edit(copy, format=2), "manifest.json cannot be used"),
    "a path that leads out": (lambda copy: edit(copy, files={"data/../../x": FILE}), "manifest.json cannot be used"),
    "without Redis's file": (lambda copy: edit(copy, files={"data/secret": FILE}), "there is no redis.rdb"),
    "a file changed": (lambda copy: (copy / "data" / "secret").write_text("x" * 64), "is not the file that was backed"),
    "a file missing": (lambda copy: (copy / "redis.rdb").unlink(), "is not the file that was backed up"),
    "Redis's file cut": (lambda copy: os.truncate(copy / "redis.rdb", 60), "is not the file that was backed up"),
}


def edit(copy: Path, **changes: Any) -> None:
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_one_line_and_nothing_is_touched(folder: Folder, backed_up: Path, damage: str) -> None:
    harm, named = DAMAGES[damage]
    harm(backed_up)
    before = names(folder.data)
    said = run(folder, "restore", backed_up)
    assert said.code == 1
    assert named in said.line
    assert names(folder.data) == before


def test_a_copy_that_no_redis_can_read_changes_nothing(folder: Folder, backed_up: Path) -> None:
    path = backed_up / "redis.rdb"
    path.write_bytes(path.read_bytes()[:9] + b"\xfa" * 100)
    edit(backed_up, files={"redis.rdb": Entry.of(path).model_dump()})
    before = names(folder.data)
    said = run(folder, "restore", backed_up)
    assert said.code == 1
    assert "did not start" in said.line
    assert names(folder.data) == before
    well(folder.run("staff", "list"))


def test_a_backup_that_fails_leaves_the_folder_as_it_was(folder: Folder, tmp_path: Path) -> None:
    well(folder.run("staff", "list"))
    (folder.data / "redis" / "dump.rdb").mkdir()  # Redis cannot put its copy there
    target = tmp_path / "copy"
    for made in (False, True):
        if made:
            target.mkdir()
        said = run(folder, "backup", target)
        assert said.code == 1
        assert said.line.startswith("Redis made no copy: ")
        assert (target.exists(), made and any(target.iterdir())) == (made, False)
