"""This hub, as `comanda serve` starts it: one process, a private Redis that syncs every commit to the disk."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from bench import customers, hub
from bench.contenders import pacing
from bench.contenders.contender import Dialogue, Pace, Server
from bench.sockets import Client
from hub.services.auth.tokens import Tokens
from hub.store.log import DocKey, Document, EventLog, Write

_BRANCH = "centro"
_DOCUMENTS_A_COMMIT = 16
# All come from one address.
_UNLIMITED = {f"COMANDA_LIMIT_{name}": "0" for name in ("CONNECTIONS", "REQUESTS_S", "READS_S", "READ_BYTES_S")}
_TEMPLATE = "PEDBENCH"


class Comanda:
    """Durable events with offsets, gap checks, bounded members and recovery: nothing is switched off.

    One room is `promos`, which anybody may enter; several are orders, each with a capability of its own.
    """

    name = "Comanda"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {**_UNLIMITED, **(settings or {})}
        self._secret = secrets.token_hex(32)
        self._tokens = Tokens(self._secret.encode(), _BRANCH)
        self._single = False

    @asynccontextmanager
    async def running(self, folder: str) -> AsyncIterator[Server]:
        async with hub.running(self._settings | {"COMANDA_SECRET": self._secret}) as running:
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
        return self.in_rooms([int(room.removeprefix("r"))])

    def in_rooms(self, numbers: Sequence[int]) -> Dialogue:
        """A client that enters several rooms, or none, one after the other."""
        steps = [("0{", "40")]
        awaits = '42["hub.welcome"'
        for ack, number in enumerate(numbers, start=1):
            steps.append((awaits, f"42{ack}{self._join(number)}"))
            awaits = f'43{ack}[{{"ok":true'
        return Dialogue(
            path="/socket.io/?EIO=4&transport=websocket",
            steps=[*steps, (awaits, "")],
            event='42["order.preparing"',
            ping="2",
            pong="3",
            returns=[("0{", '40{"pid":"%PID%","offset":"%OFFSET%"}'), ("40{", ""), ('42["hub.welcome"', "")],
        )

    def _join(self, number: int) -> str:
        asked = {"room": self._room(number)}
        if not self._single:
            asked["token"] = self._tokens.for_order(_order_id(number))
        return json.dumps(["room.join", asked], separators=(",", ":"))

    def publisher(self, server: Server, pace: Pace) -> Sequence[str]:
        return self.publisher_to(server, pace, range(pace.rooms))

    def publisher_to(self, server: Server, pace: Pace, numbers: Iterable[int], branch: str = _BRANCH) -> Sequence[str]:
        """The same for these rooms, of this branch."""
        module = "bench.contenders.publish_comanda"
        names = Path(server.folder) / f"rooms-{branch}"
        names.write_text("\n".join(map(self._room, numbers)))
        return [sys.executable, "-m", module, server.redis, *pacing.arguments(pace), str(names), "--branch", branch]

    def _room(self, number: int) -> str:
        return "promos" if self._single else f"order:{_order_id(number)}"


async def _file(log: EventLog, some: list[tuple[str, str]], at_once: asyncio.Semaphore) -> None:
    documents = tuple(Document(DocKey("order", order_id), 1, body) for order_id, body in some)
    async with at_once:
        await log.commit(Write(documents=documents))


def _order_id(number: int) -> str:
    return f"{_TEMPLATE}{number:05d}"
