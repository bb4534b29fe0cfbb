"""Where an order is: now, from here on, and what happened to it."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from agents.tools.base import BoundTool
from agents.tools.own import OVER, WhichOrder, brief, one_order, own_orders, start_tracking, told
from agents.tools.steps import Steps
from hub.domain.events import ChatStep
from hub.domain.order import EXPIRED
from hub.domain.rooms import Room
from hub.services.stored import read_body

if TYPE_CHECKING:
    from agents.tools.errand import Result
    from hub.eventlog import LogEntry

_TOLD = 10  # orders told of at once
_LONGEST_WATCH_S = 20
_MOST_UPDATES = 8  # while watching
_LAST = frozenset({"order.delivered", "order.cancelled"})

# What happens to an order, as its customer reads it.
HAPPENED = {
    "order.received": ("lo recibimos", "we have it"),
    "order.preparing": ("se está preparando", "it is being prepared"),
    "order.ready": ("está listo", "it is ready"),
    "order.en_route": ("va en camino", "it is on its way"),
    "order.delivered": ("se entregó", "it was delivered"),
    "order.cancelled": ("se canceló", "it was cancelled"),
    "order.accepted": ("la taquería lo aceptó", "the taquería accepted it"),
    "order.expired": ("se venció el tiempo para aceptarlo o entregarlo", "the time to accept or deliver it ran out"),
    "order.courier_assigned": ("ya tiene repartidor", "it has a courier"),
    "order.recalled": ("volvió un paso atrás", "it went back a step"),
    "order.delayed": ("va a tardar más", "it will take longer"),
    "order.eta_changed": ("cambió la hora estimada", "the estimate has changed"),
    "notice.sent": ("aviso", "notice"),
}


class TrackOrderTool(BoundTool):
    """Where the asker's orders are: the open ones, newest first."""

    name = "track_order"
    description = (
        "Where the customer's own orders are now, when they will be ready, and what comes next. It knows by itself "
        "whose orders they are. Always call it before saying anything about an order's state."
    )
    arguments = WhichOrder

    async def do(self, arguments: WhichOrder, command_id: str) -> Result:
        found = await own_orders(self.errand, arguments.code)
        still_open = [order for order in found if order["status"] not in OVER]
        # With nothing on its way, "where is my order?" is about the last one.
        chosen = found if arguments.code else still_open or found[:1]
        result: Result = {"orders": [told(self.errand, order) for order in chosen[:_TOLD]]}
        return result | {"code": arguments.code} if arguments.code else result

    def called(self, arguments: WhichOrder) -> str:
        return self.say("Buscando tu pedido", "Looking for your order")

    def finished(self, result: Result) -> str:
        if not result["orders"]:
            return self.say("sin pedidos", "no orders")
        return ", ".join(self._state(order) for order in result["orders"])

    def _state(self, order: dict[str, Any]) -> str:
        texts = HAPPENED.get(f"order.{order['status']}", (order["status"], order["status"]))
        return f"{order['code']}: {self.say(*texts)}"


class StartTrackingTool(BoundTool):
    """The link to follow an order by; the customer's open pages are brought into the order's room."""

    name = "start_tracking"
    description = (
        "Let the customer follow their own order live: their page begins to show it, and they get the link. Give it "
        "exactly as the tool gives it."
    )
    arguments = WhichOrder
    changes = True

    async def do(self, arguments: WhichOrder, command_id: str) -> Result:
        order = await one_order(self.errand, arguments.code, lambda order: order["status"] not in OVER)
        if "error" in order:
            return order
        url = await start_tracking(self.errand, order, command_id)
        return told(self.errand, order) | {"tracking_url": url}

    def called(self, arguments: WhichOrder) -> str:
        return self.say("Buscando tu enlace", "Looking for your link")

    def finished(self, result: Result) -> str:
        return self.say(f"enlace del pedido {result['code']}", f"link of order {result['code']}")


class WatchOrderArguments(WhichOrder):
    seconds: int = Field(default=15, ge=1, le=_LONGEST_WATCH_S, strict=True, description="How long to listen")


