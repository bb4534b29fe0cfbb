"""The HTTP door for orders, menu, stock, promotions, staff: PROTOCOL's table, line by line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from hub.config import Limits
from hub.domain import commands as cmd
from hub.domain.chat import ChatMode
from hub.domain.errors import BadRequest
from hub.domain.models import OrderStatus
from hub.domain.roles import Role
from hub.gateways.answers import ok
from hub.gateways.commands import Commands
from hub.gateways.peer import ADDRESS, PRINCIPAL
from hub.services.board import MAX_ORDERS
from hub.services.build import Services

BODY_S = 10.0  # for a request's body to arrive
_MOST_LISTED = 200
_ACTIONS: dict[str, type[cmd.OrderCommand]] = {
    "advance": cmd.AdvanceOrder,
    "cancel": cmd.CancelOrder,
    "recall": cmd.RecallOrder,
    "delay": cmd.DelayOrder,
    "acknowledge": cmd.AcknowledgeOrder,
    "accept": cmd.AcceptOrder,
    "items": cmd.MarkItem,
    "courier": cmd.AssignCourier,
}


class HttpDoor:
    """Routes and their handlers; each parses, calls one service, and answers."""

    def __init__(self, services: Services, commands: Commands, limits: Limits) -> None:
        self._services = services
        self._commands = commands
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/login", self.login),
            web.post("/api/logout", self.logout),
            web.get("/api/menu", self.menu),
            web.get("/api/staff", self.staff),
            web.post("/api/orders", self.place),
            web.post("/api/orders/cancel", self.cancel_many),
            web.get("/api/orders", self.find),
            web.get("/api/orders/{order_id}", self.get),
            web.post("/api/orders/{order_id}/{action}", self.act),
            web.post("/api/promos", self.promo),
            web.post("/api/stock", self.stock),
            web.post("/api/notifications", self.notifications),
            web.get("/api/chats", self.chats),
            web.post("/api/chats", self.open_chat),
            web.post("/api/chats/{chat_id}/messages", self.send_chat),
            web.post("/api/chats/{chat_id}/stop", self.stop_chat),
            web.get("/api/chats/{chat_id}/turns", self.turns),
            web.post("/api/chats/{chat_id}/forget", self.forget_chat),
        ]

    async def login(self, request: web.Request) -> web.Response:
        login = cmd.Login.model_validate(await read_json(request))
        return answer(await self._services.logins.login(login, request[ADDRESS]))

    async def logout(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.Logout, keyed=False)

    async def menu(self, _request: web.Request) -> web.Response:
        return answer(await self._services.menu.shown())

    async def staff(self, request: web.Request) -> web.Response:
        role = one_of(Role, request, "role")
        return answer(await self._services.staff.shown(request[PRINCIPAL], role))

    async def place(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.PlaceOrder, status=201)

    async def find(self, request: web.Request) -> web.Response:
        if request.query.get("open") == "true":
            return await self._find_open(request)
        found = await self._services.orders.find(
            request[PRINCIPAL],
            one_of(OrderStatus, request, "status"),
            number(request, "limit", 50, most=_MOST_LISTED),
            number(request, "before", None),
            self._limits.snapshot_bytes,
        )
        return answer(found)

    async def _find_open(self, request: web.Request) -> web.Response:
        """Return a page of open orders; with `after`, those that follow that place."""
        if unused := request.query.keys() & {"status", "before"}:
            raise BadRequest(f"{min(unused)} cannot be combined with open", field=min(unused))
        limit = number(request, "limit", MAX_ORDERS, most=MAX_ORDERS)
        return answer(await self._services.board.page(request[PRINCIPAL], request.query.get("after"), limit))

    async def get(self, request: web.Request) -> web.Response:
        return answer(await self._services.orders.get(request[PRINCIPAL], request.match_info["order_id"]))

    async def act(self, request: web.Request) -> web.Response:
        model = _ACTIONS.get(request.match_info["action"])
        if model is None:
            raise web.HTTPNotFound
        return await self._command(request, model, order_id=request.match_info["order_id"])

    async def cancel_many(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.CancelOrders, keyed=False)

    async def promo(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.PublishPromo, status=201)

    async def stock(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.SetStock)

    async def notifications(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.SetNotifications)

    async def chats(self, request: web.Request) -> web.Response:
        found = await self._services.inbox.find(
            request[PRINCIPAL],
            one_of(ChatMode, request, "mode"),
            number(request, "limit", 50, most=_MOST_LISTED),
            number(request, "before", None),
        )
        return answer(found)

    async def open_chat(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.OpenChat, status=201)

    async def send_chat(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.SendChat, status=202, chat_id=request.match_info["chat_id"])

    async def stop_chat(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.StopChat, keyed=False, chat_id=request.match_info["chat_id"])

    async def turns(self, request: web.Request) -> web.Response:
        return answer(await self._services.chat.turns(request[PRINCIPAL], request.match_info["chat_id"]))

    async def forget_chat(self, request: web.Request) -> web.Response:
        return await self._command(request, cmd.ForgetChat, keyed=False, chat_id=request.match_info["chat_id"])

    async def _command(
        self,
        request: web.Request,
        model: type[cmd.Command],
        *,
        status: int = 200,
        keyed: bool = True,
        **given: str,
    ) -> web.Response:
        """A command from a body, what the path gives, and the `Idempotency-Key`."""
        body = await read_json(request, empty_is_object=True)
        key = request.headers.get("Idempotency-Key")
        if keyed and key is not None:
            given["command_id"] = key
        for name, value in given.items():
            if body.setdefault(name, value) != value:
                raise BadRequest(f"{name} differs from the address or the headers", field=name)
        command = self._commands.parse(model.name, body)
        return answer(await self._commands.carry_out(request[PRINCIPAL], command), status)


def answer(data: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(ok(data), status=status, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def read_json(
    request: web.Request, *, empty_is_object: bool = False, most_bytes: int | None = None
) -> dict[str, Any]:
    """The body, which must be one JSON object.

    Args:
        most_bytes: What this body may have, where that is more than others may.

    Raises:
        BadRequest: It is not whole, not there in time, encoded, not JSON, not UTF-8, or not an object.
        aiohttp.web.HTTPRequestEntityTooLarge: It is past the limit.
    """
    if most_bytes is not None:
        request = request.clone(client_max_size=max(most_bytes, request.client_max_size))
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadRequest("send the body as it is: no Content-Encoding is taken")
    try:
        async with asyncio.timeout(BODY_S):
            raw = await request.read()
    except TimeoutError as exc:
        # The connection ends with the answer: nothing more is read from it, and nothing more waited for.
        request.protocol.close()
        request.content.feed_eof()
        raise BadRequest("the body did not arrive in time") from exc
    except (web.RequestPayloadError, ConnectionError) as exc:
        raise BadRequest("the body did not arrive whole") from exc
    if not raw and empty_is_object:
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise BadRequest("the body is not JSON") from exc
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def number(request: web.Request, name: str, default: Any, *, most: int | None = None) -> Any:
    """A whole number ≥ 0 from the query."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 16:
        raise BadRequest(f"{name} is a whole number", field=name)
    return int(text) if most is None else max(1, min(int(text), most))


def one_of(kind: Any, request: web.Request, name: str) -> Any:
    """A member of an enumeration from the query, or None."""
    text = request.query.get(name)
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise BadRequest(f"{name} is one of {', '.join(kind)}", field=name) from None
