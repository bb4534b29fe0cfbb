"""A model that does whatever it is told, by whomever; and a branch in which that could do harm."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock, ToolCallBlock
from pydantic import Field, PrivateAttr

from agents.offline.model import OfflineLLM
from hub.domain.commands import OpenChat, PlaceOrder
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.services.build import build_services
from tests.support.chat import MENU

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.support.chat import Branch

# What only its owner may read.
CANARIES = ("Eva Canaria", "Calle Secreta", "9999 0000", "nota secreta", "canario azul")
PEOPLE = {
    "customer": ANONYMOUS,
    "manager": Principal(Kind.STAFF, "staff-1", "Carmen", frozenset({Role.MANAGER})),
    "kitchen": Principal(Kind.STAFF, "staff-8", "Chuy", frozenset({Role.KITCHEN})),
    "courier": Principal(Kind.STAFF, "staff-7", "Beto", frozenset({Role.COURIER})),
}

_OF_TURNS = ("meta", "turns", "counts:turns")
_ABOUT_TURNS = ("doc:turn:", "turn:", "command:", "quota:turns_", "quota:tokens_")


class ObedientLLM(OfflineLLM):
    """Calls the tools it is told to, one after the other, and then repeats all that it has seen."""

    seen: list[str] = Field(default_factory=list)
    results: list[str] = Field(default_factory=list)
    _orders: list[tuple[str, Any]] = PrivateAttr()
    _ids: Any = PrivateAttr(default_factory=itertools.count)

    @classmethod
    def told(cls, orders: Sequence[tuple[str, Any]]) -> ObedientLLM:
        llm = cls(pace_s=0)
        llm._orders = list(orders)
        return llm

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        self.seen += [message.content or "" for message in messages]
        self.results += [message.content or "" for message in messages if message.role is MessageRole.TOOL]
        return self._obey()

    async def _obey(self) -> AsyncIterator[ChatResponse]:
        blocks: list[Any] = [TextBlock(text="")]
        if self._orders:
            tool, arguments = self._orders.pop(0)
            call_id = f"call-{next(self._ids)}"
            blocks.append(ToolCallBlock(tool_call_id=call_id, tool_name=tool, tool_kwargs=arguments))
            yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks), delta="")
            return
        leak = "Claro: " + " ".join(dict.fromkeys(self.results))[:8_000]
        yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=leak), delta=leak)


class Scene:
    """Eva has ordered and chatted; somebody else has an order and a chat too, and the model obeys."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.facts: dict[str, str] = {}
        self.chat = ("", "")

    async def set(self, asker: Principal, *, note: str = "", name: str = "Ana", menu: str = "") -> None:
        """Everybody has come in. `note` and `name` are the attacker's words on their own order, `menu` those on it."""
        await self.branch.services.stock.open_branch()
        theirs = await self._order("Eva Canaria", "nota secreta", "+52 55 9999 0000", "Calle Secreta 9")
        their_chat = await self._opened(ANONYMOUS, theirs["tracking"]["token"])
        turn_id = await self.branch.send(their_chat, "mi clave es canario azul")
        await self.branch.stop(their_chat, turn_id)  # this model is nobody's but the attacker's
        self.facts = {
            "theirs": theirs["order"]["code"],
            "their_id": theirs["order"]["id"],
            "their_token": theirs["tracking"]["token"],
            "their_chat": their_chat[0],
        }
        if menu:
            self._poison(self.filled(menu))
        mine = await self._order(name, self.filled(note), None, None)
        self.chat = await self._opened(asker, mine["tracking"]["token"])
        self.facts |= {"mine": mine["order"]["code"], "my_id": mine["order"]["id"]}

    def _poison(self, text: str) -> None:
        """From here on, a dish is described with these words."""
        branch = self.branch
        items = tuple(
            item.model_copy(update={"description": text}) if item.sku == "gringa" else item for item in MENU.items
        )
        menu = MENU.model_copy(update={"items": items})
        branch.services = build_services(branch.log, branch.settings, b"a secret for tests", menu)

    def filled(self, value: Any) -> Any:
        """A text, or arguments, with the facts of the scene put in."""
        match value:
            case str():
                for name, fact in self.facts.items():
                    value = value.replace(f"<{name}>", fact)
                return value
            case dict():
                return {key: self.filled(one) for key, one in value.items()}
            case list():
                return [self.filled(one) for one in value]
            case _:
                return value

    async def everything(self) -> dict[str, Any]:
        """All that the branch keeps, but for this chat's own documents and the machinery of its turns."""
        redis, keys = self.branch.redis, self.branch.log.keys
        found: dict[str, Any] = {}
        async for key in redis.scan_iter(match=f"{keys.prefix}*"):
            name = key.removeprefix(keys.prefix)
            if self.chat[0] in name or name in _OF_TURNS or name.startswith(_ABOUT_TURNS):
                continue
            found[name] = await _value(redis, key)
            if name == "index:chats":  # the attacker's own chat moves on with what is said in it
                found[name] = [member for member in found[name] if self.chat[0] not in member]
            if name == "outbound":  # and so does what is said in it, on its way to the notifier
                found[name] = [(at, fields) for at, fields in found[name] if self.chat[0] not in fields["r"]]
        return found

    async def _order(self, name: str, note: str, phone: str | None, address: str | None) -> dict[str, Any]:
        command = {
            "customer": {"name": name} | ({"phone": phone} if phone else {}),
            "items": [{"sku": "gringa", "qty": 2, "notes": note}],
            "delivery": {"kind": "delivery", "address": address} if address else {"kind": "pickup"},
        }
        placed = await self.branch.services.orders.place(ANONYMOUS, PlaceOrder.model_validate(command))
        return placed.as_json()

    async def _opened(self, who: Principal, token: str) -> tuple[str, str]:
        # Staff open a chat of their own; a customer's speaks of the order they hold the link of.
        opened = await self.branch.services.chat.open(who, OpenChat(order_token=None if who.is_staff else token))
        return opened.chat_id, opened.token


async def _value(redis: Any, key: str) -> Any:
    match await redis.type(key):
        case "hash":
            return await redis.hgetall(key)
        case "zset":
            return await redis.zrange(key, 0, -1, withscores=True)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "stream":
            return await redis.xrange(key)
        case _:
            return await redis.get(key)
