"""A client of Socket.IO that comes back: what it gets, in how many trips to Redis, and who is not let back in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import socketio
from structlog.testing import capture_logs

from hub.core.errors import Internal, RateLimited, Unavailable
from hub.services.document_names import order_key
from hub.socketio.close_reason import CloseReason
from tests.gateways.conftest import Open
from tests.support.hub_harness import HubHarness

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
async def connected(house: HubHarness, **auth: str) -> AsyncIterator[Socket]:
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
        trips, calls = list[Sequence[Any]](), house.hub.branch.log.calls
        send = calls._call

        async def noted(command: Sequence[Any], *how: Any) -> Any:
            if command[1] != house.hub.branch.log._heads.sha:  # the relay's own look at where the log stands
                trips.append(command)
            return await send(command, *how)

        monkeypatch.setattr(calls, "_call", noted)
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert (back.sid, back.pid) == (socket.sid, socket.pid)
            assert [(await back.event())[0] for _ in range(2)] == ["order.preparing", "order.ready"]
        session, missed = house.hub.branch.log.keys.session(socket.pid), house.hub.branch.log._missed.sha
        assert [(command[0], command[1]) for command in trips] == [
            ("GET", session),
            ("HMGET", house.hub.branch.log.keys.document(order_key(id_))),
            ("EVALSHA", missed),
            ("EVALSHA", house.hub.branch.recovery._store._write.sha),
        ]


async def test_one_whose_order_is_gone_begins_anew(open_hub: Open) -> None:
    async with open_hub() as house:
        placed = await house.placed()
        id_, token = placed["order"]["id"], placed["tracking"]["token"]
        async with connected(house) as socket:
            assert (await socket.join(room=f"order:{id_}", token=token))["ok"]
        await house.hub.branch.log.calls.call("DEL", house.hub.branch.log.keys.document(order_key(id_)))
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert back.sid != socket.sid
            assert not house.hub.branch.relay.stats.members


async def test_staff_are_not_brought_back_to_an_order_that_is_gone(open_hub: Open) -> None:
    async with open_hub() as house:
        id_ = (await house.placed())["order"]["id"]
        token = house.token()
        async with connected(house, token=token) as socket:
            assert (await socket.join(room=f"order:{id_}"))["ok"]
        await house.hub.branch.log.calls.call("DEL", house.hub.branch.log.keys.document(order_key(id_)))
        async with connected(house, token=token, pid=socket.pid, offset=socket.offset) as back:
            assert back.sid != socket.sid
            assert not house.hub.branch.relay.stats.members


async def test_a_room_that_is_not_there_is_entered_by_nobody(open_hub: Open) -> None:
    async with open_hub() as house, connected(house, token=house.token()) as socket:
        for room in ("order:PED0", "chat:C0"):
            answer = await socket.join(room=room)
            assert answer["error"]["code"] == "not_found"
            assert answer["error"]["message"] == f"there is no room {room}"
        assert not house.hub.branch.relay.stats.members


ODD = {
    "torn": "{",
    "no object": "[1]",
    "without rooms": '{"sid":"s"}',
    "without an id": '{"rooms":{"promos":[0,0,null]}}',
    "in rooms that are no rooms": '{"sid":"s","rooms":{"nowhere":[0,0,null]}}',
    "in rooms of another shape": '{"sid":"s","rooms":["promos"]}',
    "of a version to come": '{"version":1000000,"sid":"s","rooms":{"promos":[0,0,null]}}',
}


@pytest.mark.parametrize("stored", ODD.values(), ids=ODD)
async def test_one_whose_stored_session_makes_no_sense_begins_anew(open_hub: Open, stored: str) -> None:
    async with open_hub() as house:
        async with connected(house) as socket:
            assert (await socket.join(room="promos"))["ok"]
        await house.hub.branch.log.calls.call("SET", house.hub.branch.log.keys.session(socket.pid), stored)
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert back.pid != socket.pid
            assert (await back.join(room="promos"))["ok"]
        assert house.hub.metrics.returns.labels("unreadable")._value.get() == 1


async def test_one_whose_stored_session_is_no_text_begins_anew(open_hub: Open) -> None:
    async with open_hub() as house:
        await house.hub.branch.log.calls.call("HSET", house.hub.branch.log.keys.session("p"), "field", "value")
        async with connected(house, pid="p", offset="abcd1234-7") as back:
            assert back.pid != "p"


async def test_one_whose_order_is_stored_in_another_shape_begins_anew(open_hub: Open) -> None:
    async with open_hub() as house:
        placed = await house.placed()
        id_, token = placed["order"]["id"], placed["tracking"]["token"]
        async with connected(house) as socket:
            assert (await socket.join(room=f"order:{id_}", token=token))["ok"]
        key = house.hub.branch.log.keys.document(order_key(id_))
        await house.hub.branch.log.calls.call("HSET", key, "b", '{"status":"of another version"}')
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert back.pid != socket.pid
            assert back.sid != socket.sid


async def test_one_whose_session_breaks_the_hub_begins_anew_and_the_fault_is_logged(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_hub() as house:
        async with connected(house) as socket:
            assert (await socket.join(room="promos"))["ok"]
        keep = house.hub.branch.recovery._store.keep

        async def failing(*_: Any, **__: Any) -> bool:
            monkeypatch.setattr(house.hub.branch.recovery._store, "keep", keep)
            raise KeyError("field")

        monkeypatch.setattr(house.hub.branch.recovery._store, "keep", failing)
        with capture_logs() as logs:
            async with connected(house, pid=socket.pid, offset=socket.offset) as back:
                assert (back.pid == socket.pid, back.sid == socket.sid) == (False, False)
                assert not house.hub.branch.relay.stats.members
                assert (await back.join(room="promos"))["ok"]
        assert [log["event"] for log in logs if log["log_level"] == "error"] == ["recovery.session_not_resumed"]


async def test_one_whose_time_was_up_while_it_waited_to_be_let_in_costs_redis_nothing(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_hub() as house:
        asked = list[str | None]()
        principal = house.hub.branch.services.access.principal

        async def noted(token: str | None) -> Any:
            asked.append(token)
            return await principal(token)

        monkeypatch.setattr(house.hub.branch.services.access, "principal", noted)
        entering = asyncio.Semaphore(0)
        monkeypatch.setattr(house.hub.gateways.socketio, "_connecting", entering)
        engine = house.hub.gateways.socketio.server.engine
        async with asking(house, 0.01):  # nobody answers a close while it waits
            async with asyncio.timeout(10):
                while not engine.open._answering:
                    await house.hub.branch.log.ping()
        async with asyncio.timeout(10):
            [socket] = engine.open._answering
            socket.close(CloseReason.CLIENT)
            entering.release()
            while engine.open._answering:
                await house.hub.branch.log.ping()
        assert asked == []


@pytest.mark.parametrize("auth", [{"pid": 7}, {"pid": ["p"]}, {"pid": "p" * 1000}, {"pid": "p", "offset": "x" * 1000}])
async def test_what_the_library_sends_by_itself_is_never_a_reason_to_refuse(
    open_hub: Open, auth: dict[str, Any]
) -> None:
    async with open_hub() as house, connected(house, **auth) as socket:
        assert (await socket.join(room="promos"))["ok"]


@asynccontextmanager
async def asking(
    house: HubHarness, closes_s: float = 10.0, /, **auth: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection that asks to be let in, and has not read the answer; it waits so long for that to its close."""
    url, timeout = f"{house.url}/socket.io/?EIO=4&transport=websocket", aiohttp.ClientWSTimeout(ws_close=closes_s)
    async with house.http.ws_connect(url, timeout=timeout) as ws:
        await ws.receive_str()
        await ws.send_str(f"40{json.dumps(auth)}")
        yield ws


