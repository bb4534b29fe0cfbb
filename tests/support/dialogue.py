"""A conversation with the offline model in which the tools answer as they would, without a hub."""

from __future__ import annotations

import json
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock

from agents.language import detect
from agents.offline.model import OfflineLLM
from agents.tools import TOOLS
from agents.tools.bound_tool import MAX_CALLS
from agents.tools.order_tools import PlaceOrderTool
from agents.tools.own import spoken
from agents.tools.proposals import closing
from agents.tools.results import OrderedLine
from hub.domain.texts import Lang
from tests.support.chat import MENU

LLM = OfflineLLM.serving(MENU, pace_s=0)
EVERYBODYS = (*(tool.name for tool in TOOLS if tool.needs is None), "confirm")
STAFFS = (*EVERYBODYS, *(tool.name for tool in TOOLS if tool.needs is not None))
CODE, LINK = "K3Q9", "/t/PED7K3Q9X.token"

Called = tuple[str, dict[str, Any]]


class Dialogue:
    """What one person and the offline model say to each other."""

    def __init__(self, *, staff: bool = False) -> None:
        self.tools = STAFFS if staff else EVERYBODYS
        self.messages: list[ChatMessage] = []
        self.lang: Lang = "es"
        self.proposed: Called | None = None
        self.called: list[Called] = []  # for the last message

    def say(self, text: str) -> tuple[Called | None, str]:
        """One message: the first tool that it leads to, if it does, and what is answered."""
        self.lang = detect(text, self.lang)
        question = ChatMessage(role=MessageRole.USER, content=text)
        self.called, turn = [], [*self.messages, question]
        while True:
            message = LLM.respond(turn, self.tools)
            calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
            if not calls:
                break
            assert len(calls) == 1
            assert len(self.called) < MAX_CALLS
            assert isinstance(calls[0].tool_kwargs, dict)
            self.called.append((calls[0].tool_name, calls[0].tool_kwargs))
            result = ChatMessage(
                role=MessageRole.TOOL,
                content=json.dumps(self.result(*self.called[-1])),
                additional_kwargs={"tool_call_id": calls[0].tool_call_id},
            )
            turn += [message, result]
        called, answer = next(iter(self.called), None), message.content or ""
        self.messages += [question, ChatMessage(role=MessageRole.ASSISTANT, content=answer)]
        return called, answer

    def result(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match tool:
            case "place_order":
                return self._proposed_order(arguments)
            case "confirm" if self.proposed:
                return self._done(*self.proposed)
            case "show_menu":
                return {"restaurant": "X", "items": [_dish("gringa"), _dish("flan")]} | arguments
            case "track_order" | "order_history" | "start_tracking" | "watch_order" | "show_notifications":
                return {"error": "no_orders"}
            case "change_order" | "cancel_order" | "set_notifications" | "send_notice":
                self.proposed = tool, arguments
                return {"proposed": tool, "person_reads": self._asking("Voy a …", "I am about to …")}
            case "check_allergens" if "allergen" in arguments:
                return {"allergen": arguments["allergen"], "with": ["Gringa"], "without": [], "not_stated": []}
            case _:
                return {"error": "unavailable"}

    def _proposed_order(self, arguments: dict[str, Any]) -> dict[str, Any]:
        items = [_line(item) for item in arguments["items"]]
        missing = [name for name in ("customer_name", "delivery") if name not in arguments]
        if arguments.get("delivery") == "delivery" and "address" not in arguments:
            missing.append("address")
        if missing:
            return {"missing": missing, "items": items}
        self.proposed = "place_order", arguments
        lines = [OrderedLine.model_validate(item) for item in items]
        asks = self._asking(*(text.format(summary=f"{spoken(lines)}. Total: $1.00") for text in PlaceOrderTool.asks))
        return {**arguments, "items": items, "total": "$1.00", "person_reads": asks}

    def _asking(self, es: str, en: str) -> str:
        return closing(es if self.lang == "es" else en, self.lang)

    def _done(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        items = [_line(item) for item in arguments.get("items", [])]
        return {
            "confirmed": tool,
            "code": CODE,
            "items": items,
            "total": "$1.00",
            "delivery": arguments.get("delivery", "pickup"),
            "customer_name": arguments.get("customer_name", "Ana"),
            "eta_minutes": [5, 9],
            "tracking_url": LINK,
            "types": [],
            "channels": [],
            "message": "…",
        }


def _line(item: dict[str, Any]) -> dict[str, Any]:
    return {"name": MENU.by_sku[item["sku"]].name, "qty": item["qty"], "notes": item.get("notes", "")}


def _dish(sku: str) -> dict[str, Any]:
    return {"sku": sku, "name": sku, "category": "X", "price": "$1.00", "available": True}
