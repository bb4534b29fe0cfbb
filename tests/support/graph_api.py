"""WhatsApp's Graph API on loopback: it checks what it gets as Meta documents it, and keeps it."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.whatsapp_payloads import PHONE_ID, WHATSAPP_SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

TOKEN = WHATSAPP_SETTINGS["whatsapp_token"].get_secret_value()
ACCOUNT_ID = WHATSAPP_SETTINGS["whatsapp_account_id"]
CUT_OFF = "cut off"  # it acts, and its answer is lost
HANGING = "hanging"  # it acts, and answers never


def refusal(code: int, message: str = "refused", status: int = 400, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """An error as the Graph API gives it."""
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "Az8or2"}
    return status, {"error": error}, headers


@dataclass(frozen=True)
class Sent:
    """One message that was taken."""

    wamid: str
    to: str
    id: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """What its reader sees, without buttons."""
        found = self.body.get("text") or self.body.get("interactive", {}).get("body") or {}
        return str(found.get("body", "") or found.get("text", ""))

    @property
    def buttons(self) -> list[tuple[str, str]]:
        """The id and the title of each reply button."""
        buttons = self.body.get("interactive", {}).get("action", {}).get("buttons", [])
        return [(each["reply"]["id"], each["reply"]["title"]) for each in buttons]

    @property
    def template(self) -> tuple[str, str, dict[str, str]]:
        """The name, the language and the parameters of a template."""
        template = self.body["template"]
        parameters = [each for part in template.get("components", ()) for each in part["parameters"]]
        return (
            template["name"],
            template["language"]["code"],
            {each["parameter_name"]: each["text"] for each in parameters},
        )


@dataclass
class GraphApi:
    """The stand-in.

    Attributes:
        answers: What the next requests to send get, in place of a good answer.
        sent: What was taken, in order.
        typing: The ids of messages that were marked as read with a typing indicator.
        templates: The account's message templates.
        tries: Requests to send.
    """

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    typing: list[str] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)
    subscribed: bool = True
    tries: int = 0
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    on_sent: Callable[[Sent], Any] | None = None
    _ids: Iterator[int] = field(default_factory=lambda: count(1))
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    def texts(self, to: str | None = None) -> list[str]:
        """The texts that were taken, of all numbers or of one."""
        return [sent.text for sent in self.sent if to in (None, sent.to)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds, which is looked at whenever a request has come."""
        async with asyncio.timeout(30), self.came:
            await self.came.wait_for(condition)

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Take a message, or the word that one was read."""
        if refused := self._unauthorized(request):
            return refused
        body = await request.json()
        assert body["messaging_product"] == "whatsapp"
        if body.get("status") == "read":
            assert body["typing_indicator"] == {"type": "text"}
            self.typing.append(body["message_id"])
            await self._tell()
            return web.json_response({"success": True})
        self.tries += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, tuple):
            await self._tell()
            return web.json_response(answer[1], status=answer[0], headers=answer[2])
        sent = Sent(f"wamid.{next(self._ids)}", _checked(body), body["biz_opaque_callback_data"], body)
        self.sent.append(sent)
        await self._tell()
        if self.on_sent is not None:
            self.on_sent(sent)
        if answer == HANGING:
            await self._gone.wait()
        if answer in (CUT_OFF, HANGING):
            assert request.transport is not None
            request.transport.abort()
        contacts = [{"input": sent.to, "wa_id": sent.to}]
        return web.json_response(
            {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": sent.wamid}]}
        )

    async def number(self, request: web.Request) -> web.Response:
        """Show the shop's number."""
        return self._unauthorized(request) or web.json_response(
            {"id": PHONE_ID, "display_phone_number": "+52 55 5555 5555", "verified_name": "Doña Carmen"}
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the templates."""
        return self._unauthorized(request) or web.json_response({"data": self.templates, "paging": {}})

    async def apps(self, request: web.Request) -> web.Response:
        """List the apps that get the account's webhooks."""
        app = {"whatsapp_business_api_data": {"id": "67084", "name": "Comanda", "link": "https://example.org"}}
        return self._unauthorized(request) or web.json_response({"data": [app] if self.subscribed else []})

    def close(self) -> None:
        """Let go of requests that hang."""
        self._gone.set()

    def _unauthorized(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {TOKEN}":
            return None
        status, body, _ = refusal(190, "Error validating access token", 401)
        return web.json_response(body, status=status)

    async def _tell(self) -> None:
        async with self.came:
            self.came.notify_all()


def _checked(body: dict[str, Any]) -> str:
    """Check a message against the documentation's bounds; return its recipient."""
    assert len(json.dumps(body)) < 60_000
    to = str(body["to"])
    assert re.fullmatch(r"\d{5,20}", to)
    assert 0 < len(body["biz_opaque_callback_data"]) <= 512
    match body["type"]:
        case "text":
            assert 0 < len(body["text"]["body"]) <= 4_096
        case "interactive":
            _check_interactive(body["interactive"])
        case "template":
            for part in body["template"].get("components", ()):
                for each in part["parameters"]:
                    assert each["text"].strip()
                    assert not re.search(r"[\n\t]| {4}", each["text"])
        case kind:
            raise AssertionError(kind)
    return to


def _check_interactive(interactive: dict[str, Any]) -> None:
    assert 0 < len(interactive["body"]["text"]) <= 1_024
    action = interactive["action"]
    if interactive["type"] == "button":
        replies = [each["reply"] for each in action["buttons"]]
        assert 1 <= len(replies) <= 3
        assert all(0 < len(each["title"]) <= 20 and 0 < len(each["id"]) <= 256 for each in replies)
        assert len({each["title"] for each in replies}) == len(replies)
        return
    assert interactive["type"] == "list"
    assert 0 < len(action["button"]) <= 20
    rows = [row for section in action["sections"] for row in section["rows"]]
    assert 1 <= len(rows) <= 10
    assert all(len(row["title"]) <= 24 and len(row["id"]) <= 200 for row in rows)
    assert all(len(row.get("description") or "") <= 72 for row in rows)


@asynccontextmanager
async def graph_api() -> AsyncIterator[GraphApi]:
    """A Graph API that serves until the end."""
    api = GraphApi()
    app = web.Application()
    app.router.add_post(rf"/{{version:v\d+\.\d+}}/{PHONE_ID}/messages", api.send)
    app.router.add_get(rf"/{{version:v\d+\.\d+}}/{PHONE_ID}", api.number)
    app.router.add_get(rf"/{{version:v\d+\.\d+}}/{ACCOUNT_ID}/message_templates", api.listed)
    app.router.add_get(rf"/{{version:v\d+\.\d+}}/{ACCOUNT_ID}/subscribed_apps", api.apps)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        api.close()
        await runner.cleanup()