PERMANENT = {
    "a token that is none": ({"token": "none"}, "unauthorized"),
    "a capability that is none": ({"token": "PED1.none"}, "unauthorized"),
    "another branch": ({"branch": "elsewhere"}, "not_found"),
    "an unknown field": ({"color": "red"}, "bad_request"),
}


@pytest.mark.parametrize(("auth", "code"), PERMANENT.values(), ids=PERMANENT)
async def test_a_cause_that_stays_is_told_and_not_tried_again(open_hub: Open, auth: dict[str, str], code: str) -> None:
    async with open_hub() as house, asking(house, **auth) as ws:
        told = await ws.receive_str()
        assert told.startswith("44")
        assert json.loads(told[2:])["data"]["code"] == code


async def test_a_token_that_expired_while_away_is_refused_for_good(open_hub: Open) -> None:
    async with open_hub() as house:
        token = house.token(ttl=timedelta(seconds=-1))
        async with asking(house, token=token) as ws:
            refusal = json.loads((await ws.receive_str()).removeprefix("44"))
            assert refusal["data"] == {"code": "unauthorized", "message": "the token has expired", "retryable": False}


PASSING = {
    "Redis is away": (Unavailable("Redis does not answer"), 1013),
    "too much is asked": (RateLimited("slow down", retry_after_s=1), 1013),
    "a fault of ours": (Internal("the event log failed"), 1011),
    "a fault of ours that nobody foresaw": (KeyError("field"), 1011),
}


@pytest.mark.parametrize(("error", "code"), PASSING.values(), ids=PASSING)
async def test_a_cause_that_may_pass_closes_the_connection_and_a_stock_client_comes_back(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    async with open_hub() as house:
        access = house.hub.branch.services.access
        principal = access.principal

        attempts, often = list[None](), asyncio.Event()

        async def failing(token: str | None) -> Any:
            attempts.append(None)
            if len(attempts) > 2:
                often.set()
            raise error

        monkeypatch.setattr(access, "principal", failing)
        async with asking(house) as ws:
            closed = await ws.receive()
            assert (closed.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, code)
        client = socketio.AsyncClient(reconnection_delay=0.01, handle_sigint=False, http_session=house.http)
        connected = asyncio.Event()
        client.on("connect", connected.set)
        await client.connect(house.url, transports=["websocket"], wait=False, retry=True)
        async with asyncio.timeout(10):
            await often.wait()
            monkeypatch.setattr(access, "principal", principal)
            await connected.wait()
        await client.disconnect()
