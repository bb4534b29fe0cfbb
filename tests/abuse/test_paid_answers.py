"""A caller who has the agent answer as often as possible, at the taquería's expense."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.abuse.target import STRANGER, from_address

if TYPE_CHECKING:
    from tests.abuse.conftest import OpenTarget
    from tests.abuse.target import Target

NEIGHBOUR = "203.0.113.99"
QUESTION = {"messages": [{"role": "user", "content": "¿qué hay?"}]}
ASKED_AT_ONCE = 50


async def asked(hub: Target, address: str, path: str = "/api/chat/stream", body: Any = QUESTION) -> tuple[int, str]:
    """Ask, and leave when the answer begins; return its status, and the error if it is refused."""
    headers = from_address(address)
    async with hub.house.http.post(hub.url + path, json=body, headers=headers) as response:
        if response.status < 400:
            return response.status, ""
        return response.status, (await response.json())["error"]["code"]


async def test_fifty_chats_at_once_from_one_address_are_bounded_and_its_neighbour_is_answered_meanwhile(
    open_hub: OpenTarget,
) -> None:
    async with open_hub(turns_minute=20, turns_open=0) as hub:
        attack = [asyncio.create_task(asked(hub, STRANGER)) for _ in range(ASKED_AT_ONCE)]
        neighbour = await asked(hub, NEIGHBOUR)
        seen = Counter(await asyncio.gather(*attack))
        today = await hub.house.hub.branch.services.chat.today()
    assert neighbour == (200, "")
    assert seen == {(200, ""): 20, (429, "rate_limited"): ASKED_AT_ONCE - 20}
    assert today.turns == 21


async def test_a_burst_from_ten_addresses_leaves_room_for_everybody_else(open_hub: OpenTarget) -> None:
    async with open_hub() as hub:
        attack = [asked(hub, f"198.51.100.{1 + number % 10}") for number in range(120)]
        seen = Counter(await asyncio.gather(*attack))
        newcomers = [await asked(hub, f"203.0.113.{number}") for number in range(1, 4)]
        under_way = await hub.house.hub.branch.services.log.holders("turn:", 1_000)
    assert seen == {(200, ""): 50, (429, "rate_limited"): 70}
    assert newcomers == [(200, "")] * 3
    assert len(under_way) == 53  # fewer than one worker answers side by side


async def test_a_day_of_asking_ends_for_the_address_alone_whatever_gateway_and_chat(open_hub: OpenTarget) -> None:
    async with open_hub(turns_minute=0, turns_day=5, requests_s=0) as hub:
        for _ in range(5):
            assert (await asked(hub, STRANGER))[0] == 200
        page = {"id": "a-page-with-a-name-of-its-own", "messages": [_part("hola")]}
        for path, body in (("/api/chat/stream", QUESTION), ("/api/chat", page)):
            assert await asked(hub, STRANGER, path, body) == (429, "limit_reached")
        opened = (await hub.post("/api/chats", {})).data
        sent = await hub.post(f"/api/chats/{opened['chat_id']}/messages", {"text": "¿y?", "token": opened["token"]})
        assert (sent.status, sent.code) == (429, "limit_reached")
        assert (await asked(hub, NEIGHBOUR))[0] == 200


async def test_a_household_of_addresses_is_one_address(open_hub: OpenTarget) -> None:
    async with open_hub(turns_day=3, requests_s=0) as hub:
        seen = [(await asked(hub, f"2001:db8:1:2::{number:x}"))[0] for number in range(1, 9)]
        assert seen == [200] * 3 + [429] * 5
        assert (await asked(hub, "2001:db8:1:3::1"))[0] == 200


async def test_chats_that_nobody_asks_in_do_not_pile_up(open_hub: OpenTarget) -> None:
    async with open_hub(chats_hour=10, requests_s=0) as hub:
        seen = Counter([(await hub.post("/api/chats", {})).status for _ in range(40)])
        assert seen == {201: 10, 429: 30}
        redis, kept = hub.house.hub.redis, hub.house.hub.branch.log.keys.documents("chat")
        assert len([key async for key in redis.scan_iter(match=f"{kept}*")]) == 10


def _part(text: str) -> dict[str, Any]:
    return {"id": "m", "role": "user", "parts": [{"type": "text", "text": text}]}
