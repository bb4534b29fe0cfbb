"""`staff`, `token`, `doctor`, `simulate`, `version`, and settings that make no sense."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from hub import __version__
from hub.cli import app
from hub.config import Settings
from hub.domain.chat import Chat
from hub.domain.requested_by import RequestedBy
from hub.domain.roles import Kind
from hub.local_redis import servers
from hub.services.auth.digests import Digests
from hub.services.branch_figures import Day
from hub.services.build import utc_now
from hub.services.chats.turn_jobs import TurnJob
from hub.services.chats.usage_limits import UsageLimits
from hub.store import EventLog, Write, connect
from tests.cli.conftest import Folder, get
from tests.support.processes import Process, environment, free_port, listening, wait_until
from tests.support.redis import no_real_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.cli.conftest import Serve, Served


def login(url: str, name: str, pin: str) -> int:
    """The status of a login."""
    body = json.dumps({"name": name, "pin": pin}).encode()
    try:
        with urlopen(Request(f"{url}/api/login", data=body, method="POST"), timeout=10) as response:
            return int(response.status)
    except HTTPError as refused:
        refused.close()
        return refused.code


# Tokens


@pytest.mark.parametrize("role", ["courier", "service"])
def test_a_token_is_all_that_is_printed_and_it_works(served: Served, role: str) -> None:
    said = served.folder.run("token", "--role", role, "--name", "Señor Ñandú", "--ttl", "90s")
    assert (said.code, said.err) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", said.out)
    assert get(f"{served.url}/api/orders", said.out.strip()) == 200


@pytest.mark.parametrize("ttl", ["", "1", "h", "1w", "-1h", "1.5h", "0s", "00m", "1h ", "9999999d", "١h"])
def test_a_duration_that_is_none_is_a_usage_error(ttl: str) -> None:
    said = CliRunner().invoke(app, ["token", "--role", "manager", "--ttl", ttl])
    assert (said.exit_code, said.stdout) == (2, "")
    assert "--ttl" in said.stderr


def test_tokens_are_listed_and_revoked_beside_a_running_hub(served: Served) -> None:
    run = served.folder.run
    tokens = [run("token", "--role", "support", "--name", name, "--ttl", "2h").out.strip() for name in ("Caja", "Otra")]
    rows = [row.split("\t") for row in run("token", "list").out.splitlines()]
    [[token_id, _, roles, end]] = [row for row in rows if row[1] == "Caja"]
    assert roles == "support"
    assert timedelta(hours=1) < datetime.fromisoformat(end) - datetime.now(UTC) <= timedelta(hours=2)
    said = run("token", "revoke", token_id)
    assert (said.code, said.out) == (0, f"{token_id} (Caja) is revoked\n")
    assert [get(f"{served.url}/api/orders", token) for token in tokens] == [401, 200]
    assert run("token", "revoke", tokens[1]).code == 0
    wait_until(lambda: get(f"{served.url}/api/orders", tokens[1]) == 401, 10, "the hub hears of it")
    assert not {"Caja", "Otra"} & {row.split("\t")[1] for row in run("token", "list").out.splitlines()}
    assert token_id in run("token", "revoke", token_id).line


def test_a_couriers_phone_gets_a_token_that_only_reports_positions(served: Served) -> None:
    run = served.folder.run
    run("staff", "add", "Beto Ríos", "--role", "courier")
    said = run("token", "courier", "Beto Ríos", "--ttl", "7d")
    assert (said.code, said.err) == (0, "")
    token = said.out.strip()
    assert get(f"{served.url}/ingest/osmand?id={token}&lat=19.43&lon=-99.13") == 200
    assert get(f"{served.url}/api/orders", token) == 401
    [row] = [row for row in run("token", "list").out.splitlines() if "Beto" in row]
    assert row.split("\t")[1:3] == ["Beto Ríos", "positions"]
    assert run("token", "revoke", token).code == 0
    wait_until(lambda: get(f"{served.url}/ingest/osmand?id={token}") == 401, 10, "the hub hears of it")
    run("staff", "add", "Lola", "--role", "kitchen")
    assert "no courier" in run("token", "courier", "Lola").line
    assert "no account" in run("token", "courier", "Nobody").line
    assert run("token", "courier", "Beto Ríos", "--ttl", "91d").code == 2
    for name in ("Beto Ríos", "Lola"):
        run("staff", "remove", name)


def test_a_token_lasts_ninety_days_at_the_most(served: Served, tmp_path: Path) -> None:
    said = Folder(tmp_path).run("token", "--role", "manager", "--ttl", "91d")
    assert (said.code, said.out) == (2, "")
    assert "90d" in said.err
    longer = served.folder.run("token", "--role", "manager", "--ttl", "91d", COMANDA_LIMIT_TOKEN_DAYS="0")
    assert (longer.code, longer.err) == (0, "")


def test_without_redis_a_token_is_printed_and_only_not_listed(tmp_path: Path) -> None:
    away: dict[str, Any] = {"COMANDA_REDIS_URL": f"redis://127.0.0.1:{free_port()}", "COMANDA_REDIS_DEADLINE_S": "0.3"}
    said = Folder(tmp_path).run("token", "--role", "manager", **away)
    assert said.code == 0
    assert said.out.count(".") == 2
    assert "not listed" in said.line


def test_a_token_of_another_folder_does_not_work(served: Served, tmp_path: Path) -> None:
    token = Folder(tmp_path).run("token", "--role", "manager").out.strip()
    assert get(f"{served.url}/api/orders", token) == 401


# API keys


def test_a_key_is_all_that_is_printed_and_it_works_until_it_is_revoked(served: Served) -> None:
    run = served.folder.run
    said = run("keys", "add", "Reparto Ñandú", "--scope", "orders:read", "--scope", "orders:write", "--ttl", "2h")
    assert (said.code, said.err) == (0, "")
    key = said.out.strip()
    assert re.fullmatch(r"ck_[0-9a-f]{16}_[\w-]{43}\n", said.out)
    assert get(f"{served.url}/api/orders", key) == 200
    [[key_id, _, scopes, end]] = [row.split("\t") for row in run("keys", "list").out.splitlines()]
    assert scopes == "orders:read, orders:write"
    assert datetime.now(UTC) < datetime.fromisoformat(end) <= datetime.now(UTC) + timedelta(hours=2)
    assert run("keys", "revoke", key_id).out == f"{key_id} is revoked\n"
    assert get(f"{served.url}/api/orders", key) == 401
    assert run("keys", "list").out == ""
    assert "no such key" in run("keys", "revoke", key_id).line


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        ("--scope", ["add", "x"]),
        ("--scope", ["add", "x", "--scope", "everything"]),
        ("TITLE", ["add", " ", "--scope", "chat"]),
        ("--ttl", ["add", "x", "--scope", "chat", "--ttl", "1w"]),
        ("ID", ["revoke", "no key"]),
    ],
)
def test_a_key_that_makes_no_sense_is_a_usage_error(hint: str, words: list[str]) -> None:
    said = CliRunner().invoke(app, ["keys", *words])
    assert (said.exit_code, said.stdout) == (2, "")
    assert hint in said.stderr


# Staff


def test_accounts_come_and_go_beside_a_running_hub(served: Served) -> None:
    run = served.folder.run
    added = run(
        "staff", "add", "Doña Luz", "--role", "kitchen", "--role", "courier", "--pin-stdin", stdin=b" 246813 \n"
    )
    assert (added.code, added.out, added.err) == (0, "Doña Luz (courier, kitchen) may log in\n", "")
    assert login(served.url, "doña luz", "246813") == 200
    made = run("staff", "add", "Beto", "--role", "courier")
    pin = re.fullmatch(r"Beto \(courier\) may log in with PIN (\d{8})\n", made.out)
    assert pin is not None
    assert login(served.url, "Beto", pin[1]) == 200
    rows = [row.split("\t") for row in run("staff", "list").out.splitlines()]
    assert ["Beto", "courier", "beto"] in rows
    assert ["Doña Luz", "courier, kitchen", "dona-luz"] in rows
    again = run("staff", "add", "dona luz", "--role", "kitchen")
    assert again.code == 1
    assert "already" in again.line
    for name in ("Doña Luz", "Beto"):
        assert run("staff", "remove", name).out == f"{name} is removed\n"
        assert login(served.url, name, "246813") == 401
    gone = run("staff", "remove", "Beto")
    assert gone.code == 1
    assert "Beto" in gone.line
    assert [row.split("\t")[0] for row in run("staff", "list").out.splitlines()] == ["Carmen"]


def test_a_pin_and_roles_are_changed_beside_a_running_hub(served: Served) -> None:
    run = served.folder.run
    assert run("staff", "add", "Ana", "--role", "manager", "--pin-stdin", stdin=b"246813").code == 0
    said = run("staff", "pin", "Ana", "--pin-stdin", stdin=b"135802\n")
    assert (said.code, said.out) == (0, "Ana logs in with the new PIN\n")
    assert [login(served.url, "Ana", pin) for pin in ("246813", "135802")] == [401, 200]
    made = re.fullmatch(r"Ana logs in with PIN (\d{8})\n", run("staff", "pin", "ana").out)
    assert made is not None
    assert [login(served.url, "Ana", pin) for pin in ("135802", made[1])] == [401, 200]
    weak = run("staff", "pin", "Ana", "--pin-stdin", stdin=b"123456")
    assert weak.code == 1
    assert "sequence" in weak.line
    said = run("staff", "role", "Ana", "--role", "support", "--role", "courier")
    assert (said.code, said.out) == (0, "Ana is now courier, support\n")
    assert "Ana\tcourier, support\tana\n" in run("staff", "list").out
    assert run("staff", "remove", "Ana").code == 0
    for command in (("pin", "Ana"), ("role", "Ana", "--role", "kitchen")):
        assert "Ana" in run("staff", *command).line


NOBODY = [
    ("Ana", b""),
    ("Ana", b"2468"),
    ("Ana", b"654321"),
    ("Ana", b"121212"),
    ("Ana", b"1" * 65),
    ("Ana", b"\xff\xfe246813\n"),
    ("a" * 81, b"246813"),
    ("Ana\nBeto", b"246813"),
    ("Ana\udcff", b"246813"),
]


def test_an_account_that_could_not_log_in_is_not_made(served: Served) -> None:
    run = served.folder.run
    for name, pin in NOBODY:
        said = run("staff", "add", name, "--role", "kitchen", "--pin-stdin", stdin=pin)
        assert (said.code, said.out) == (1, ""), (name, pin)
        assert said.line
    assert [row.split("\t")[0] for row in run("staff", "list").out.splitlines()] == ["Carmen"]


def test_staff_are_kept_without_a_running_hub(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.run("staff", "add", "Ana", "--role", "manager", "--pin-stdin", stdin=b"246813").code == 0
    listed = folder.run("staff", "list")
    assert (listed.code, listed.out) == (0, "Ana\tmanager\tana\n")


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("staff",),
        ("burn",),
        ("serve", "--port", "70000"),
        ("serve", "--port", "http"),
        ("serve", "--workers", "0"),
        ("serve", "extra"),
        ("token",),
        ("token", "--role", "king"),
        ("token", "revoke"),
        ("staff", "add"),
        ("staff", "add", "Ana"),
        ("staff", "add", "Ana", "--role", "king"),
        ("staff", "remove"),
        ("staff", "pin"),
        ("staff", "role", "Ana"),
        ("staff", "role", "Ana", "--role", "king"),
        ("simulate", "--orders", "3"),
        ("simulate", "--url", "http://127.0.0.1:1"),
        ("simulate", "--url", "http://127.0.0.1:1", "--orders", "0"),
        ("demo", "--speed", "0"),
        ("doctor", "--please"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, arguments)
    assert (said.exit_code, said.exception.__class__) == (2, SystemExit)
    assert not (tmp_path / "data").exists()


def test_wrong_usage_is_2_for_a_shell_as_well(tmp_path: Path) -> None:
    said = Folder(tmp_path).run("token", "--role", "king")
    assert (said.code, said.out) == (2, "")
    assert "--role" in said.err
    assert "Traceback" not in said.err


def test_the_version_and_help(tmp_path: Path) -> None:
    assert Folder(tmp_path).run("version").out == f"{__version__}\n"
    for command in ((), ("serve",), ("staff",), ("staff", "add"), ("token",), ("doctor",), ("simulate",), ("demo",)):
        said = CliRunner().invoke(app, [*command, "--help"])
        assert said.exit_code == 0
        assert "--shared-port" not in said.stdout


# Settings

WRONG_SETTINGS = {
    "COMANDA_LIMIT_ROOMS": "many",
    "COMANDA_LIMIT_REQUESTS_S": "-1",
    "COMANDA_BRANCH": "Centro Histórico",
    "COMANDA_LANG": "fr",
    "COMANDA_LLM": "clippy",
    "COMANDA_TIMEZONE": "Mars/Olympus",
    "COMANDA_REDIS_DEADLINE_S": "0",
    "COMANDA_REDIS_URL": "localhost:6379",
    "COMANDA_TRUSTED_PROXIES": "10.0.0.0/8,the-proxy",
    "COMANDA_ORIGINS": "tacos.example",
    "COMANDA_SECRET": "hunter2",
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["doctor"], env={"COMANDA_DATA_DIR": "data", name: WRONG_SETTINGS[name]})
    assert (said.exit_code, said.stdout) == (2, "")
    assert re.fullmatch(f"comanda: {name}: [^\n]+\n", said.stderr)
    assert not (tmp_path / "data").exists()


def test_a_secret_that_is_too_short_keeps_the_hub_from_starting_and_is_not_shown(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    said = folder.run("serve", "--port", "0", "--no-agent", "--no-notifier", COMANDA_SECRET="hunter2")
    assert said.code == 2
    assert said.line.startswith("COMANDA_SECRET: ")
    assert "hunter2" not in said.err
    assert not folder.data.exists()


def test_settings_that_cannot_be_read_at_all_are_one_line(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    said = folder.run("doctor", COMANDA_LIMITS="no JSON")
    assert said.code == 2
    assert "limits" in said.line
    (tmp_path / ".env").write_bytes(b"COMANDA_LANG=\xff")
    said = folder.run("doctor")
    assert said.code == 2
    assert said.line


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMANDA_LANG=fr\n")
    assert Folder(tmp_path).run("doctor").line.startswith("COMANDA_LANG: ")


def test_a_secret_of_nothing_is_no_secret(tmp_path: Path) -> None:
    """Set to nothing, as a compose file may do, it must not make tokens that anyone can make."""
    folder = Folder(tmp_path)
    said = folder.run("doctor", COMANDA_SECRET="")
    assert said.code == 0
    assert "generated" in said.out
    assert len((folder.data / "secret").read_text()) >= 32
    (folder.data / "secret").write_text("")
    empty = folder.run("token", "--role", "manager")
    assert (empty.code, empty.out) == (1, "")
    assert "secret" in empty.line


# Doctor


def test_the_doctor_finds_all_well(tmp_path: Path) -> None:
    said = Folder(tmp_path).run("doctor")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert len(lines) >= 6
    assert all(line.startswith("ok ") for line in lines)
    assert "ok     agent's day: 0 turns and 0 tokens today, of 20,000,000" in lines
    assert "ok     notifier: none, as no hub runs on this data folder" in lines
    (redis,) = [line for line in lines if line.startswith("ok     Redis: ")]
    assert re.search(r"private, (redis|valkey)-server \d+\.\d+\.\d+.*, in the data folder", redis)


def test_the_doctor_warns_of_a_first_pin_that_still_lies_there(folder: Folder) -> None:
    folder.data.mkdir()
    (folder.data / "manager-pin").write_text("73915826\n")
    said = folder.run("doctor")
    assert said.code == 0
    [warned] = [line for line in said.out.splitlines() if line.startswith("WARN")]
    assert "manager-pin" in warned
    assert "73915826" not in said.out


@pytest.mark.parametrize("scheme", ["redis", "unix"])
def test_without_redis_the_doctor_says_what_is_wrong_and_staff_is_one_line(tmp_path: Path, scheme: str) -> None:
    folder = Folder(tmp_path)
    url = f"redis://:s3cret@127.0.0.1:{free_port()}" if scheme == "redis" else f"unix://{tmp_path}/no.sock"
    away: dict[str, Any] = {"COMANDA_REDIS_URL": url, "COMANDA_REDIS_DEADLINE_S": "0.3"}
    said = folder.run("doctor", **away)
    assert said.code == 1
    wrong = [line for line in said.out.splitlines() if line.startswith("WRONG")]
    assert [line.split(":")[0].split()[-1] for line in wrong] == ["Redis"]
    for command in (["list"], ["add", "Ana", "--role", "kitchen"]):
        listed = folder.run("staff", *command, **away)
        assert (listed.code, listed.out) == (1, "")
        assert listed.line
        assert "s3cret" not in listed.err + said.out
    assert wrong[0] == "WRONG  Redis: Redis does not answer; check that it runs, and that COMANDA_REDIS_URL names it"


@pytest.fixture
async def plain_redis() -> Callable[..., AbstractContextManager[str]]:
    """Starts a Redis as somebody who thinks of a cache would: the URL."""
    found = await servers.available()
    if not found:
        no_real_redis("no server on this machine")

    @contextmanager
    def started(*options: str) -> Iterator[str]:
        port = free_port()
        listens = ("--port", str(port), "--bind", "127.0.0.1", "--save", "")
        with Process(found[0].path, *listens, *options, name="redis") as redis:
            redis.wait_for(lambda: listening(port), 10, "it listens")
            yield f"redis://127.0.0.1:{port}"

    return started


def test_a_redis_that_forgets_is_wrong_and_the_hub_says_so_as_it_opens(
    folder: Folder, serve: Serve, plain_redis: Callable[..., AbstractContextManager[str]]
) -> None:
    with plain_redis() as url:
        said = folder.run("doctor", COMANDA_REDIS_URL=url)
        assert said.code == 1
        assert "WRONG  durability: appendonly is no" in said.out
        banner = serve(COMANDA_REDIS_URL=url).process.output()
        assert "THIS REDIS MAY LOSE ORDERS" in banner
        assert "appendonly is no" in banner


def test_the_doctor_says_when_the_days_ceiling_is_reached(
    folder: Folder, plain_redis: Callable[..., AbstractContextManager[str]]
) -> None:
    with plain_redis() as url:
        asyncio.run(_use(url, 1_500))
        said = folder.run("doctor", COMANDA_REDIS_URL=url, COMANDA_LIMIT_TOKENS_BRANCH_DAY="1000")
    (line,) = [line for line in said.out.splitlines() if "agent's day" in line]
    used = "0 turns and 1,500 tokens today"
    assert line.startswith(f"WARN   agent's day: {used}: the offline model answers until 04:00")


async def _use(url: str, tokens: int) -> None:
    """Count tokens as the agent's answers do."""
    async with connect(url) as redis:
        log, settings = EventLog(redis, "centro"), Settings(_env_file=None)
        bounds = UsageLimits(log, settings.limits, Digests(b"a secret"), Day(settings.timezone), utc_now)
        chat = Chat(id="c", opened_by=RequestedBy(kind=Kind.ANONYMOUS), created_at=utc_now(), updated_at=utc_now())
        await log.commit(Write(quotas=bounds.spent(chat.opened_by, chat, tokens)))
        await log.aclose()


