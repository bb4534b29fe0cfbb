"""A rehearsal before the first question, so that modules and schemas are loaded by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.chain import Model, ModelChain, RunUsage
from agents.conversation_memory import remembering
from agents.offline.model import OfflineLLM
from agents.tools import TOOLS
from agents.turn import TaqueriaAgent
from hub.config import TurnLimits

if TYPE_CHECKING:
    from hub.domain.menu import Menu


class _Nobody:
    """Hears the answer."""

    def on_new_part(self) -> None:
        pass

    def on_text(self, text: str) -> None:
        pass


async def rehearse(menu: Menu) -> None:
    """Run LlamaIndex's agent once, without tools and without a word to anybody; and make the tools' schemas."""
    for tool in TOOLS:
        tool.arguments.model_json_schema()
    model = Model("offline", OfflineLLM.serving(menu, pace_s=0))
    agent = TaqueriaAgent(
        name="rehearsal",
        description="Says hello.",
        llm=ModelChain.of([model], TurnLimits(), RunUsage(), _Nobody()),
        tools=[],
    )
    await agent.run(user_msg="hola", memory=remembering("rehearsal", []))
