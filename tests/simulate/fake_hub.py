"""A hub by hand, in memory: the domain's own rules behind the calls that the actors make, and faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from hub.core.errors import ComandaError, NotFound, Unauthorized, Unavailable
from hub.domain import order as rules
from hub.domain.events import OrderEvent
from hub.domain.lifecycle import OrderStatus
from hub.domain.order_document import Courier, CustomerName, Delivery, Order, OrderItem
from hub.domain.order_fold import apply

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
        app.router.add_get("/ws", self._ws)
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
            order = apply(order, event, at)
            place = {"offset": len(self.events) + 1, "prev": len(self.events), "room": "kitchen", "at": ""}
            data = event.model_dump(mode="json", exclude={"type"})
            self.events.append({**place, "type": event.type, "data": data})
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

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        self._staff_only(request)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async with asyncio.TaskGroup() as tasks:
            sending: asyncio.Task[None] | None = None
            async for message in ws:
                asked = message.json()
                data: dict[str, Any] = {}
                if asked["command"] == "room.join":
                    data = self._joined(asked["data"].get("after"))
                await ws.send_json({"ack": asked.get("id"), "ok": True, "data": data})
                if data:
                    sending = tasks.create_task(self._send_events(ws, len(self.events)))
            if sending is not None:
                sending.cancel()
        return ws

    def _joined(self, after: str | None) -> dict[str, Any]:
        self.streams_opened += 1
        known = int(after.partition("-")[2]) if after else len(self.events)
        missed = self.events[known:]
        cursor = f"e-{len(self.events)}"
        return {"room": "kitchen", "cursor": cursor, "recovered": bool(after), "snapshot": {}, "events": missed}

    async def _send_events(self, ws: web.WebSocketResponse, at: int) -> None:
        life = self._stream_life
        while True:
            async with self._happened:
                while len(self.events) == at and self._stream_life == life:
                    await self._happened.wait()
            if self._stream_life != life:
                await ws.close()
                return
            for event in self.events[at:]:
                at += 1
                await ws.send_json({"cursor": f"e-{at}", "event": event})

    def _staff_only(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Unauthorized("who is asking?")

    def _order(self, request: web.Request) -> Order:
        try:
            return self.orders[request.match_info["id"]]
        except KeyError:
            raise NotFound("there is no such order") from None
