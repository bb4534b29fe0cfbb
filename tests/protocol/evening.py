"""A branch where every event has happened at least once, with all answers and snapshots of that time."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hub.config import Limits
from hub.domain.chat import TurnState
from hub.domain.events import ChatCompleted, ChatFailed, Usage
from hub.domain.failures import turn_error
from hub.domain.notices import Notice, Notices, NoticeState
from hub.domain.notification_preferences import Channel
from hub.domain.proposal import Proposal
from hub.domain.requested_by import RequestedBy
from hub.domain.roles import ANONYMOUS, Role
from hub.domain.webhooks import DeadLetter
from hub.domain.whatsapp_number import WhatsAppPeer
from hub.services.build import utc_now
from hub.services.chats.chat_documents import ending, read_turn, require_chat, written
from hub.services.document_names import notices_key, proposal_key, whatsapp_chat_key
from hub.services.webhooks.webhook_documents import burial
from hub.store import Document as Stored
from hub.store import Write
from tests.gateways.test_resuming import Socket
from tests.gateways.test_token_stream import say
from tests.support.browser_keys import browser_keys
from tests.support.hub_harness import SKU, HubHarness, Plain, an_order, plain, streaming

Sent = dict[str, list[dict[str, Any]]]


@dataclass
class Evening:
    """A branch where everything has happened at least once, and what was answered to it.

    Attributes:
        acks: The data of every good answer, by command.
        calls: The same by HTTP call, for those that are no commands.
        snapshots: What was shown of rooms, by their kind.
        own: The hub's own messages: their data, by type.
    """

    house: HubHarness
    acks: Sent = field(default_factory=dict)
    calls: Sent = field(default_factory=dict)
    snapshots: Sent = field(default_factory=dict)
    own: Sent = field(default_factory=dict)

    async def do(self, page: Plain, command: str, **payload: Any) -> dict[str, Any]:
        answer = await page.command(command, **payload)
        assert answer["ok"], (command, answer)
        data: dict[str, Any] = answer["data"]
        self.acks.setdefault(command, []).append(data)
        return data

    async def enter(self, page: Plain, room: str, token: str | None = None) -> None:
        data = await self.do(page, "room.join", room=room, token=token)
        self.snapshots.setdefault(room.partition(":")[0], []).append(data["snapshot"])

    async def get(self, call: str, path: str, **options: Any) -> None:
        method, _, _ = call.partition(" ")
        answer = await self.house.ask(method, path, **options)
        self.calls.setdefault(call, []).append(answer.data)


async def orders(evening: Evening, page: Plain, courier: str) -> None:
    """One order from the kitchen to the door, one that is called off."""
    placed = await evening.do(page, "order.place", **an_order(command_id="of-this-evening"))
    order = placed["order"]["id"]
    await evening.enter(page, f"order:{order}", placed["tracking"]["token"])
    await evening.do(page, "order.acknowledge", order_id=order)
    await evening.do(page, "order.accept", order_id=order)
    await evening.do(page, "order.advance", order_id=order, to="preparing")
    await evening.do(page, "order.recall", order_id=order, reason="se quemó", reason_code="remake")
    await evening.do(page, "order.advance", order_id=order, to="preparing")
    await evening.do(page, "order.mark_item", order_id=order, item=1, done=True)
    await evening.do(page, "order.delay", order_id=order, minutes=10, reason="lluvia")
    await evening.do(page, "order.delay", order_id=order, minutes=10, reason="Mucha demanda", reason_code="busy")
    await evening.do(page, "order.assign_courier", order_id=order, courier_id=courier)
    await evening.do(page, "order.mark_item", order_id=order, item=1, done=False)
    await evening.do(page, "order.advance", order_id=order, to="ready")
    await evening.do(page, "order.advance", order_id=order, to="en_route")
    await evening.do(page, "courier.report", order_id=order, lat=19.4, lon=-99.1, accuracy_m=10)
    await to_the_end(evening, page)
    other = (await evening.house.placed())["order"]["id"]
    await evening.do(page, "order.cancel", order_id=other, reason="error", reason_code="mistake")
    await evening.do(page, "order.cancel_many", filter={"min_total": 1_000_000}, reason="error")
    await evening.get("GET /api/orders/{order_id}", f"/api/orders/{order}", token=evening.house.token())
    customer = {"name": "Ana", "phone": "+52 55 1234 5678"}
    reachable = (await evening.house.placed(customer=customer))["order"]["id"]
    await evening.get("GET /api/orders/{order_id}", f"/api/orders/{reachable}", token=evening.house.token())
    await expired(evening)
    await partners(evening, page)
    for call in ("GET /api/orders", "GET /api/orders?open=true"):
        await evening.get(call, call.removeprefix("GET "), token=evening.house.token())


async def partners(evening: Evening, page: Plain) -> None:
    """An API key, an order by it, and its end."""
    house = evening.house
    made = await evening.do(page, "key.add", title="Reparto", scopes=["orders:write"])
    await evening.get("GET /api/keys", "/api/keys", token=house.token())
    placed = await house.post("/api/orders", an_order(), token=made["key"])
    await evening.get("GET /api/orders/{order_id}", f"/api/orders/{placed.data['order']['id']}", token=house.token())
    await evening.do(page, "key.revoke", key_id=made["key_id"])


async def to_the_end(evening: Evening, page: Plain) -> None:
    """A large order, which is accepted, and which its customer picks up."""
    items = [{"sku": SKU, "qty": 45}]
    order = (await evening.house.placed(delivery={"kind": "pickup"}, items=items))["order"]["id"]
    await evening.do(page, "order.accept", order_id=order)
    for step in ("preparing", "ready", "delivered"):
        await evening.do(page, "order.advance", order_id=order, to=step)
    await taken_back(evening, page)


async def taken_back(evening: Evening, page: Plain) -> None:
    """An order that was delivered by mistake, and one step more."""
    order = (await evening.house.placed())["order"]["id"]
    for step in ("preparing", "ready", "en_route", "delivered"):
        await evening.do(page, "order.advance", order_id=order, to=step)
    await evening.do(page, "order.recall", order_id=order, reason="error")
    await evening.do(page, "order.recall", order_id=order, reason="error")
    await evening.do(page, "order.delay", order_id=order, minutes=10, reason="lluvia")
    await evening.get("GET /api/orders/{order_id}", f"/api/orders/{order}", token=evening.house.token())


async def expired(evening: Evening) -> None:
    """A large order that nobody accepts."""
    house = evening.house
    large = (await house.placed(items=[{"sku": SKU, "qty": 45}]))["order"]["id"]
    an_hour_later = copy(house.hub.branch.services.expiry)
    an_hour_later._clock = lambda: utc_now() + timedelta(hours=1)
    await an_hour_later.end_overdue()
    await evening.get("GET /api/orders/{order_id}", f"/api/orders/{large}", token=house.token())
    await notices(evening, large)


async def notices(evening: Evening, order_id: str) -> None:
    """Somebody is to be told that an order is ready, and was told that it is being prepared."""
    now = utc_now()
    waiting = Notice(id="e.1.push", type="order.ready", channel=Channel.PUSH, due=now, next_try=now)
    sent = waiting.model_copy(update={"id": "e.2.push"}).settled(NoticeState.SENT, now)
    services = evening.house.hub.branch.services
    body = Notices(notices=(sent, waiting)).model_dump_json()
    await services.log.commit(Write(documents=(Stored(notices_key(f"order-{order_id}"), 1, body),)))
    path = f"/api/orders/{order_id}/notices"
    await evening.get("GET /api/orders/{order_id}/notices", path, token=evening.house.token())


async def the_branch(evening: Evening, page: Plain) -> None:
    for left in (4, 0, 60):
        await evening.do(page, "stock.set", sku=SKU, left=left)
    await evening.do(page, "promo.publish", title="2×1", message="en pastor")
    await evening.do(page, "promo.publish", title="3×2", message="en todo", expires_at="2099-01-01T00:00:00Z")
    quiet = {"start": "22:00", "end": "07:00"}
    await evening.do(page, "notify.set", types=["order.ready"], channels=["page"], quiet_hours=quiet)
    keys, endpoint = browser_keys(), "https://fcm.googleapis.com/fcm/send/a1"
    await evening.do(page, "push.subscribe", endpoint=endpoint, keys=keys)
    await evening.do(page, "push.unsubscribe", endpoint=endpoint)
    for room in ("kitchen", "promos", "stock", "floor"):
        await evening.enter(page, room)
    await evening.get("GET /api/figures", "/api/figures", token=evening.house.token())
    await evening.do(page, "room.leave", room="kitchen")
    await evening.do(page, "hub.ping")


async def webhooks(evening: Evening, page: Plain) -> None:
    """An endpoint from its first day to its last, with an event that did not arrive."""
    house, manager = evening.house, {"token": evening.house.token()}
    added = await evening.do(page, "webhook.add", url="https://partner.example/orders")
    webhook = added["webhook"]["id"]
    await evening.do(page, "webhook.change", webhook_id=webhook, types=["order.ready"])
    await evening.do(page, "webhook.rotate", webhook_id=webhook)
    now = utc_now()
    letter = DeadLetter(
        id="a-1", type="order.ready", body="{}", event_at=now, given_up_at=now, reason="500", attempts=80
    )
    await house.hub.branch.log.commit(burial(webhook, [letter]))
    for path in ("", "/{webhook_id}", "/{webhook_id}/dead"):
        call = f"/api/webhooks{path}"
        await evening.get(f"GET {call}", call.replace("{webhook_id}", webhook), **manager)
    await evening.do(page, "webhook.replay", webhook_id=webhook)
    await evening.do(page, "webhook.remove", webhook_id=webhook)


async def chats(evening: Evening, page: Plain) -> None:
    """One chat with an answer of each ending and one in the making, then a person, then nothing at all."""
    house = evening.house
    opened = await evening.do(page, "chat.open")
    chat, token = opened["chat_id"], opened["token"]
    first = await evening.do(page, "chat.send", chat_id=chat, text="hola", token=token)
    await end(house, first["turn_id"], TurnState.COMPLETED)
    second = await evening.do(page, "chat.send", chat_id=chat, text="¿y ahora?", token=token)
    await end(house, second["turn_id"], TurnState.FAILED)
    third = (await evening.do(page, "chat.send", chat_id=chat, text="dos de pastor", token=token))["turn_id"]
    await say(house, chat, "chat.started", turn_id=third, attempt=1, model="offline")
    await say(house, chat, "chat.step", turn_id=third, step="read", state="done", text="leído")
    await say(house, chat, "chat.delta", turn_id=third, index=0, text="Son")
    await propose(house, chat, third)
    await evening.enter(page, f"chat:{chat}", token)
    await order_in(house, chat)
    await evening.get("GET /api/chats", "/api/chats", token=house.token())
    await evening.get("GET /api/chats/{chat_id}/turns", f"/api/chats/{chat}/turns", token=house.token())
    await evening.do(page, "chat.stop", chat_id=chat, turn_id=third, token=token)
    await evening.do(page, "chat.take_over", chat_id=chat)
    await came_by_whatsapp(house, chat)
    await evening.do(page, "chat.reply", chat_id=chat, text="soy Ana")
    await evening.do(page, "chat.hand_back", chat_id=chat)
    await evening.enter(page, f"chat:{chat}", token)
    await evening.do(page, "chat.forget", chat_id=chat, token=token)


async def came_by_whatsapp(house: HubHarness, chat: str) -> None:
    """The chat is that of a number which has not written for two days."""
    branch = house.hub.branch
    await branch.services.whatsapp.heard("5215512345678", "Ana", branch.services.clock() - timedelta(days=2))
    peer = WhatsAppPeer(wa_id="5215512345678").model_dump_json()
    await branch.log.commit(Write(documents=(Stored(whatsapp_chat_key(chat), 1, peer),)))


async def order_in(house: HubHarness, chat: str) -> None:
    """The chat follows an order, as one that was placed in it: the agent's part."""
    order = (await house.placed())["order"]["id"]
    read = await require_chat(house.hub.branch.log, chat)
    followed = read.chat.model_copy(update={"order_ids": (order,)})
    await house.hub.branch.log.commit(written(read, followed, house.hub.branch.services.clock()))


