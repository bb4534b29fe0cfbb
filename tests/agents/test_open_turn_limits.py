"""However a worker ends a turn, the place that it held for its address is free again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agents.offline.model import OfflineLLM
from hub.domain.roles import Principal
from tests.support.chat import Branch, ending_of, running
from tests.support.obedient import ObedientLLM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.base.llms.types import ChatMessage

    from tests.support.redis import Backend

HOME = Principal(address="203.0.113.7")


class BrokenLLM(OfflineLLM):
    """Fails before its first word."""

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        raise ValueError("no model")


@pytest.mark.parametrize(
    ("llm", "ending"),
    [
        (ObedientLLM.told([]), "chat.completed"),
        (BrokenLLM(pace_s=0), "chat.failed"),
        (ObedientLLM.told([("ask_person", {"reason": "sí"})]), "chat.completed"),
    ],
    ids=["completed", "failed", "handed over"],
)
async def test_a_turn_that_a_worker_ends_gives_its_place_back(
    fake_backend: Backend, llm: OfflineLLM, ending: str
) -> None:
    branch = Branch(fake_backend.client())
    try:
        chat = await branch.open(HOME)
        async with running(branch.worker(llm)):
            events = await branch.ask(chat, "hola", HOME)
        assert ending_of(events)["type"] == ending
        assert await branch.redis.hgetall(branch.log.keys.holds) == {}
    finally:
        await branch.log.aclose()
