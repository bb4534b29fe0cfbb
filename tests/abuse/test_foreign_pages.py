"""Pages of other sites that make a visitor's browser write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hub_harness import an_order

if TYPE_CHECKING:
    from tests.abuse.conftest import OpenTarget
    from tests.abuse.target import Target

EVIL = {"Origin": "https://evil.example"}
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/api/login", {"name": "Carmen", "pin": "000000"}),
    ("POST", "/api/orders", an_order()),
    ("POST", "/api/chats", {}),
    ("POST", "/api/chat", {"id": "x" * 24, "messages": []}),
    ("DELETE", "/api/chat/some-chat-of-sixteen-letters/stream", None),
    ("PUT", "/api/menu", {}),
    ("PATCH", "/api/nothing", {}),
    ("POST", "/metrics", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=str)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://127.0.0.1.evil.example", "not an origin"])
async def test_a_foreign_page_writes_nothing(hub: Target, method: str, path: str, body: Any, origin: str) -> None:
    position = await hub.house.position()
    answer = await hub.ask(method, path, body=body, headers={"Origin": origin, "Content-Type": "text/plain"})
    assert (answer.status, answer.code) == (403, "forbidden")
    assert await hub.house.position() == position


async def test_a_foreign_page_does_not_spend_what_its_visitor_may_ask(open_hub: OpenTarget) -> None:
    async with open_hub(requests_s=0.001, requests_burst=3) as hub:
        for _ in range(20):
            assert (await hub.post("/api/login", {"name": "Carmen", "pin": "000000"}, headers=EVIL)).status == 403
        assert (await hub.get("/api/menu")).status == 200


async def test_the_hubs_own_page_and_a_program_may_write(hub: Target) -> None:
    host = hub.url.removeprefix("http://")
    for origin in ({"Origin": f"http://{host}"}, {"Origin": f"https://{host}"}, {}):
        assert (await hub.post("/api/orders", an_order(), headers=origin)).status == 201
    public = {"Host": "tacos.example", "Origin": "https://tacos.example"}  # as a proxy passes them on
    assert (await hub.post("/api/orders", an_order(), headers=public)).status == 201


async def test_a_listed_page_may_write_and_then_it_alone(open_hub: OpenTarget) -> None:
    async with open_hub(origins=("https://tacos.example",)) as hub:
        listed = await hub.post("/api/orders", an_order(), headers={"Origin": "https://tacos.example"})
        assert listed.status == 201
        own = await hub.post("/api/orders", an_order(), headers={"Origin": hub.url})
        assert (own.status, own.code) == (403, "forbidden")


async def test_a_foreign_page_may_read_what_everybody_may(hub: Target) -> None:
    assert (await hub.get("/api/menu", headers=EVIL)).status == 200
