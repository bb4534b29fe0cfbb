"""Orders over HTTP: what each call answers when all is well."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.hub_harness import SKU, an_order

if TYPE_CHECKING:
    from tests.support.hub_harness import HubHarness

DOCUMENT = {
    *("id", "code", "status", "version", "items", "total", "currency", "customer", "delivery", "courier", "eta"),
    *("acknowledged", "placed_at", "updated_at"),
}


async def courier(house: HubHarness, name: str = "Beto") -> str:
    from hub.domain.roles import Role

    return (await house.hub.branch.services.staff.add(name, [Role.COURIER], "24681357")).id


async def test_an_order_is_answered_with_its_document_and_a_link_that_opens_it(house: HubHarness) -> None:
    answer = await house.post("/api/orders", an_order())
    assert answer.status == 201
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.data) == {"order", "tracking", "cursor"}
    order, tracking = answer.data["order"], answer.data["tracking"]
    assert set(order) >= DOCUMENT
    assert (order["status"], order["version"], order["currency"]) == ("received", 1, "MXN")
    assert order["total"] == sum(line["qty"] * line["unit_price"] for line in order["items"])
    assert order["items"][0]["item"] == 1
    assert tracking["url"] == f"/t/{tracking['token']}"
    assert datetime.fromisoformat(order["placed_at"]).tzinfo is not None
    assert order["placed_at"].endswith("Z")
    seen = await house.get(f"/api/orders/{order['id']}?token={tracking['token']}")
    assert (seen.status, seen.data) == (200, {"order": order, "cursor": answer.data["cursor"]})
    assert (await house.get(f"/api/orders/{order['id']}", token=tracking["token"])).data["order"] == order


async def test_the_phone_number_is_shown_to_staff_alone(house: HubHarness) -> None:
    placed = await house.placed(customer={"name": "Luz", "phone": "+52 55 1234 5678"})
    id, link = placed["order"]["id"], placed["tracking"]["token"]
    assert placed["order"]["customer"] == {"name": "Luz"}
    assert (await house.get(f"/api/orders/{id}", token=link)).data["order"]["customer"] == {"name": "Luz"}
    shown = (await house.get(f"/api/orders/{id}", token=house.token("kitchen"))).data["order"]
    assert shown["customer"].pop("origin")
    assert shown["customer"] == {"name": "Luz", "phone": "+52 55 1234 5678"}
    stream = await house.get("/api/rooms/kitchen/events", token=house.token("kitchen"))
    assert "1234 5678" not in stream.raw.decode()


async def test_an_order_that_costs_something_else_than_its_customer_saw_is_refused_over_http(house: HubHarness) -> None:
    price = {dish["sku"]: dish["price"] for dish in (await house.get("/api/menu")).data["items"]}[SKU]
    line = {"sku": SKU, "qty": 2, "unit_price": price - 300}
    refused = await house.post("/api/orders", an_order(items=[line], total=2 * price - 600))
    assert (refused.status, refused.code) == (409, "price_changed")
    values = refused.body["error"]["values"]
    assert (values["expected"], values["total"]) == (2 * price - 600, 2 * price)
    assert [(item["sku"], item["was"], item["now"]) for item in values["items"]] == [(SKU, price - 300, price)]
    assert (await house.get("/api/orders", token=house.token())).data["orders"] == []
    assert (
        await house.post("/api/orders", an_order(items=[line | {"unit_price": price}], total=2 * price))
    ).status == 201


@pytest.mark.parametrize(
    "name",
    [
        "José Ñañez",
        "🌮 Señor Taco 🌶️",
        "張偉",
        "Zoë <script>alert(1)</script>",
        "a\u0301e\u0301",
        "مطعم",
        'O"Brien \\ ü',
    ],
)
async def test_names_and_notes_come_back_as_they_were_written(house: HubHarness, name: str) -> None:
    items = [{"sku": SKU, "qty": 1, "notes": name}]
    placed = await house.placed(customer={"name": name}, items=items)
    assert placed["order"]["customer"]["name"] == name
    room = f"order:{placed['order']['id']}"
    page = await house.get(f"/api/rooms/{room}/events", token=placed["tracking"]["token"])
    order = page.data["events"][0]["data"]["order"]
    assert (order["customer"]["name"], order["items"][0]["notes"]) == (name, name)
    assert name in page.raw.decode() or '"' in name  # as UTF-8, not as escapes


async def test_an_order_goes_its_whole_way(house: HubHarness) -> None:
    id = (await house.placed())["order"]["id"]
    rider = await courier(house)
    manager = house.token()

    async def act(action: str, **body: object) -> dict[str, object]:
        answer = await house.post(f"/api/orders/{id}/{action}", body, token=manager)
        assert answer.status == 200, answer.raw
        assert set(answer.data) == {"order", "cursor"}
        order: dict[str, object] = answer.data["order"]
        return order

    assert (await act("acknowledge"))["acknowledged"] is True
    assert (await act("advance", to="preparing", version=2))["status"] == "preparing"
    assert (await act("items", item=1, done=True))["items"][0]["done"] is True  # type: ignore[index]
    assert (await act("items", item=1, done=False))["items"][0]["done"] is False  # type: ignore[index]
    assert (await act("advance", to="ready"))["status"] == "ready"
    assert (await act("recall", reason="faltó la salsa"))["status"] == "preparing"
    eta = (await act("advance", to="ready"))["eta"]
    delayed = await act("delay", minutes=10, reason="lluvia")
    assert delayed["eta"] != eta
    assert (await act("courier", courier_id=rider))["courier"] == {"id": rider, "name": "Beto"}
    assert (await act("advance", to="en_route"))["status"] == "en_route"
    done = await act("advance", to="delivered")
    assert done["status"] == "delivered"
    page = await house.get(f"/api/rooms/order:{id}/events", token=manager)
    assert [event["type"] for event in page.data["events"]] == [
        *("order.received", "order.preparing", "order.item_done", "order.item_undone", "order.ready"),
        *("order.recalled", "order.eta_changed", "order.ready", "order.delayed", "order.eta_changed"),
        *("order.courier_assigned", "order.en_route", "order.delivered"),
    ]


async def test_a_customer_cancels_before_the_kitchen_starts_and_not_after(house: HubHarness) -> None:
    first, second = await house.placed(), await house.placed()
    await house.advance(second["order"]["id"], "preparing")
    answers = [
        await house.post(
            f"/api/orders/{placed['order']['id']}/cancel", {"reason": "ya no"}, token=placed["tracking"]["token"]
        )
        for placed in (first, second)
    ]
    assert answers[0].data["order"]["status"] == "cancelled"
    assert (answers[1].status, answers[1].code) == (409, "conflict")


async def test_orders_are_listed_newest_first_a_page_at_a_time(house: HubHarness) -> None:
    ids = [(await house.placed())["order"]["id"] for _ in range(5)]
    await house.advance(ids[2], "preparing")
    token = house.token("kitchen")
    seen, before = [], ""
    while True:
        page = (await house.get(f"/api/orders?limit=2{before}", token=token)).data
        assert set(page) == {"orders", "next"}
        seen += [order["id"] for order in page["orders"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == ids[::-1]
    found = (await house.get("/api/orders?status=preparing", token=token)).data["orders"]
    assert [order["id"] for order in found] == [ids[2]]


async def test_one_key_places_one_order_however_often_it_is_sent(house: HubHarness) -> None:
    key = {"Idempotency-Key": "pedido-1"}
    answers = await asyncio.gather(*(house.post("/api/orders", an_order(), headers=key) for _ in range(8)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.raw for answer in answers}) == 1
    again = await house.post("/api/orders", {**an_order(), "command_id": "pedido-1"})
    assert again.data == answers[0].data
    assert len((await house.get("/api/orders", token=house.token())).data["orders"]) == 1


async def test_a_key_that_was_used_for_something_else_is_a_mismatch(house: HubHarness) -> None:
    key = {"Idempotency-Key": "k"}
    first = await house.post("/api/orders", an_order(), headers=key)
    position = await house.position()
    other = await house.post("/api/orders", an_order(customer={"name": "Otra"}), headers=key)
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert await house.position() == position
    # Somebody else's key of the same name is another key.
    staff = await house.post("/api/orders", an_order(), headers=key, token=house.token())
    assert staff.data["order"]["id"] != first.data["order"]["id"]


async def test_a_step_said_twice_under_one_key_is_one_step(house: HubHarness) -> None:
    id = (await house.placed())["order"]["id"]
    token, key = house.token("kitchen"), {"Idempotency-Key": "paso-1"}
    path = f"/api/orders/{id}/advance"
    first = await house.post(path, {"to": "preparing"}, token=token, headers=key)
    await house.advance(id, "ready")
    again = await house.post(path, {"to": "preparing"}, token=token, headers=key)
    assert again.raw == first.raw
    other = await house.post(path, {"to": "delivered"}, token=token, headers=key)
    assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_the_menu_says_what_there_is_and_forgets_no_order(house: HubHarness) -> None:
    menu = (await house.get("/api/menu")).data
    assert len(menu["items"]) >= 20
    assert all(set(item) >= {"sku", "name", "price", "currency", "available"} for item in menu["items"])
    dish = next(item for item in menu["items"] if item.get("left", 0) > 2)
    await house.placed(items=[{"sku": dish["sku"], "qty": 2}])
    left = {item["sku"]: item.get("left") for item in (await house.get("/api/menu")).data["items"]}
    assert left[dish["sku"]] == dish["left"] - 2


async def test_what_is_sold_out_is_refused_and_nothing_of_the_order_is_taken(house: HubHarness) -> None:
    tracked = [item["sku"] for item in (await house.get("/api/menu")).data["items"] if "left" in item][:2]
    for sku, left in zip(tracked, (5, 1), strict=True):
        stock = await house.post("/api/stock", {"sku": sku, "left": left}, token=house.token("kitchen"))
        assert (stock.status, set(stock.data)) == (200, {"cursor"})
    position = await house.position()
    refused = await house.post("/api/orders", an_order(items=[{"sku": sku, "qty": 2} for sku in tracked]))
    assert (refused.status, refused.code) == (409, "out_of_stock")
    assert refused.body["error"]["values"]["items"] == [{"sku": tracked[1], "left": 1}]
    assert await house.position() == position
    left_now = {item["sku"]: item.get("left") for item in (await house.get("/api/menu")).data["items"]}
    assert [left_now[sku] for sku in tracked] == [5, 1]


async def test_a_promotion_is_published_once_a_key(house: HubHarness) -> None:
    body, key = {"title": "Jueves 🌮", "message": "2×1 en pastor"}, {"Idempotency-Key": "promo"}
    answers = [await house.post("/api/promos", body, token=house.token(), headers=key) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert set(answers[0].data) == {"promo_id", "cursor"}
    assert answers[0].data == answers[1].data
    page = (await house.get("/api/rooms/promos/events")).data
    assert [event["data"]["title"] for event in page["events"]] == ["Jueves 🌮"]


async def test_staff_log_in_and_work_with_the_token_they_get(house: HubHarness) -> None:
    from hub.domain.roles import Role

    await house.hub.branch.services.staff.add("Ñoño Pérez", [Role.KITCHEN], "24681357")
    answer = await house.post("/api/login", {"name": "nono perez", "pin": "24681357"})
    assert (answer.status, set(answer.data)) == (200, {"token", "expires_at", "principal"})
    assert answer.data["principal"]["kind"] == "staff"
    assert answer.data["principal"]["roles"] == ["kitchen"]
    assert (await house.get("/api/orders", token=answer.data["token"])).status == 200
    people = (await house.get("/api/staff?role=kitchen", token=answer.data["token"])).data["staff"]
    assert [set(person) for person in people] == [{"id", "name", "roles"}]


async def test_a_chat_is_opened_asked_and_stopped(house: HubHarness) -> None:
    opened = await house.post("/api/chats", {})
    assert (opened.status, set(opened.data)) == (201, {"chat_id", "token"})
    chat, token = opened.data["chat_id"], opened.data["token"]
    said = await house.post(f"/api/chats/{chat}/messages", {"text": "¿Hay pastor? 🌮"}, token=token)
    assert (said.status, set(said.data)) == (202, {"turn_id", "cursor"})
    stopped = await house.post(f"/api/chats/{chat}/stop", {"turn_id": said.data["turn_id"]}, token=token)
    assert (stopped.status, stopped.data) == (200, {})
    events = (await house.get(f"/api/rooms/chat:{chat}/events", token=token)).data["events"]
    assert [event["type"] for event in events] == ["chat.message", "chat.stopped"]
    assert events[0]["data"]["text"] == "¿Hay pastor? 🌮"
    stranger = await house.post(f"/api/chats/{chat}/messages", {"text": "hola"})
    assert (stranger.status, stranger.code) == (404, "not_found")


async def test_the_list_of_chats_is_for_those_who_answer_in_them(house: HubHarness) -> None:
    opened = (await house.post("/api/chats", {})).data
    sent = await house.post(f"/api/chats/{opened['chat_id']}/messages", {"text": "hola", "token": opened["token"]})
    assert sent.status == 202
    (shown,) = (await house.get("/api/chats?limit=5", token=house.token("support"))).data["chats"]
    assert (shown["chat_id"], shown["last"]["text"], shown["answering"]) == (opened["chat_id"], "hola", True)
    assert (await house.get("/api/chats?mode=person", token=house.token("manager"))).data == {"chats": [], "next": None}
    assert (await house.get("/api/chats", token=house.token("kitchen"))).code == "forbidden"
    assert (await house.get("/api/chats")).code == "forbidden"
    assert (await house.get("/api/chats?mode=robot", token=house.token())).code == "bad_request"
