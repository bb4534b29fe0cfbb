"""A hub of an older commit and a hub of a later version on one Redis: each advances the other's orders."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import tarfile
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now
from hub.store import DocKey, EventLog, connect
from tests.integration.cluster import BRANCH, READY_S, SKU, HubClient, ready
from tests.integration.first_tolerant import FIRST_TOLERANT
from tests.support.newer_hub import FIELD
from tests.support.processes import ROOT, Process, free_port, lacking, listening, program
from tests.support.uncounted import UNCOUNTED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import aiohttp

ANSWER_S = 60.0  # the worker loads LlamaIndex first


@dataclass(frozen=True, slots=True)
class Mixed:
    """An older hub and a newer one on one Redis: their URLs, and what tests need to reach them."""

    old: str
    new: str
    redis: str
    secret: str
    old_tree: Path


def old_tree(folder: Path) -> Path:
    """The files of the first tolerant commit, in a folder of their own."""
    git = program("git")
    known = subprocess.run([git, "-C", ROOT, "cat-file", "-e", f"{FIRST_TOLERANT}^{{commit}}"], capture_output=True)
    if known.returncode:
        lacking(f"the history does not reach back to {FIRST_TOLERANT[:7]}: clone it whole")
    packed = subprocess.run([git, "-C", ROOT, "archive", FIRST_TOLERANT], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    folder = tmp_path_factory.mktemp("versions")
    tree, redis_port, secret = old_tree(folder / "old-tree"), free_port(), uuid.uuid4().hex
    settings = {
        "COMANDA_REDIS_URL": f"redis://127.0.0.1:{redis_port}",
        "COMANDA_SECRET": secret,
        "COMANDA_LIMIT_REQUESTS_S": "0",
        **UNCOUNTED,
    }
    with ExitStack() as stack:
        options = ["--port", str(redis_port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        redis = stack.enter_context(Process(program("redis-server"), *options, "--appendonly", "yes", name="redis"))
        redis.wait_for(lambda: listening(redis_port), READY_S, "it listens")
        urls = []
        for name, module, path in (("old", "hub", tree), ("new", "tests.support.newer_hub", ROOT)):
            port = free_port()
            own = {"PYTHONPATH": str(path), "COMANDA_DATA_DIR": str(folder / name)}
            argv = (sys.executable, "-P", "-m", module, "serve", "--port", str(port), "--no-agent")
            hub = stack.enter_context(Process(*argv, env=settings | own, cwd=folder, name=name))
            urls.append((hub, f"http://127.0.0.1:{port}"))
        worker = {"PYTHONPATH": str(tree), "COMANDA_DATA_DIR": str(folder / "old")}
        stack.enter_context(
            Process(sys.executable, "-P", "-m", "agents", env=settings | worker, cwd=folder, name="old worker")
        )
        for hub, url in urls:
            hub.wait_for(lambda url=url: ready(url), READY_S, "it is ready")  # type: ignore[misc]
        yield Mixed(urls[0][1], urls[1][1], settings["COMANDA_REDIS_URL"], secret, tree)


@pytest.fixture
def token(mixed: Mixed) -> str:
    who = Principal(Kind.SERVICE, id="token:Ana", name="Ana", roles=frozenset({Role.MANAGER}))
    return Tokens(mixed.secret.encode(), BRANCH).issue(who, utc_now(), timedelta(hours=1))


@pytest.fixture
def clients(mixed: Mixed, http: aiohttp.ClientSession, token: str) -> tuple[HubClient, HubClient]:
    """A manager's program at the old hub, and at the new one."""
    return HubClient(http, mixed.old, token), HubClient(http, mixed.new, token)


@pytest.fixture
async def log(mixed: Mixed) -> AsyncIterator[EventLog]:
    redis = connect(mixed.redis)
    log = EventLog(redis, BRANCH)
    yield log
    await log.aclose()
    await redis.aclose()


async def command(http: aiohttp.ClientSession, url: str, token: str, name: str, **data: Any) -> None:
    """Give one command over the plain WebSocket."""
    async with http.ws_connect(f"{url}/ws", params={"token": token}) as socket:
        await socket.send_json({"id": 1, "command": name, "data": data})
        while (said := await socket.receive_json()).get("ack") != 1:
            pass
    assert said["ok"], said


async def stored(log: EventLog, kind: str, id: str) -> dict[str, Any]:
    document = await log.document(DocKey(kind, id))
    assert document is not None
    body: dict[str, Any] = json.loads(document.body)
    return body


