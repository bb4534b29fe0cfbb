"""An evening by WhatsApp, with everything real but Meta: signed webhooks in, the Graph API's stand-in out."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import comanda
from tests.cli.conftest import Folder
from tests.support.graph_api import GraphApi, Sent, graph_api
from tests.support.processes import Process, free_port
from tests.support.uncounted import UNCOUNTED
from tests.support.whatsapp_payloads import ANA, WHATSAPP_SETTINGS, button, message, payload, signed, status, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

LOCATION = {"latitude": 19.4326, "longitude": -99.1332, "name": "Casa de Ana", "address": "Madero 10, Centro"}


@dataclass
class Evening:
    """A hub with its agent and its notifier, Ana's phone, and the kitchen."""

    hub: Process
    url: str
    api: GraphApi
    http: aiohttp.ClientSession
    token: str = ""
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    at: Iterator[int] = field(default_factory=lambda: count(int(time.time())))
    statuses: set[asyncio.Task[None]] = field(default_factory=set)

    async def post(self, body: Any) -> None:
        """Bring a payload, as Meta does, signed."""
        raw, headers = signed(body)
        async with self.http.post(f"{self.url}/webhooks/whatsapp", data=raw, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def writes(self, words: str) -> str:
        """Ana writes; the id of her message."""
        name = str(next(self.ids))
        await self.post(payload(text(name, words, at=next(self.at))))
        return name

    def told(self, sent: Sent) -> None:
        """Tell the hub what became of a message."""
        body = payload(
            statuses=(status(sent.wamid.removeprefix("wamid."), "delivered", biz_opaque_callback_data=sent.id),)
        )
        task = asyncio.create_task(self.post(body))
        self.statuses.add(task)
        task.add_done_callback(self.statuses.discard)

    async def until(self, pattern: str, after: int = 0) -> Sent:
        """Wait for a message that says something."""

        def found() -> Sent | None:
            return next((sent for sent in self.api.sent[after:] if re.search(pattern, sent.text)), None)

        await self.api.until(lambda: found() is not None)
        sent = found()
        assert sent is not None
        return sent

    async def staff(self, method: str, path: str, body: Any = None) -> Any:
        """Ask as the manager."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.request(method, f"{self.url}{path}", json=body, headers=headers) as answer:
            found = await answer.json()
            assert answer.status < 300, found
            return found["data"]

    def kill_notifier(self) -> None:
        """End the notifier as a power cut would; the hub starts another."""
        pids = re.findall(r'"child": "notifier", "pid": (\d+)', self.hub.output())
        os.kill(int(pids[-1]), signal.SIGKILL)


def manager_token(folder: Folder) -> str:
    return folder.run("token", "--role", "manager").out.strip()


@pytest.fixture
async def evening(tmp_path: Path) -> AsyncIterator[Evening]:
    port, folder = free_port(), Folder(tmp_path)
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        async with graph_api() as api, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as http:
            secrets = {
                f"COMANDA_{name.upper()}": getattr(value, "get_secret_value", lambda value=value: value)()
                for name, value in WHATSAPP_SETTINGS.items()
            }
            env = {
                **secrets,
                "COMANDA_WHATSAPP_API_URL": api.url,
                "COMANDA_PUBLIC_URL": "https://taqueria.example",
                "COMANDA_NOTICE_UNDO_S": "0.2",
                "COMANDA_LIMIT_REQUESTS_S": "0",
                **UNCOUNTED,
            }
            hub = stack.enter_context(folder.process("serve", "--port", str(port), **env))
            await asyncio.to_thread(hub.wait_for, lambda: "Redis: " in hub.output(), 40, "it announces itself")
            evening = Evening(hub, url, api, http)
            evening.token = await asyncio.to_thread(manager_token, folder)
            await asyncio.to_thread(hub.wait_for, lambda: "agent.ready" in hub.output(), 60, "the agent")
            await asyncio.to_thread(hub.wait_for, lambda: "notifier.ready" in hub.output(), 60, "the notifier")
            api.on_sent = evening.told
            yield evening
            api.on_sent = None
            await asyncio.gather(*evening.statuses)


async def test_an_evening_by_whatsapp(evening: Evening) -> None:
    await ana_orders_and_hears_of_it_though_the_notifier_dies(evening)
    await a_person_takes_over_from_support_and_answers_there(evening)


async def ana_orders_and_hears_of_it_though_the_notifier_dies(evening: Evening) -> None:
    api = evening.api
    asked = await evening.writes("quiero 2 gringas a domicilio")
    await evening.until("dirección")
    assert f"wamid.{asked}" in api.typing
    await evening.post(payload(message("place", "location", LOCATION, at=next(evening.at))))
    summary = await evening.until(r"Madero 10")
    (says, title), *_ = summary.buttons
    assert title == "Confirmar"

    evening.kill_notifier()
    await evening.post(payload(button("tap", says)))
    await evening.until(r"https://taqueria\.example/t/|registrado|pedido", api.sent.index(summary) + 1)
    [order] = (await evening.staff("GET", "/api/orders?limit=5"))["orders"]
    assert order["delivery"]["kind"] == "delivery"

    for to in ("preparing", "ready"):
        await evening.staff("POST", f"/api/orders/{order['id']}/advance", {"to": to})
    await evening.until(f"{order['code']} está listo")
    evening.kill_notifier()
    await evening.staff("POST", f"/api/orders/{order['id']}/cancel", {"reason": "se acabó el gas"})
    cancelled = await evening.until("se acabó el gas")
    assert cancelled.to == ANA
    names = [sent.id for sent in api.sent]
    assert len(names) == len(set(names)), "nothing came twice"
    shown = (await evening.staff("GET", f"/api/orders/{order['id']}/notices"))["notices"]
    assert {("whatsapp", "sent")} <= {(each["channel"], each["state"]) for each in shown}


async def a_person_takes_over_from_support_and_answers_there(evening: Evening) -> None:
    before = len(evening.api.sent)
    await evening.writes("quiero hablar con una persona")
    await evening.until("persona", before)
    [chat] = (await evening.staff("GET", "/api/chats"))["chats"]
    async with comanda.connect(evening.url, token=evening.token) as carmen:
        await carmen.command("chat.take_over", {"chat_id": chat["chat_id"]})
        await carmen.command("chat.reply", {"chat_id": chat["chat_id"], "text": "Soy Carmen, ¿qué pasó?"})
        await evening.until("Soy Carmen")
        before = len(evening.api.sent)
        await evening.writes("llegó frío")
        await carmen.command("chat.reply", {"chat_id": chat["chat_id"], "text": "Te mando otro ahora mismo."})
        await evening.until("otro ahora mismo", before)
    assert [sent.text for sent in evening.api.sent[before:]] == ["Te mando otro ahora mismo."], "no agent speaks now"
