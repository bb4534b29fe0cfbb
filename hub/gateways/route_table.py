"""The HTTP routes, each declared once: aiohttp's routes, OpenAPI and the limits are made from the declarations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import hdrs, web
from pydantic import BaseModel

from hub.core.errors import (
    BadRequest,
    ComandaError,
    Forbidden,
    IdempotencyMismatch,
    Internal,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from hub.domain.commands import Keyed
from hub.gateways.query import Parameter

Error = type[ComandaError]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
JSON = "application/json"
EVENT_STREAM = "text/event-stream"


class Tag(StrEnum):
    """The group of a route in the OpenAPI document."""

    ORDERS = "orders"
    MENU = "menu"
    CHATS = "chats"
    ANSWERS = "answers"
    ROOMS = "rooms"
    STAFF = "staff"
    NOTIFICATIONS = "notifications"
    WEBHOOKS = "webhooks"
    POSITIONS = "positions"
    OPERATIONS = "operations"
    PAGES = "pages"


class Audience(StrEnum):
    """The callers that a route is meant for. The service checks the permission; this describes it."""

    ANYONE = "anyone"
    CAPABILITY = "capability"  # the token of the order or chat, or staff
    STAFF = "staff"  # staff and programs with a token


class RateClass(StrEnum):
    """The bucket in which a request is counted."""

    CALLER = "caller"  # the address's, or the account's for staff
    LOGIN = "login"  # the address's logins
    CREDENTIAL = "credential"  # that of the credential, which the handler checks; without one, the address's
    UNCOUNTED = "uncounted"  # none: no caller is identified


class ErrorShape(StrEnum):
    """The form of a route's refusals."""

    COMANDA = "comanda"  # {"ok": false, "error": {…}}
    OPENAI = "openai"  # {"error": {…}}, as OpenAI's clients read it


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One HTTP route.

    Attributes:
        path: With parameters in braces, as aiohttp and OpenAPI both write them: `/api/orders/{order_id}`.
        summary: An imperative sentence for the OpenAPI document.
        body: The model of the request's JSON body. Fields that the path names are taken from there.
        foreign_body: What the body is, if its form is another project's: a sentence for the OpenAPI document.
        answer: The model of `data` in a good answer, or its possible models; None: the answer is not a JSON envelope.
        media_type: The content type of a good answer.
        status: The status of a good answer.
        other_statuses: Further statuses without an error, with their descriptions.
        bare: True if `answer` is the whole JSON answer, without the envelope.
        query: The query parameters.
        errors: The errors that are special to the route; `all_errors` adds the common ones.
        max_body_bytes: The largest body, where it may be larger than `COMANDA_LIMIT_MESSAGE_BYTES`.
        head: True if the route answers HEAD like GET.
        event_source: True if browsers read the route by `EventSource`, which gives up at any status but 200.
        writes: True for a GET that changes something: pages of other origins may not make it.
        streams_on_request: True if a good answer may also be a stream of server-sent events, as the body asks for.
        error_shape: The form of its refusals.
        described: True if the route is in the OpenAPI document.

    Example:
        >>> Route(method="GET", path="/api/menu", handler=self.menu, tag=Tag.MENU, summary="Show the menu", answer=Menu)
    """

    method: str
    path: str
    handler: Handler
    tag: Tag
    summary: str
    body: type[BaseModel] | None = None
    foreign_body: str = ""
    answer: type[BaseModel] | tuple[type[BaseModel], ...] | None = None
    media_type: str = JSON
    status: int = 200
    other_statuses: Mapping[int, str] = field(default_factory=dict)
    bare: bool = False
    audience: Audience = Audience.ANYONE
    query: tuple[Parameter, ...] = ()
    errors: tuple[Error, ...] = ()
    rate: RateClass = RateClass.CALLER
    max_body_bytes: int | None = None
    head: bool = True
    event_source: bool = False
    writes: bool = False
    streams_on_request: bool = False
    error_shape: ErrorShape = ErrorShape.COMANDA
    described: bool = True

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """Return the names in the path's braces."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def answers(self) -> tuple[type[BaseModel], ...]:
        """Return the possible models of `data`; empty if the answer is not a JSON envelope."""
        if self.answer is None:
            return ()
        return self.answer if isinstance(self.answer, tuple) else (self.answer,)

    @property
    def takes_idempotency_key(self) -> bool:
        """Return True if the body has a `command_id`, which the header `Idempotency-Key` may give, or would have it."""
        if self.body is None:
            return self.writes
        return "command_id" in self.body.model_fields

    def all_errors(self) -> frozenset[Error]:
        """Return every error that the route may answer with."""
        found: set[Error] = {*self.errors, Internal}
        if self.rate is not RateClass.UNCOUNTED:
            found |= {Unauthorized, RateLimited, Unavailable}
        if self.body is not None:
            found |= {BadRequest, TooLarge}
        if self.query:
            found.add(BadRequest)
        if self.writes or (self.body is not None and issubclass(self.body, Keyed)):
            found.add(IdempotencyMismatch)
        if self.audience is Audience.STAFF or self.method != hdrs.METH_GET or self.writes:
            found.add(Forbidden)
        if self.path_parameters and self.audience is not Audience.ANYONE:
            found.add(NotFound)
        return frozenset(found)

    def definition(self) -> web.RouteDef:
        """Return the route as aiohttp takes it."""
        if self.method == hdrs.METH_GET:
            return web.get(self.path, self.handler, allow_head=self.head)
        return web.route(self.method, self.path, self.handler)


ROUTE = web.RequestKey("route", Route)  # set for every request that has one


def error_shape_of(request: web.BaseRequest) -> ErrorShape:
    """Return the form of a request's refusals; an unknown address beside OpenAI's has their form."""
    route: Route | None = request.get(ROUTE)
    if route is not None:
        return route.error_shape
    return ErrorShape.OPENAI if request.path.startswith("/v1/") else ErrorShape.COMANDA


@dataclass(frozen=True, slots=True)
class Mount:
    """A path prefix that another component serves: static files, Socket.IO.

    Attributes:
        attach: Adds the component to the application.
    """

    prefix: str
    rate: RateClass
    attach: Callable[[web.Application], object]


class RouteTable:
    """All routes of a hub.

    Raises:
        ValueError: Two routes have the same method and path.
    """

    def __init__(self, routes: Iterable[Route], mounts: Iterable[Mount] = ()) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        self._mounts = tuple(mounts)
        for route in routes:
            key = route.method, route.path
            if key in self._routes:
                raise ValueError(f"two routes for {route.method} {route.path}")
            self._routes[key] = route

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def attach(self, app: web.Application) -> None:
        """Add all routes and mounts to an application."""
        app.add_routes([route.definition() for route in self])
        for mount in self._mounts:
            mount.attach(app)

    def route_of(self, request: web.Request) -> Route | None:
        """Return the route of a request; None for a mount, an unknown address, or a method that is not allowed."""
        resource = request.match_info.route.resource
        if resource is None:
            return None
        method = hdrs.METH_GET if request.method == hdrs.METH_HEAD else request.method
        return self._routes.get((method, resource.canonical))

    def rate_class_of(self, request: web.Request) -> RateClass:
        """Return the bucket of a request; unknown addresses count like any other."""
        if (route := self.route_of(request)) is not None:
            return route.rate
        for mount in self._mounts:
            if request.path.startswith(mount.prefix):
                return mount.rate
        return RateClass.CALLER
