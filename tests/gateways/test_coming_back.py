"""A client of Socket.IO that comes back: what it gets, in how many trips to Redis, and who is not let back in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from hub.eventlog.calls import Script
from hub.services.documents import order_key
from tests.gateways.conftest import Open
from tests.gateways.house import House

EVENT = "42"


class Socket:
    """A stock client's connection, by the letter of the protocol."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self.sid = self.pid = self.offset = ""

    async def enter(self, **auth: str) -> None:
        """Be let in, and read the welcome."""
        await self._ws.receive_str()  # the handshake
        await self._ws.send_str(f"40{json.dumps(auth)}")
        let_in = json.loads((await self._ws.receive_str()).removeprefix("40"))
        self.sid, self.pid = let_in["sid"], let_in["pid"]
        name, _, self.offset = await self.event()
        assert name == "hub.welcome"

    async def join(self, **command: str) -> dict[str, Any]:
        await self._ws.send_str(f'{EVENT}1["room.join",{json.dumps(command)}]')
        (answer,) = json.loads((await self._ws.receive_str()).removeprefix("431"))
        return dict(answer)

    async def event(self) -> list[Any]:
        """The next event, as `[name, event, cursor]`."""
        text = await self._ws.receive_str()
        assert text.startswith(EVENT)
        return list(json.loads(text.removeprefix(EVENT)))


@asynccontextmanager
async def connected(house: House, **auth: str) -> AsyncIterator[Socket]:
    async with house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as ws:
        socket = Socket(ws)
        await socket.enter(**auth)
        yield socket


async def test_a_return_is_four_trips_to_redis(open_hub: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_hub() as house:
        placed = await house.placed()
        id_, token = placed["order"]["id"], placed["tracking"]["token"]
        async with connected(house) as socket:
            assert (await socket.join(room=f"order:{id_}", token=token))["ok"]
        await house.advance(id_, "preparing", "ready")
        trips, calls = list[Sequence[Any]](), house.hub.log.calls
        send = calls._call

        async def noted(command: Sequence[Any], again: bool, script: Script | None) -> Any:
            if command[1] != house.hub.log._heads.sha:  # the relay's own look at where the log stands
                trips.append(command)
            return await send(command, again, script)

        monkeypatch.setattr(calls, "_call", noted)
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert (back.sid, back.pid) == (socket.sid, socket.pid)
            assert [(await back.event())[0] for _ in range(2)] == ["order.preparing", "order.ready"]
        session, missed = house.hub.log.keys.session(socket.pid), house.hub.log._missed.sha
        assert [(command[0], command[1]) for command in trips] == [
            ("GET", session),
            ("HMGET", house.hub.log.keys.document(order_key(id_))),
            ("EVALSHA", missed),
            ("SET", session),
        ]


async def test_one_whose_order_is_gone_begins_anew(open_hub: Open) -> None:
    async with open_hub() as house:
        placed = await house.placed()
        id_, token = placed["order"]["id"], placed["tracking"]["token"]
        async with connected(house) as socket:
            assert (await socket.join(room=f"order:{id_}", token=token))["ok"]
        await house.hub.log.calls.call("DEL", house.hub.log.keys.document(order_key(id_)))
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert back.sid != socket.sid
            assert not house.hub.relay.stats.members


async def test_staff_are_not_brought_back_to_an_order_that_is_gone(open_hub: Open) -> None:
    async with open_hub() as house:
        id_ = (await house.placed())["order"]["id"]
        token = house.token()
        async with connected(house, token=token) as socket:
            assert (await socket.join(room=f"order:{id_}"))["ok"]
        await house.hub.log.calls.call("DEL", house.hub.log.keys.document(order_key(id_)))
        async with connected(house, token=token, pid=socket.pid, offset=socket.offset) as back:
            assert back.sid != socket.sid
            assert not house.hub.relay.stats.members


async def test_a_room_that_is_not_there_is_entered_by_nobody(open_hub: Open) -> None:
    async with open_hub() as house, connected(house, token=house.token()) as socket:
        for room in ("order:PED0", "chat:C0"):
            answer = await socket.join(room=room)
            assert answer["error"]["code"] == "not_found"
            assert answer["error"]["message"] == f"there is no room {room}"
        assert not house.hub.relay.stats.members