async def end(house: HubHarness, turn_id: str, state: TurnState) -> None:
    """The turn is over, in the room and in its documents: the agent's part."""
    both = await read_turn(house.hub.branch.log, turn_id)
    assert both is not None
    usage = Usage(ttft_ms=1, duration_ms=2, deltas=1, llm_calls=1, tool_calls=0)
    event = (
        ChatCompleted(turn_id=turn_id, text="Hola.", usage=usage)
        if state is TurnState.COMPLETED
        else ChatFailed(turn_id=turn_id, text="", error=turn_error("internal", "es"))
    )
    services = house.hub.branch.services
    await house.hub.branch.log.commit(ending(both, state, (event,), services.clock(), Limits(_env_file=None)))


async def propose(house: HubHarness, chat: str, turn_id: str) -> None:
    """Something in the chat waits for a yes: the agent's part."""
    proposal = Proposal(
        id="p1",
        code="K3Q9",
        say="Confirmar K3Q9",
        asks="Por confirmar: 2 de pastor",
        tool="place_order",
        command="{}",
        summary="2 de pastor",
        terms="",
        shows="",
        requested_by=RequestedBy.of(ANONYMOUS),
        turn_id=turn_id,
        made_at=house.hub.branch.services.clock(),
    )
    await house.hub.branch.log.commit(Write(documents=(Stored(proposal_key(chat), 1, proposal.model_dump_json()),)))


