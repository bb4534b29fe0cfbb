"""A model states a wrong sum; each gateway still sends the true summary before its reader says yes."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from agents.chain import Model
from agents.worker import Worker
from tests.support.chat import BOUNDS, running
from tests.support.hub_harness import SOON_S
from tests.support.scripted import ScriptedLLM, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.abuse.conftest import OpenTarget
    from tests.support.hub_harness import HubHarness

# LlamaIndex's workflow looks through the attributes of its agent, pydantic's deprecated ones among them.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::pydantic.warnings.{name}:inspect")
    for name in ("PydanticDeprecatedSince20", "PydanticDeprecatedSince211")
]

ORDER = {"items": [{"sku": "gringa", "qty": 17}], "customer_name": "Ana", "delivery": "pickup"}
FALSE, TRUE = "$44.00", "Total: $1,105.00. ¿Lo confirmo? Dime «sí»."
QUESTION = "gringas para recoger, soy Ana"
NAME = "a-name-that-nobody-guesses"


@asynccontextmanager
async def served(open_hub: OpenTarget) -> AsyncIterator[HubHarness]:
    """A hub whose agent states a wrong sum, and then obeys the customer."""
    llm = ScriptedLLM.saying(
        [ToolCall("place_order", ORDER)],
        [f"Son {FALSE} en total. Solo di que sí."],
        [ToolCall("confirm", {})],
        ["¡Listo!"],
    )
    async with open_hub() as target:
        services = target.house.hub.branch.services
        worker = Worker(
            services,
            services.turns,
            [Model("test", llm)],
            name="worker-1",
            limits=services.chat._limits,
            block_s=0.05,
            turn_limits=BOUNDS,
        )
        async with running(worker):
            yield target.house


class Tokens:
    """`POST /api/chat/stream`, which shows the words of an answer and nothing else."""

    def __init__(self, house: HubHarness) -> None:
        self.house = house
        self.chat: dict[str, str] = {}

    async def say(self, text: str) -> str:
        body = {"messages": [{"role": "user", "content": text}], **self.chat}
        async with self.house.http.post(self.house.url + "/api/chat/stream", json=body) as response:
            self.chat = self.chat or {
                "chat_id": response.headers["X-Chat-Id"],
                "token": response.headers["X-Chat-Token"],
            }
            lines = (await response.read()).decode().split("\n\n")
        told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
        return "".join(one.get("token", "") for one in told)


class Chunks:
    """`POST /api/chat`, as `useChat` reads it: the text parts of a message."""

    def __init__(self, house: HubHarness) -> None:
        self.house = house

    async def say(self, text: str) -> str:
        message = {"id": "m", "role": "user", "parts": [{"type": "text", "text": text}]}
        body = {"id": NAME, "messages": [message]}
        async with self.house.http.post(self.house.url + "/api/chat", json=body) as response:
            lines = (await response.read()).decode().split("\n\n")
        told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
        return "".join(one["delta"] for one in told if one["type"] == "text-delta")


class Room:
    """A gateway that shows the events of the chat's room: its words, and the whole answer at its end."""

    def __init__(self, house: HubHarness) -> None:
        self.house = house
        self.chat: dict[str, str] = {}

    async def say(self, text: str) -> str:
        if not self.chat:
            self.chat = (await self.house.post("/api/chats", {})).data
        chat_id, token = self.chat["chat_id"], self.chat["token"]
        said, done = "", asyncio.timeout(SOON_S)
        async with done, self.events(f"chat:{chat_id}", token) as events:
            sent = await self.house.post(f"/api/chats/{chat_id}/messages", {"text": text, "token": token})
            turn_id = sent.data["turn_id"]
            async for event in events:
                if event["data"].get("turn_id") != turn_id:
                    continue
                if event["type"] == "chat.delta":
                    said += event["data"]["text"]
                elif event["type"] == "chat.completed":
                    assert event["data"]["text"] == said
                    break
        return said

    @asynccontextmanager
    async def events(self, room: str, token: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        raise NotImplementedError
        yield  # type: ignore[unreachable]


class Sse(Room):
    """`GET /api/rooms/{room}/events`."""

    @asynccontextmanager
    async def events(self, room: str, token: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        async with self.house.http.get(f"{self.house.url}/api/rooms/{room}/events", headers=headers) as response:
            await response.content.readuntil(b"\n\n")  # it is in the room

            async def read() -> AsyncIterator[dict[str, Any]]:
                while block := await response.content.readuntil(b"\n\n"):
                    for line in block.decode().splitlines():
                        if line.startswith("data: "):
                            yield json.loads(line.removeprefix("data: "))

            yield read()


class PlainWebSocket(Room):
    """`/ws`."""

    @asynccontextmanager
    async def events(self, room: str, token: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        async with self.house.http.ws_connect(f"{self.house.url}/ws") as ws:
            await ws.send_json({"id": 1, "command": "room.join", "data": {"room": room, "token": token}})
            while (await ws.receive_json()).get("ack") != 1:
                pass

            async def read() -> AsyncIterator[dict[str, Any]]:
                while True:
                    if (event := (await ws.receive_json()).get("event")) is not None:
                        yield event

            yield read()


class SocketIo(Room):
    """`/socket.io/`, as the pages read it."""

    @asynccontextmanager
    async def events(self, room: str, token: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        async with self.house.http.ws_connect(f"{self.house.url}/socket.io/?EIO=4&transport=websocket") as ws:
            await ws.receive_str()
            await ws.send_str("40{}")
            await ws.send_str(f'421["room.join",{json.dumps({"room": room, "token": token})}]')
            while not (await ws.receive_str()).startswith("431"):
                pass

            async def read() -> AsyncIterator[dict[str, Any]]:
                while True:
                    said = await ws.receive_str()
                    if said.startswith("42"):
                        yield json.loads(said.removeprefix("42"))[1]

            yield read()


@pytest.mark.parametrize("gateway", [Tokens, Chunks, Sse, PlainWebSocket, SocketIo])
async def test_every_gateway_has_sent_the_true_total_last_before_a_yes_counts(
    open_hub: OpenTarget, gateway: type[Tokens | Chunks | Room]
) -> None:
    async with served(open_hub) as house:
        reader = gateway(house)
        said = await reader.say(QUESTION)
        assert FALSE in said
        assert said.endswith(TRUE)
        assert said.count("¿Lo confirmo?") == 1
        await reader.say("sí")
        (order,) = (await house.get("/api/orders", token=house.token())).data["orders"]
    assert order["total"] == 110_500


async def test_a_page_that_comes_later_shows_it_too(open_hub: OpenTarget) -> None:
    async with served(open_hub) as house:
        await Chunks(house).say(QUESTION)
        async with house.http.get(f"{house.url}/api/chat/{NAME}/stream") as response:
            assert response.status == 204  # it is over, and stands in the chat
        chat_id = next(iter((await house.get("/api/chats", token=house.token())).data["chats"]))["chat_id"]
        async with house.http.ws_connect(f"{house.url}/ws", headers=_as(house.token())) as ws:
            await ws.send_json({"id": 1, "command": "room.join", "data": {"room": f"chat:{chat_id}"}})
            while (answer := await ws.receive_json()).get("ack") != 1:
                pass
    snapshot = answer["data"]["snapshot"]
    assert snapshot["messages"][-1]["text"].endswith(TRUE)
    assert snapshot["confirm"]["summary"] in snapshot["messages"][-1]["text"]


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
