"""What people send: nothing, too much, twenty times, signs, markup, other tongues; a turn ends well all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from hub.core.errors import RateLimited, TooLarge
from hub.domain.commands import SendChat
from tests.support.chat import ENDINGS, ending_of, running, text_of

if TYPE_CHECKING:
    from tests.support.chat import Branch


@pytest.mark.parametrize("text", ["", "   ", "\n\t ", "hola\x00", "\x1b[31mrojo", "a\x7fb"])
def test_what_is_no_text_is_no_message(text: str) -> None:
    with pytest.raises(ValidationError):
        SendChat(chat_id="c1", text=text)


async def test_a_message_past_the_limit_starts_no_turn(branch: Branch) -> None:
    chat = await branch.open()
    await branch.send(chat, "x" * 2_000)
    with pytest.raises(TooLarge):
        await branch.send(chat, "x" * 2_001)
    assert [event["type"] for event in await branch.events(chat)] == ["chat.message"]


@pytest.mark.parametrize(
    "text",
    [
        "🌮🌮🌮",
        "👨‍👩‍👧‍👦",
        "?",
        "<script>alert(1)</script>",
        "# **hola** [aquí](javascript:alert(1))",
        "Où est ma commande ?",
        "我想要两个玉米饼",
        "\u202eالطلب",
        "x" * 2_000,
        "hola " * 400,
    ],
    ids=["emoji", "family", "mark", "html", "markdown", "french", "chinese", "right-to-left", "one-word", "many-words"],
)
async def test_whatever_is_written_is_answered_plainly(branch: Branch, text: str) -> None:
    chat = await branch.open()
    async with running(branch.worker()):
        events = await branch.ask(chat, text)
    ending = ending_of(events)
    assert ending["type"] == "chat.completed"
    assert ending["data"]["text"] == text_of(events)
    assert "<script" not in ending["data"]["text"]
    assert "javascript:" not in ending["data"]["text"]
    assert await branch.orders() == []


@pytest.mark.parametrize("text", ["Où est ma commande ?", "我想要两个玉米饼", "привет, где мой заказ"])
async def test_another_language_is_answered_politely_in_ours(branch: Branch, text: str) -> None:
    chat = await branch.open()
    async with running(branch.worker()):
        assert text_of(await branch.ask(chat, text)).startswith("Perdona, no te entendí")


async def test_of_twenty_messages_at_once_as_many_are_answered_as_fit_each_once(branch: Branch) -> None:
    chat = await branch.open()
    sent = await asyncio.gather(*(branch.send(chat, f"hola {n}") for n in range(20)), return_exceptions=True)
    turns = [turn_id for turn_id in sent if isinstance(turn_id, str)]
    assert len(turns) == 4  # one runs, three wait
    assert all(isinstance(refused, RateLimited) for refused in sent if refused not in turns)
    async with running(branch.worker(), branch.worker(name="worker-2")):
        for turn_id in turns:
            await branch.until(
                chat,
                lambda e, turn_id=turn_id: e["type"] in ENDINGS and e["data"]["turn_id"] == turn_id,  # type: ignore[misc]
            )
    ended = [event["data"]["turn_id"] for event in await branch.events(chat) if event["type"] in ENDINGS]
    assert sorted(ended) == sorted(turns)
    order = [event["data"]["turn_id"] for event in await branch.events(chat) if event["type"] == "chat.started"]
    assert order == ended
