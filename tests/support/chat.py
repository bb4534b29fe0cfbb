"""A branch with a chat and agent workers in it, on one Redis: asks, waits for events, and reads what is in the log."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from agents.chain import Model
from agents.offline.model import OfflineLLM
from agents.worker import Worker
from hub.config import MENU_FILE, Limits, Settings, TurnLimits
from hub.domain.commands import OpenChat, SendChat, StopChat
from hub.domain.menu import Menu, parse_menu
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.services.build import build_services
from hub.services.chats.turn_jobs import turn_queue
from hub.services.document_names import order_key
from hub.store.log import EventLog
from tests.support.carry_out import carry_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from llama_index.core.llms.function_calling import FunctionCallingLLM
    from redis.asyncio import Redis

ENDINGS = ("chat.completed", "chat.stopped", "chat.failed")
MENU = parse_menu(MENU_FILE.read_text(encoding="utf-8"))
MANAGER = Principal(Kind.STAFF, "staff-1", "Carmen", frozenset({Role.MANAGER}))
SUPPORT = Principal(Kind.STAFF, "staff-2", "Sole", frozenset({Role.SUPPORT}))
LEASE_S = 0.2
BOUNDS = TurnLimits(turn_s=40, retry_pause_s=0.01)
_UNSURE_TIMEOUT_S = 40.0

Event = dict[str, Any]


class Branch:
    """Services over one Redis, and the customer's side of a chat."""

    def __init__(self, redis: Redis, *, limits: Limits | None = None, menu: Menu = MENU) -> None:
        settings = Settings(limits=limits or Limits(), llm="offline")
        self.settings = settings
        self.redis = redis
        self.log = EventLog(redis, settings.branch)
        self.services = build_services(self.log, settings, b"a secret for tests", menu)
        self.queue = turn_queue(self.log.calls, self.log.keys, lease_s=LEASE_S)

    def worker(self, llm: FunctionCallingLLM | None = None, *, name: str = "worker-1", **options: Any) -> Worker:
        """A worker with short patience; not running yet."""
        worker_options: dict[str, Any] = {"renew_s": LEASE_S / 4, "block_s": 0.05, "turn_limits": BOUNDS} | options
        return Worker(
            self.services,
            self.queue,
            [Model("test", llm or OfflineLLM.serving(MENU, pace_s=0))],
            name=name,
            limits=self.settings.limits,
            **worker_options,
        )

    async def open(self, principal: Principal = ANONYMOUS, order_token: str | None = None) -> tuple[str, str]:
        opened = await self.services.chat.open(principal, OpenChat(order_token=order_token))
        return opened.chat_id, opened.token

    async def send(self, chat: tuple[str, str], text: str, principal: Principal = ANONYMOUS, **more: Any) -> Any:
        command = SendChat(chat_id=chat[0], token=chat[1], text=text, **more)
        return (await carry_out(self.services, principal, command))["turn_id"]

    async def stop(self, chat: tuple[str, str], turn_id: str) -> None:
        await carry_out(self.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turn_id, token=chat[1]))

    async def ask(self, chat: tuple[str, str], text: str, principal: Principal = ANONYMOUS) -> list[Event]:
        """Say it, and wait for the end of the answer: the turn's events."""
        turn_id = await self.send(chat, text, principal)
        await self.until(chat, lambda event: event["type"] in ENDINGS and event["data"]["turn_id"] == turn_id)
        return await self.of_turn(chat, turn_id)

    async def events(self, chat: tuple[str, str]) -> list[Event]:
        entries = await self.log.read(f"chat:{chat[0]}", 0, limit=5_000)
        return [json.loads(entry.body) for entry in entries]

    async def of_turn(self, chat: tuple[str, str], turn_id: str) -> list[Event]:
        return [event for event in await self.events(chat) if event["data"].get("turn_id") == turn_id]

    async def until(self, chat: tuple[str, str], wanted: Callable[[Event], bool]) -> Event:
        """The first event of the room that is wanted, as soon as it is there: subscribed first, then read."""
        room = f"chat:{chat[0]}"
        async with asyncio.timeout(_UNSURE_TIMEOUT_S), self.redis.pubsub() as pubsub:
            await pubsub.subscribe(self.log.keys.channel(room))
            while True:
                for event in await self.events(chat):
                    if wanted(event):
                        return event
                await pubsub.get_message(timeout=1.0)

    async def orders(self) -> list[dict[str, Any]]:
        """Every order there is, oldest first."""
        members = await self.log.indexed("orders", before=None, limit=100)
        documents = await self.log.documents([order_key(member) for member, _ in reversed(members)])
        return [json.loads(document.body) for document in documents if document]


@asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[None]:
    """Workers that run meanwhile, and end in order."""
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.run())
        try:
            yield
        finally:
            for worker in workers:
                worker.stop()


def text_of(events: list[Event]) -> str:
    """The answer, put together from its deltas, which must be without holes."""
    deltas = [event["data"] for event in events if event["type"] == "chat.delta"]
    assert [delta["index"] for delta in deltas] == list(range(len(deltas)))
    return "".join(delta["text"] for delta in deltas)


def ending_of(events: list[Event]) -> Event:
    """The turn's ending: there is exactly one, and nothing after it."""
    endings = [event for event in events if event["type"] in ENDINGS]
    assert len(endings) == 1
    assert events[-1] is endings[0]
    return endings[0]