def test_a_redis_that_keeps_all_is_well_and_a_missing_agent_is_a_warning(
    folder: Folder, serve: Serve, tmp_path: Path, plain_redis: Callable[..., AbstractContextManager[str]]
) -> None:
    with plain_redis("--dir", str(tmp_path), "--appendonly", "yes", "--appendfsync", "always") as url:
        hub = serve(COMANDA_REDIS_URL=url)
        assert "MAY LOSE" not in hub.process.output()
        said = folder.run("doctor", COMANDA_REDIS_URL=url)
        assert (said.code, said.err) == (0, "")
        assert "ok     durability: every order is on disk" in said.out
        assert "WARN   agent worker: no agent worker has been seen in the last 15 s" in said.out
        asyncio.run(_ask(url))
        said = folder.run("doctor", COMANDA_REDIS_URL=url)
        assert said.code == 1
        assert "WRONG  agent worker: no agent worker has been seen in the last 15 s, and 1 questions" in said.out


def test_the_doctor_says_how_full_redis_is_and_when_it_has_no_ceiling(
    folder: Folder, plain_redis: Callable[..., AbstractContextManager[str]]
) -> None:
    with plain_redis() as url:
        said = folder.run("doctor", COMANDA_REDIS_URL=url)
        assert re.search(r"^WARN   memory: [\d.]+ MB, and no ceiling; give Redis a maxmemory", said.out, re.MULTILINE)
        said = folder.run("doctor", COMANDA_REDIS_URL=url, COMANDA_REDIS_MEMORY_MB="500")
        assert re.search(r"^ok     memory: [\d.]+ MB of 500 MB, 0 %$", said.out, re.MULTILINE)
        said = folder.run(
            "doctor", COMANDA_REDIS_URL=url, COMANDA_REDIS_MEMORY_MB="1", COMANDA_LIMIT_MEMORY_HIGH_PERCENT="1"
        )
        assert re.search(r"^(WRONG|WARN )  memory: [\d.]+ MB of 1 MB, \d+ %.* are refused", said.out, re.MULTILINE)