def new_fields(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields that the newer hub has added to an order and to its parts."""
    return [part[FIELD] for part in (order, order["customer"], order["delivery"], *order["items"])]


def test_the_older_hub_is_the_older_commit(mixed: Mixed) -> None:
    argv = [sys.executable, "-P", "-c", "import hub; print(hub.__file__)"]
    said = subprocess.run(argv, env={"PYTHONPATH": str(mixed.old_tree)}, capture_output=True, check=True, text=True)
    assert said.stdout.strip() == str(mixed.old_tree / "hub" / "__init__.py")


@pytest.mark.parametrize("ends", ["delivered", "cancelled"])
async def test_an_order_of_a_newer_hub_keeps_its_fields_while_both_move_it(
    clients: tuple[HubClient, HubClient], log: EventLog, ends: str
) -> None:
    old, new = clients
    placed = await new.place(items=[{"sku": SKU, "qty": 1}, {"sku": SKU, "qty": 2}])
    id, first = placed["order"]["id"], new_fields(placed["order"])
    assert len({json.dumps(field) for field in first}) == 5
    for client, call, body in (
        (old, "acknowledge", {}),
        (old, "advance", {"to": "preparing"}),
        (new, "items", {"item": 1, "done": True}),
        (old, "items", {"item": 2, "done": True}),
        (new, "recall", {"reason": "no"}),
        (old, "advance", {"to": "preparing"}),
        (old, "items", {"item": 1, "done": False}),
        (new, "delay", {"minutes": 5, "reason": "lluvia"}),
        (old, "delay", {"minutes": 5, "reason": "lluvia"}),
        (old, "advance", {"to": "ready"}),
        (old, "recall", {"reason": "frío"}),
        (new, "advance", {"to": "ready"}),
    ):
        answer = await client.post(f"/api/orders/{id}/{call}", body)
        assert new_fields(answer["order"]) == first, call
    if ends == "cancelled":
        await old.post(f"/api/orders/{id}/cancel", {"reason": "no"})
    else:
        await old.advance(id, "en_route")
        await new.advance(id, "delivered")
    for order in ((await old.get(f"/api/orders/{id}"))["order"], (await new.get(f"/api/orders/{id}"))["order"]):
        assert (order["status"], new_fields(order)) == (ends, first)
    assert new_fields(await stored(log, "order", id)) == first


async def test_an_order_of_an_older_hub_is_moved_by_both(clients: tuple[HubClient, HubClient], log: EventLog) -> None:
    old, new = clients
    id = (await old.place())["order"]["id"]
    await new.advance(id, "preparing")
    added = new_fields(await stored(log, "order", id))
    await old.advance(id, "ready")
    await new.post(f"/api/orders/{id}/recall", {"reason": "no"})
    await old.post(f"/api/orders/{id}/cancel", {"reason": "no"})
    order = await stored(log, "order", id)
    assert (order["status"], new_fields(order)) == ("cancelled", added)


async def test_the_board_and_the_events_of_a_newer_hub_pass_through_an_older_one(
    clients: tuple[HubClient, HubClient],
) -> None:
    old, new = clients
    placed = (await new.place())["order"]
    board = await old.get("/api/orders?open=true")
    assert new_fields(next(order for order in board["orders"] if order["id"] == placed["id"])) == new_fields(placed)
    await old.advance(placed["id"], "preparing")
    await new.advance(placed["id"], "ready")
    room = f"/api/rooms/order:{placed['id']}/events"
    seen = [await client.get(room) for client in clients]
    assert seen[0]["events"] == seen[1]["events"]
    received, preparing, ready_ = seen[0]["events"]
    assert new_fields(received["data"]["order"]) == new_fields(placed)
    assert [FIELD in event["data"] for event in (received, preparing, ready_)] == [True, False, True]


async def test_a_chat_of_a_newer_hub_keeps_its_fields_with_an_older_hub_and_worker(
    clients: tuple[HubClient, HubClient], log: EventLog, mixed: Mixed, http: aiohttp.ClientSession, token: str
) -> None:
    _, new = clients
    opened = await new.post("/api/chats", {})
    id, chat_token = opened["chat_id"], {"token": opened["token"]}
    first = (await stored(log, "chat", id))[FIELD]
    asked = await new.post(f"/api/chats/{id}/messages", {"text": "hola", **chat_token})
    turn = (await stored(log, "turn", asked["turn_id"]))[FIELD]
    async with asyncio.timeout(ANSWER_S):
        # Another process is waited for: there is nothing to wait on but the log.
        while (answered := await stored(log, "turn", asked["turn_id"]))["state"] != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (answered[FIELD], (await stored(log, "chat", id))[FIELD]) == (turn, first)
    said = await stored(log, "conversation", id)
    message = said["messages"][0][FIELD]
    await command(http, mixed.old, token, "chat.take_over", chat_id=id)
    await command(http, mixed.old, token, "chat.reply", chat_id=id, text="dime")
    await command(http, mixed.new, token, "chat.hand_back", chat_id=id)
    chat, after = await stored(log, "chat", id), await stored(log, "conversation", id)
    assert (chat["mode"], len(after["messages"])) == ("agent", 3)
    assert (chat[FIELD], after["messages"][0][FIELD], after[FIELD]) == (first, message, said[FIELD])
