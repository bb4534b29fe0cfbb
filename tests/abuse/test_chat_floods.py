"""Somebody writes in chats as much as they can: whoever answers them, Redis keeps a bounded part of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hub.domain.commands import TakeOverChat
from hub.domain.roles import Kind, Principal, Role

if TYPE_CHECKING:
    from tests.abuse.conftest import OpenTarget

SUPPORT = Principal(Kind.STAFF, "s2", "Sole", frozenset({Role.SUPPORT}))
LONG = "🌮" * 2_000  # 8,000 bytes, in as many characters as a message may have


async def test_a_flood_of_messages_to_a_person_ends_at_the_days_bytes_of_the_address(open_hub: OpenTarget) -> None:
    async with open_hub(messages_bytes_day=40_000, messages_minute=0, requests_s=0) as hub:
        seen: Counter[tuple[int, str]] = Counter()
        for _ in range(4):
            opened = (await hub.post("/api/chats", {})).data
            await hub.house.hub.branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=opened["chat_id"]))
            for _ in range(5):
                path = f"/api/chats/{opened['chat_id']}/messages"
                sent = await hub.post(path, {"text": LONG, "token": opened["token"]})
                seen[sent.status, "" if sent.status < 400 else sent.code] += 1
    assert seen == {(202, ""): 4, (429, "limit_reached"): 16}