async def _ask(url: str) -> None:
    """A question, of which the queue knows."""
    async with connect(url) as redis:
        log = EventLog(redis, "centro")
        await log.commit(Write(queue=(TurnJob("t1", "c1").payload(),)))
        await log.aclose()


def test_a_wrong_password_is_told_and_not_shown(
    folder: Folder, plain_redis: Callable[..., AbstractContextManager[str]]
) -> None:
    with plain_redis("--requirepass", "right") as url:
        for away in (url, url.replace("redis://", "redis://:wr0ng@")):
            said = folder.run("doctor", COMANDA_REDIS_URL=away)
            assert said.code == 1
            assert (
                "WRONG  Redis: Redis refused the password; correct the user and password in COMANDA_REDIS_URL"
                in said.out
            )
            listed = folder.run("staff", "list", COMANDA_REDIS_URL=away)
            assert (listed.code, listed.out) == (1, "")
            assert listed.line
            assert "wr0ng" not in said.out + said.err + listed.err


def test_the_doctor_looks_at_the_agents_model(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    base = f"http://127.0.0.1:{free_port()}"
    said = folder.run("doctor", COMANDA_LLM="openai_like", COMANDA_LLM_BASE_URL=base, COMANDA_LLM_API_KEY="s3cret")
    assert said.code == 1
    assert any(line.startswith("WRONG  agent: ") for line in said.out.splitlines())
    assert "s3cret" not in said.out


# Simulate


def test_a_simulation_serves_its_orders(served: Served) -> None:
    said = served.folder.run("simulate", "--url", served.url, "--orders", "3", "--speed", "500")
    assert said.code == 0, said.err
    assert re.search(r"\b3\b", said.out)
    assert "Traceback" not in said.err
    token = served.folder.run("token", "--role", "manager").out.strip()
    with urlopen(
        Request(f"{served.url}/api/orders?status=delivered", headers={"Authorization": f"Bearer {token}"})
    ) as response:
        assert len(json.load(response)["data"]["orders"]) >= 3


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ftp://127.0.0.1"])
def test_a_simulation_without_a_hub_is_one_line(tmp_path: Path, url: str) -> None:
    said = Folder(tmp_path).run("simulate", "--url", url, "--orders", "1")
    assert said.code == 1
    assert said.line


def test_a_simulation_with_a_token_that_is_not_good_is_one_line(served: Served) -> None:
    said = served.folder.run("simulate", "--url", served.url, "--orders", "1", "--token", "a.b.c")
    assert said.code == 1
    assert "token" in said.line


def test_a_pipe_that_closes_is_no_disaster(served: Served) -> None:
    done = subprocess.run(
        [
            "sh",
            "-c",
            'comanda="$1"; shift; "$comanda" token --role manager | head -c 3',
            "sh",
            served.process.command[0],
        ],
        env={**environment(), **served.folder.env},
        cwd=served.folder.path,
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
