"""This hub, as `comanda serve` starts it: one process, a private Redis that syncs every commit to the disk."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from bench import customers, hub
from bench.contenders import pacing
from bench.contenders.contender import Dialogue, Pace, Server
from bench.sockets import Client
from hub.eventlog.log import DocKey, Document, EventLog, Write
from hub.services.tokens import Tokens

_BRANCH = "centro"
_DOCUMENTS_A_COMMIT = 16
_TEMPLATE = "PEDBENCH"


class Comanda:
    """Durable events with offsets, gap checks, bounded members and recovery: nothing is switched off.

    One room is `promos`, which anybody may enter; several are orders, each with a capability of its own.
    """

    name = "Comanda"

    def __init__(self) -> None:
        self._secret = secrets.token_hex(32)
        self._tokens = Tokens(self._secret.encode(), _BRANCH)
        self._single = False

    @asynccontextmanager
    async def running(self, folder: str) -> AsyncIterator[Server]:
        settings = {"COMANDA_LIMIT_CONNECTIONS": "0", "COMANDA_LIMIT_REQUESTS_S": "0", "COMANDA_SECRET": self._secret}
        async with hub.running(settings) as running:
            yield Server(
                running.port,
                running.process.pid,
                (running.redis().pid,),
                str(running.folder),
                str(running.folder / "data" / "redis" / "redis.sock"),
            )

    async def prepare(self, server: Server, rooms: int) -> None:
        """Place one order at the door, and file as many like it as are wanted straight into the log."""
        self._single = rooms == 1
        names = ["promos"] if self._single else [f"order:{_order_id(number)}" for number in range(rooms)]
        (Path(server.folder) / "rooms").write_text("\n".join(names))
        if self._single:
            return
        client = await Client.open(hub.HOST, server.port)
        placed = (await client.command("order.place", customers.orders(1)[0]))["order"]
        client.close()
        text = json.dumps(placed, ensure_ascii=False, separators=(",", ":"))
        redis = Redis(unix_socket_path=server.redis, decode_responses=True)
        log = EventLog(redis, _BRANCH, deadline_s=60)
        bodies = [(_order_id(number), text.replace(placed["id"], _order_id(number))) for number in range(rooms)]
        try:
            some = asyncio.Semaphore(16)
            await asyncio.gather(
                *(
                    _file(log, bodies[at : at + _DOCUMENTS_A_COMMIT], some)
                    for at in range(0, rooms, _DOCUMENTS_A_COMMIT)
                )
            )
        finally:
            await log.aclose()
            await redis.aclose()

    def dialogue(self, server: Server, room: str) -> Dialogue:
        asked: dict[str, str] = {"room": "promos"}
        if not self._single:
            order_id = _order_id(int(room.removeprefix("r")))
            asked = {"room": f"order:{order_id}", "token": self._tokens.for_order(order_id)}
        join = json.dumps(["room.join", asked], separators=(",", ":"))
        return Dialogue(
            path="/socket.io/?EIO=4&transport=websocket",
            steps=[("0{", "40"), ('42["hub.welcome"', f"421{join}"), ('431[{"ok":true', "")],
            event='42["order.preparing"',
            ping="2",
            pong="3",
            returns=[("0{", '40{"pid":"%PID%","offset":"%OFFSET%"}'), ("40{", ""), ('42["hub.welcome"', "")],
        )

    def publisher(self, server: Server, pace: Pace) -> Sequence[str]:
        module = "bench.contenders.publish_comanda"
        names = Path(server.folder) / "rooms"
        return [sys.executable, "-m", module, server.redis, *pacing.arguments(pace), str(names)]


async def _file(log: EventLog, some: list[tuple[str, str]], at_once: asyncio.Semaphore) -> None:
    documents = tuple(Document(DocKey("order", order_id), 1, body) for order_id, body in some)
    async with at_once:
        await log.commit(Write(documents=documents))


def _order_id(number: int) -> str:
    return f"{_TEMPLATE}{number:05d}"
