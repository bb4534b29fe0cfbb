"""A question that nobody asked, answered before the first customer's: what is loaded and made on the way stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.bounds import Bounds
from agents.chain import Model, ModelChain, Tally
from agents.memory import remembering
from agents.offline.model import OfflineLLM
from agents.tools import TOOLS
from agents.turn import TaqueriaAgent

if TYPE_CHECKING:
    from hub.domain.menu import Menu


class _Nobody:
    """Hears the answer."""

    def part(self) -> None:
        pass

    def hear(self, text: str) -> None:
        pass


async def rehearse(menu: Menu) -> None:
    """Run LlamaIndex's agent once, without tools and without a word to anybody; and make the tools' schemas."""
    for tool in TOOLS:
        tool.arguments.model_json_schema()
    model = Model("offline", OfflineLLM.serving(menu, pace_s=0))
    agent = TaqueriaAgent(
        name="rehearsal",
        description="Says hello.",
        llm=ModelChain.of([model], Bounds(), Tally(), _Nobody()),
        tools=[],
    )
    await agent.run(user_msg="hola", memory=remembering("rehearsal", []))
