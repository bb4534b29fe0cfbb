"""A hub by hand, in memory: the domain's own rules behind the calls that the actors make, and faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from hub.domain import order as rules
from hub.domain.errors import ComandaError, NotFound, Unauthorized, Unavailable
from hub.domain.events import OrderEvent
from hub.domain.models import Courier, CustomerName, Delivery, Order, OrderItem, OrderStatus

TOKEN = "kitchen"
DISHES = ("taco-pastor", "taco-suadero", "agua-jamaica", "flan")

Decide = Callable[[Order, dict[str, Any]], list[OrderEvent]]
ACTIONS: dict[str, Decide] = {
    "acknowledge": lambda order, body: rules.acknowledge(order, "Demo"),
    "items": lambda order, body: rules.mark_item(order, body["item"], body["done"]),
    "courier": lambda order, body: rules.assign_courier(order, Courier(id=body["courier_id"], name="Beto")),
    "advance": lambda order, body: rules.advance(order, OrderStatus(body["to"]), "Demo", None),
}


class FakeHub:
    """Set `refuse_next` to answer that many requests with 503; `break_streams` ends every open stream."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.events: list[dict[str, Any]] = []
        self.promos: list[dict[str, Any]] = []
        self.refuse_next = 0
        self.refused = 0
        self.streams_opened = 0
        self._answers: dict[str, dict[str, Any]] = {}
        self._happened = asyncio.Condition()
        self._stream_life = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._faults])
        app.router.add_get("/api/menu", self._menu)
        app.router.add_post("/api/orders", self._place)
        app.router.add_get("/api/orders", self._list)
        app.router.add_get("/api/orders/{id}", self._get)
        app.router.add_post("/api/orders/{id}/{action}", self._act)
        app.router.add_post("/api/promos", self._promo)
        app.router.add_get("/api/rooms/kitchen/events", self._events)
        return app

    async def place(self, body: dict[str, Any]) -> Order:
        """An order of somebody else's."""
        number = len(self.orders) + 1
        lines = [
            OrderItem(item=at, sku=line["sku"], name=line["sku"], qty=line["qty"], unit_price=2200)
            for at, line in enumerate(body["items"], start=1)
        ]
        [event] = rules.place(
            f"PED{number:05d}",
            CustomerName(name=body["customer"]["name"]),
            lines,
            Delivery.model_validate(body["delivery"]),
            None,
            datetime.now(UTC),
        )
        return await self._commit(None, [event])

    async def act(self, order: Order, action: str, body: dict[str, Any]) -> Order:
        """A tap: anybody's."""
        rules.check_version(order, body.get("version"))
        return await self._commit(order, ACTIONS[action](order, body))

    async def break_streams(self) -> None:
        async with self._happened:
            self._stream_life += 1
            self._happened.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to have happened here."""
        async with asyncio.timeout(10), self._happened:
            await self._happened.wait_for(condition)

    async def _commit(self, order: Order | None, happened: list[OrderEvent]) -> Order:
        at = datetime.now(UTC)
        for event in happened:
            order = rules.apply(order, event, at)
            self.events.append({"type": event.type, "data": event.model_dump(mode="json", exclude={"type"})})
        assert order is not None
        self.orders[order.id] = order
        async with self._happened:
            self._happened.notify_all()
        return order

    @web.middleware
    async def _faults(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            if self.refuse_next:
                self.refuse_next -= 1
                self.refused += 1
                raise Unavailable("not now")
            key = request.headers.get("Idempotency-Key")
            if key in self._answers:
                return web.json_response(self._answers[key])
            answer = await handler(request)
        except ComandaError as error:
            return web.json_response({"ok": False, "error": error.as_dict()}, status=error.status)
        if isinstance(answer, web.StreamResponse):
            return answer
        body = {"ok": True, "data": answer}
        if key:
            self._answers[key] = body
        return web.json_response(body)

    async def _menu(self, _request: web.Request) -> Any:
        return {"items": [{"sku": sku, "available": sku != "flan"} for sku in DISHES]}

    async def _place(self, request: web.Request) -> Any:
        order = await self.place(await request.json())
        return {"order": order.model_dump(mode="json"), "tracking": {}, "cursor": "e-1"}

    async def _list(self, request: web.Request) -> Any:
        self._staff_only(request)
        wanted = request.query["status"]
        return {"orders": [o.model_dump(mode="json") for o in self.orders.values() if o.status == wanted]}

    async def _get(self, request: web.Request) -> Any:
        return {"order": self._order(request).model_dump(mode="json"), "cursor": "e-1"}

    async def _act(self, request: web.Request) -> Any:
        self._staff_only(request)
        order = await self.act(self._order(request), request.match_info["action"], await request.json())
        return {"order": order.model_dump(mode="json"), "cursor": "e-1"}

    async def _promo(self, request: web.Request) -> Any:
        self.promos.append(await request.json())
        async with self._happened:
            self._happened.notify_all()
        return {"promo_id": "P1"}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self._staff_only(request)
        self.streams_opened += 1
        life, resumed = self._stream_life, request.headers.get("Last-Event-ID")
        at = int(resumed.partition("-")[2]) if resumed else len(self.events)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n: hello\n\n")
        if not resumed:
            await response.write(f'id: e-{at}\nevent: room.reset\ndata: {{"data": {{}}}}\n\n'.encode())
        while True:
            async with self._happened:
                while len(self.events) == at and self._stream_life == life:
                    await self._happened.wait()
            if self._stream_life != life:
                return response
            for event in self.events[at:]:
                at += 1
                frame = f"id: e-{at}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
                await response.write(frame.encode())

    def _staff_only(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Unauthorized("who is asking?")

    def _order(self, request: web.Request) -> Order:
        try:
            return self.orders[request.match_info["id"]]
        except KeyError:
            raise NotFound("there is no such order") from None