async def foreign_chat(evening: Evening) -> None:
    """A question over the AI SDK's gateway, and an end to it."""
    house, id_ = evening.house, "a-name-that-nobody-guesses"
    asked = {"id": id_, "messages": [{"role": "user", "parts": [{"type": "text", "text": "hola"}]}]}
    async with house.http.post(house.url + "/api/chat", json=asked) as response:
        await response.content.readline()
        await evening.get("DELETE /api/chat/{id}/stream", f"/api/chat/{id_}/stream")


async def own_messages(evening: Evening, token: str) -> None:
    """Record the hub's own messages: the first one of a Socket.IO connection, and the reset that begins a stream."""
    house = evening.house
    for auth in ({}, {"token": token}):
        async with house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as ws:
            await ws.receive_str()  # the handshake
            await ws.send_str(f"40{json.dumps(auth)}")
            await ws.receive_str()
            kind, first, _ = await Socket(ws).event()
            evening.own.setdefault(kind, []).append(first)
    async with streaming(house, "/api/rooms/promos/events") as stream:
        reset = await stream.next()
        evening.own.setdefault(reset.type, []).append(reset.event["data"])


async def spend(house: HubHarness) -> Evening:
    """Make every event happen."""
    evening = Evening(house)
    courier = await house.hub.branch.services.staff.add("Beto", [Role.COURIER], "24681357")
    token = house.tokens.issue(courier.principal, utc_now(), timedelta(hours=1))
    async with await plain(house, token=house.token()) as page:
        await orders(evening, page, courier.id)
        await the_branch(evening, page)
        await webhooks(evening, page)
        await chats(evening, page)
    async with await plain(house, token=token) as page:
        await evening.enter(page, f"customer:{courier.id}")
    login = await house.post("/api/login", {"name": "Beto", "pin": "24681357"})
    evening.calls["POST /api/login"] = [login.data]
    await evening.get("GET /api/menu", "/api/menu")
    await evening.get("GET /api/push/key", "/api/push/key")
    await evening.get("GET /api/staff", "/api/staff", token=house.token())
    await evening.get("GET /healthz", "/healthz")
    await evening.get("GET /api/rooms/{room}/events", "/api/rooms/promos/events")
    phone = await house.hub.branch.services.service_tokens.issue_for_courier(courier, timedelta(hours=1))
    for time in ("", "1"):
        await evening.get("POST /ingest/osmand", f"/ingest/osmand?id={phone}&lat=19.43&lon=-99.13&timestamp={time}")
    await evening.get("GET /ingest/osmand", f"/ingest/osmand?id={phone}&lat=19.43&lon=-99.13&timestamp=1")
    await foreign_chat(evening)
    await own_messages(evening, token)
    async with await plain(house, token=token) as page:
        await evening.do(page, "auth.logout")
    return evening