class WatchOrderTool(BoundTool):
    """Listens for a while, and tells each thing as it happens."""

    name = "watch_order"
    description = (
        "Listen to one of the customer's own orders for some seconds; each thing that happens is shown at once. Only "
        "when they ask to be kept up to date right now; for where it is, call track_order."
    )
    arguments = WatchOrderArguments
    deadline_s = _LONGEST_WATCH_S + 5.0

    async def do(self, arguments: WatchOrderArguments, command_id: str) -> Result:
        order = await one_order(self.errand, arguments.code, lambda order: order["status"] not in OVER)
        if "error" in order:
            return order
        updates: list[dict[str, Any]] = []
        room, after = str(Room.order(order["id"])), await self._now(order)
        steps = Steps(self.errand, {"watching": ("Atento a tu pedido", "Listening to your order")})
        await steps.enter("watching")
        # Stops with the order's end; a listener who is late hears it from the log.
        async with aclosing(self.errand.services.follower.until(room, after, arguments.seconds, _LAST)) as entries:
            async for entry in entries:
                if update := self._update(entry):
                    await self._show(len(updates), update["what"])
                    updates.append(update)
                if len(updates) >= _MOST_UPDATES:
                    break
        await steps.done()
        now = await one_order(self.errand, order["code"])
        return {"updates": updates, "order": told(self.errand, now) if "id" in now else brief(order)}

    def called(self, arguments: WatchOrderArguments) -> str:
        return self.say("Escuchando tu pedido", "Listening to your order")

    def finished(self, result: Result) -> str:
        count = len(result["updates"])
        return self.say(f"{count} novedades", f"{count} updates")

    async def _now(self, order: dict[str, Any]) -> int:
        """The offset of the last thing that the order as it was read already tells of."""
        entries = await self.errand.services.log.read_back(str(Room.order(order["id"])), None, 50)
        bodies = [(entry.offset, read_body(self.errand.services.log, entry)) for entry in entries]
        return max((offset for offset, body in bodies if body and body["at"] <= order["updated_at"]), default=0)

    def _update(self, entry: LogEntry) -> dict[str, Any] | None:
        texts = HAPPENED.get(entry.type)
        body = read_body(self.errand.services.log, entry) if texts else None
        if texts is None or body is None:
            return None
        return {"what": self.say(*texts)} | _why(body["data"])

    async def _show(self, number: int, text: str) -> None:
        step = ChatStep(turn_id=self.errand.turn_id, step=f"update-{number}", state="done", text=text)
        await self.errand.journal.record(step)


class OrderHistoryTool(BoundTool):
    """What happened to an order, from the log."""

    name = "order_history"
    description = (
        "What happened to one of the customer's own orders so far, step by step, and how long ago; without a number "
        "also their other orders, the newest first."
    )
    arguments = WhichOrder

    async def do(self, arguments: WhichOrder, command_id: str) -> Result:
        found = await own_orders(self.errand, arguments.code)
        if not found:
            return {"error": "no_orders"}
        latest, *others = found
        entries = await self.errand.services.log.read(str(Room.order(latest["id"])), 0, limit=200)
        steps = [step for entry in entries if (step := self._step(entry))]
        return {"code": latest["code"], "status": latest["status"], "happened": steps[-30:]} | (
            {} if arguments.code else {"others": [brief(order) for order in others[:_TOLD]]}
        )

    def called(self, arguments: WhichOrder) -> str:
        return self.say("Repasando tu pedido", "Going over your order")

    def finished(self, result: Result) -> str:
        count = len(result["happened"])
        return self.say(f"{count} pasos", f"{count} steps")

    def _step(self, entry: LogEntry) -> dict[str, Any] | None:
        texts = HAPPENED.get(entry.type)
        body = read_body(self.errand.services.log, entry) if texts else None
        if texts is None or body is None:
            return None
        ago = self.errand.services.clock() - datetime.fromisoformat(body["at"])
        minutes_ago = max(0, round(ago.total_seconds() / 60))
        return {"what": self.say(*texts), "minutes_ago": minutes_ago} | _why(body["data"])


def _why(data: dict[str, Any]) -> dict[str, Any]:
    """What an event says of its cause, for its customer."""
    return {name: data[name] for name in ("reason", "minutes", "message") if data.get(name) and data[name] != EXPIRED}
