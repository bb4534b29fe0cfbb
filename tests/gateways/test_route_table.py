"""The route table: one declaration a route, and the rules that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from hub.core.errors import Forbidden, IdempotencyMismatch, NotFound, RateLimited, TooLarge
from hub.domain.commands import AdvanceOrder
from hub.gateways.route_table import Audience, RateClass, Route, RouteTable, Tag

if TYPE_CHECKING:
    from tests.gateways.conftest import Open


async def nothing(_request: web.Request) -> web.Response:
    return web.Response()


def route(path: str = "/api/zz", **changes: object) -> Route:
    options: dict[str, object] = {"method": "GET", "path": path, "handler": nothing, "tag": Tag.ORDERS, "summary": ""}
    return Route(**{**options, **changes})  # type: ignore[arg-type]


def test_a_route_is_declared_once() -> None:
    with pytest.raises(ValueError, match="two routes for GET /api/zz"):
        RouteTable([route(), route()])
    RouteTable([route(), route(method="POST")])


def test_the_errors_of_a_route_follow_from_its_declaration() -> None:
    change = route("/api/orders/{order_id}/zz", method="POST", body=AdvanceOrder, audience=Audience.STAFF)
    assert change.all_errors() >= {Forbidden, NotFound, IdempotencyMismatch, TooLarge, RateLimited}
    assert not route().all_errors() & {Forbidden, NotFound, IdempotencyMismatch, TooLarge}
    assert RateLimited not in route(rate=RateClass.UNCOUNTED).all_errors()


async def test_a_request_counts_in_the_bucket_that_its_route_declares(open_hub: Open) -> None:
    limits = {"requests_s": 0.1, "requests_burst": 1, "login_requests_s": 0.1, "login_requests_burst": 1}
    async with open_hub(**limits) as house:
        assert (await house.get("/api/menu")).status == 200
        for path in ("/api/menu", "/", "/nowhere", "/api/orders/PED1/nothing", "/metrics"):
            assert (await house.get(path)).code == "rate_limited", path
        for path in ("/healthz", "/readyz", "/static/js/store.js", "/static/js/nothing.js"):
            assert (await house.get(path)).status in (200, 404), path
        login = {"name": "Ana", "pin": "12345678"}
        assert (await house.post("/api/login", login)).code == "unauthorized"
        assert (await house.post("/api/login", login)).code == "rate_limited"


async def test_only_the_routes_that_declare_a_larger_body_take_one(open_hub: Open) -> None:
    async with open_hub(message_bytes=10_000) as house:
        text = "x" * 12_000
        asked = {"messages": [{"role": "user", "content": text}] * 3}
        assert (await house.post("/api/orders", asked)).status == 413
        small = {"messages": [{"role": "user", "content": text}, {"role": "system", "content": "zz"}]}
        assert (await house.post("/api/chat/stream", small)).code == "bad_request"
