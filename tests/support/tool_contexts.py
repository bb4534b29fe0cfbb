"""The tools of one turn, called by hand; and a yes said in a turn of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agents.journal import Journal
from agents.tools import ToolContext, tools_for
from hub.domain.chat import TurnState
from hub.domain.events import ChatCompleted, Usage
from hub.domain.roles import ANONYMOUS, Principal
from hub.services.chats.chat_documents import read_turn

if TYPE_CHECKING:
    from agents.tools import BoundTool
    from tests.support.chat import Branch

GRINGAS = {"items": [{"sku": "gringa", "qty": 2}], "customer_name": "Ana", "delivery": "pickup"}


class Bench:
    """The tools of one turn that has begun."""

    def __init__(self, branch: Branch, journal: Journal, principal: Principal, chat: tuple[str, str]) -> None:
        self.branch = branch
        self.chat = chat
        self.context = ToolContext(principal, branch.services, journal, "es")
        self.tools: dict[str, BoundTool] = {tool.name: tool for tool in tools_for(self.context)}

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        output = await self.tools[name].acall(**arguments)
        result: dict[str, Any] = json.loads(output.content)
        assert output.is_error == ("error" in result)
        return result

    async def end(self) -> None:
        """The answer is over, and ended with the summary; the chat's next question may be answered."""
        usage = Usage(ttft_ms=0, duration_ms=0, deltas=0, llm_calls=0, tool_calls=0)
        event = ChatCompleted(turn_id=self.context.turn_id, text=self.context.closing, usage=usage)
        await self.context.journal.end(TurnState.COMPLETED, event)


async def begun(
    branch: Branch,
    principal: Principal = ANONYMOUS,
    chat: tuple[str, str] | None = None,
    text: str = "hola",
) -> Bench:
    """A turn that a worker has just begun."""
    chat = chat or await branch.open(principal)
    turn_id = await branch.send(chat, text, principal)
    return await again(branch, turn_id, chat)


async def again(branch: Branch, turn_id: str, chat: tuple[str, str], worker: str = "w") -> Bench:
    """One more attempt at a turn, by a worker."""
    loaded = await read_turn(branch.log, turn_id)
    assert loaded is not None
    journal = Journal(branch.log, loaded, worker=worker, clock=branch.services.clock, limits=branch.settings.limits)
    await journal.begin("m")
    return Bench(branch, journal, loaded.turn.principal(loaded.chat), chat)


async def answered(bench: Bench, text: str, principal: Principal = ANONYMOUS) -> Bench:
    """The turn ends; the asker says this; the next one begins."""
    await bench.end()
    return await begun(bench.branch, principal, bench.chat, text)


async def done(bench: Bench, name: str, principal: Principal = ANONYMOUS, **arguments: Any) -> dict[str, Any]:
    """Propose something, say yes, and have it done."""
    proposed = await bench.call(name, **arguments)
    assert proposed["done"] is False, proposed
    return await (await answered(bench, "sí", principal)).call("confirm")


async def ordered(branch: Branch, **changes: Any) -> tuple[Bench, dict[str, Any]]:
    """An order placed by chat, and the bench of its chat's next turn."""
    bench = await begun(branch)
    await bench.call("place_order", **(GRINGAS | changes))
    bench = await answered(bench, "sí")
    placed = await bench.call("confirm")
    return await answered(bench, "gracias"), placed
