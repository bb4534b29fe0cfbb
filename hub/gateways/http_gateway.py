"""Orders, menu, stock, promotions, chats and staff over HTTP."""

from __future__ import annotations

from functools import partial

from aiohttp import hdrs, web

from hub.config.limit_settings import LogLimits
from hub.core.errors import BadRequest, Unauthorized
from hub.domain import commands as cmd
from hub.domain.answers.branch_answers import DayFigures, PushKey, ShownMenu
from hub.domain.answers.chat_answers import ChatTurns, InboxPage
from hub.domain.answers.key_answers import KeyList
from hub.domain.answers.notice_answers import OrderNotices
from hub.domain.answers.order_answers import BoardPage, OrderAnswer, OrderPage
from hub.domain.answers.staff_answers import LoggedIn, StaffList
from hub.domain.chat import ChatMode
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import Role
from hub.gateways.command_table import Commands
from hub.gateways.envelope import answer
from hub.gateways.peer import ADDRESS, PRINCIPAL
from hub.gateways.query import CalendarDate, Choice, Flag, PageSize, Text, WholeNumber
from hub.gateways.request_body import read_json, read_keyed_json
from hub.gateways.route_table import Audience, RateClass, Route, Tag
from hub.services.build import Services
from hub.services.service_bounds import MAX_BOARD_ORDERS

_ROLE = Choice("role", Role)
_STATUS = Choice("status", OrderStatus)
_MODE = Choice("mode", ChatMode)
_OPEN = Flag("open")
_LIMIT = PageSize(default=50, most=200)
_OPEN_LIMIT = PageSize(default=MAX_BOARD_ORDERS, most=MAX_BOARD_ORDERS)
_BEFORE = WholeNumber("before")
_AFTER = Text("after")
_DAY = CalendarDate("day")


