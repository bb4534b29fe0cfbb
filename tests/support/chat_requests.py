"""A branch with few limits, whose customers open chats and ask in them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from hub.config import Limits, Settings
from hub.domain.commands import OpenChat, SendChat
from hub.domain.roles import Kind, Principal, Role
from hub.services.build import Services, build_services
from hub.services.chats.chat_documents import read_turn
from hub.store.log import EventLog, Write
from tests.support.carry_out import carry_out
from tests.support.services_harness import MENU, SECRET, Clock, WireServices, an_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from tests.support.redis import Backend

HOME = Principal(address="203.0.113.7")
NEIGHBOUR = Principal(address="203.0.113.8")
SUPPORT = Principal(Kind.STAFF, "s2", "Sole", frozenset({Role.SUPPORT}), address=HOME.address)

Chat = tuple[str, str]


class Place:
    """A branch with these limits, and a clock to turn."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services = services
        self.clock = clock

    @property
    def wire(self) -> Any:
        """The services with answers as JSON."""
        return WireServices(self.services)

    async def open(self, who: Principal = HOME, **fields: Any) -> Chat:
        opened = await self.services.chat.open(who, OpenChat(**fields))
        return opened.chat_id, opened.token

    async def ask(self, who: Principal = HOME, chat: Chat | None = None, text: str = "¿qué hay?", **fields: Any) -> str:
        """A question in this chat, else in a new one: its turn."""
        chat_id, token = chat or await self.open(who)
        sent = await carry_out(self.services, who, SendChat(chat_id=chat_id, token=token, text=text, **fields))
        return str(sent["turn_id"])

    async def uses(self, turn_id: str, tokens: int) -> None:
        """Count tokens as a worker does at a turn's end."""
        both = await read_turn(self.services.log, turn_id)
        assert both is not None
        quotas = self.services.usage_limits.spent(both.turn.requested_by, both.chat, tokens)
        await self.services.log.commit(Write(quotas=quotas))

    async def ordered(self) -> tuple[str, str]:
        """An order, and what opens it."""
        placed = await self.services.orders.place(HOME, an_order())
        return placed.order.id, placed.tracking.token


@asynccontextmanager
async def place(backend: Backend, **limits: int) -> AsyncIterator[Place]:
    redis, clock = backend.client(), Clock()
    bounded = Limits.model_validate({"turns_waiting": 0, **limits})
    log = EventLog(redis, "centro")
    settings = Settings(_env_file=None, limits=bounded)
    yield Place(build_services(log, settings, SECRET, MENU, clock=clock), clock)
    await log.aclose()


def which(refused: pytest.ExceptionInfo[Any]) -> dict[str, Any]:
    values: dict[str, Any] = refused.value.values
    return values