class HttpGateway:
    """The JSON routes. Each handler parses the request, calls one service, and answers."""

    def __init__(self, services: Services, commands: Commands, limits: LogLimits) -> None:
        self._services = services
        self._commands = commands
        self._limits = limits

    def routes(self) -> list[Route]:
        """Return all routes of this gateway."""
        return [
            *self._staff_routes(),
            *self._notice_routes(),
            *self._branch_routes(),
            *self._order_routes(),
            *self._chat_routes(),
            *self._command_routes(),
        ]

    def _staff_routes(self) -> list[Route]:
        return [
            Route(
                method="POST",
                path="/api/login",
                handler=self.login,
                tag=Tag.STAFF,
                summary="Exchange a name and a PIN for a token",
                answer=LoggedIn,
                body=cmd.Login,
                rate=RateClass.LOGIN,
                errors=(Unauthorized,),
            ),
            Route(
                method="GET",
                path="/api/staff",
                handler=self.staff,
                tag=Tag.STAFF,
                summary="List the staff",
                answer=StaffList,
                audience=Audience.STAFF,
                query=(_ROLE,),
            ),
            Route(
                method="GET",
                path="/api/keys",
                handler=self.keys,
                tag=Tag.STAFF,
                summary="List the API keys",
                answer=KeyList,
                audience=Audience.STAFF,
            ),
        ]

    def _branch_routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/api/menu",
                handler=self.menu,
                tag=Tag.MENU,
                summary="Show the menu with what is left of each dish",
                answer=ShownMenu,
            ),
            Route(
                method="GET",
                path="/api/push/key",
                handler=self.push_key,
                tag=Tag.NOTIFICATIONS,
                summary="Show the key that browsers subscribe with",
                answer=PushKey,
            ),
            Route(
                method="GET",
                path="/api/figures",
                handler=self.figures,
                tag=Tag.OPERATIONS,
                summary="Show the figures of a business day",
                answer=DayFigures,
                audience=Audience.STAFF,
                query=(_DAY,),
            ),
        ]

    def _order_routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/api/orders",
                handler=self.find,
                tag=Tag.ORDERS,
                summary="List the newest orders, or the open ones with `open=true`",
                answer=(OrderPage, BoardPage),
                audience=Audience.STAFF,
                query=(_STATUS, _LIMIT, _BEFORE, _DAY, _OPEN, _AFTER),
            ),
            Route(
                method="GET",
                path="/api/orders/{order_id}",
                handler=self.get,
                tag=Tag.ORDERS,
                summary="Show one order",
                answer=OrderAnswer,
                audience=Audience.CAPABILITY,
            ),
        ]

    def _notice_routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/api/orders/{order_id}/notices",
                handler=self.notices,
                tag=Tag.NOTIFICATIONS,
                summary="Show who was told what of an order",
                answer=OrderNotices,
                audience=Audience.STAFF,
            ),
        ]

    def _chat_routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/api/chats",
                handler=self.chats,
                tag=Tag.CHATS,
                summary="List the chats, the most recently active first",
                answer=InboxPage,
                audience=Audience.STAFF,
                query=(_MODE, _LIMIT, _BEFORE),
            ),
            Route(
                method="GET",
                path="/api/chats/{chat_id}/turns",
                handler=self.turns,
                tag=Tag.CHATS,
                summary="List the last turns of a chat with their figures",
                answer=ChatTurns,
                audience=Audience.STAFF,
            ),
        ]

    def _command_routes(self) -> list[Route]:
        """Return the routes of the commands that HTTP carries."""
        return [
            Route(
                method=http.method,
                path=http.path,
                handler=partial(self.command, model, http.status),
                tag=http.tag,
                summary=http.summary,
                body=model,
                answer=self._commands.answers[model],
                status=http.status,
                audience=http.audience,
                errors=http.errors,
            )
            for model, http in self._commands.http_calls.items()
        ]

    async def login(self, request: web.Request) -> web.Response:
        """Exchange a name and a PIN for a token."""
        login = cmd.Login.model_validate(await read_json(request))
        return answer(await self._services.logins.login(login, request[ADDRESS]))

    async def menu(self, request: web.Request) -> web.Response:
        """Answer with the menu, compressed where the caller can read that: a first visit waits for it."""
        response = answer(await self._services.menu.shown())
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def notices(self, request: web.Request) -> web.Response:
        """Answer with the notices about an order."""
        return answer(await self._services.notices.shown(request[PRINCIPAL], request.match_info["order_id"]))

    async def push_key(self, _request: web.Request) -> web.Response:
        """Answer with the public key of Web Push."""
        vapid = self._services.vapid_keys
        key = await vapid.public_key() if vapid.contact else None
        return answer(PushKey(key=key, unseen_s=self._services.notices.unseen_s))

    async def figures(self, request: web.Request) -> web.Response:
        """Answer with the figures of a business day."""
        return answer(await self._services.figures.of_day(request[PRINCIPAL], _DAY.read(request)))

    async def staff(self, request: web.Request) -> web.Response:
        """Answer with the staff, of one role if the query names one."""
        return answer(await self._services.staff.shown(request[PRINCIPAL], _ROLE.read(request)))

    async def keys(self, request: web.Request) -> web.Response:
        """Answer with the API keys."""
        return answer(await self._services.keys.shown(request[PRINCIPAL]))

    async def find(self, request: web.Request) -> web.Response:
        """Answer with a page of orders."""
        if _OPEN.read(request):
            return await self._find_open(request)
        found = await self._services.orders.find(
            request[PRINCIPAL],
            _STATUS.read(request),
            _LIMIT.read(request),
            _BEFORE.read(request),
            self._limits.snapshot_bytes,
            _DAY.read(request),
        )
        return answer(found)

    async def _find_open(self, request: web.Request) -> web.Response:
        """Answer with a page of open orders; with `after`, those that follow that place."""
        if unused := request.query.keys() & {_STATUS.name, _BEFORE.name, _DAY.name}:
            raise BadRequest(f"{min(unused)} cannot be combined with open", field=min(unused))
        limit = _OPEN_LIMIT.read(request)
        return answer(await self._services.board.page(request[PRINCIPAL], _AFTER.read(request), limit))

    async def get(self, request: web.Request) -> web.Response:
        """Answer with one order."""
        return answer(await self._services.orders.get(request[PRINCIPAL], request.match_info["order_id"]))

    async def chats(self, request: web.Request) -> web.Response:
        """Answer with a page of chats."""
        found = await self._services.inbox.find(
            request[PRINCIPAL], _MODE.read(request), _LIMIT.read(request), _BEFORE.read(request)
        )
        return answer(found)

    async def turns(self, request: web.Request) -> web.Response:
        """Answer with a chat's last turns."""
        return answer(await self._services.chat.turns(request[PRINCIPAL], request.match_info["chat_id"]))

    async def command(self, model: type[cmd.Command], status: int, request: web.Request) -> web.Response:
        """Carry out a command, made of the body, the path's parameters, and the `Idempotency-Key`."""
        read = read_keyed_json if issubclass(model, cmd.Keyed) else read_json
        body = await read(request, empty_is_object=True)
        for name, value in request.match_info.items():
            if body.setdefault(name, value) != value:
                raise BadRequest(f"{name} differs from the address", field=name)
        command = self._commands.parse(model.name, body)
        return answer(await self._commands.carry_out(request[PRINCIPAL], command), status)
