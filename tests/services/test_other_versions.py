"""Documents of another version of the hub: no field is lost, and nothing breaks."""

from __future__ import annotations

import json
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest

from hub.core.errors import Conflict, UnreadableDocument
from hub.domain import commands as cmd
from hub.domain.chat import Chat, ChatMode, Turn, TurnState
from hub.domain.conversation import Conversation, Message
from hub.domain.lifecycle import OrderStatus
from hub.domain.notification_preferences import Channel
from hub.domain.open_turn import OpenTurn
from hub.domain.proposal import Proposal
from hub.domain.roles import ANONYMOUS, Kind, Role
from hub.domain.rooms import KITCHEN, Room
from hub.domain.values import Stored
from hub.services.chats.chat_documents import checkpoint_key, conversation_key, read_chat, turn_key
from hub.services.document_names import chat_key, contact_key, notify_key, order_key, staff_key
from hub.services.stored_documents import load
from hub.store.log import DocKey, Document, NewEvent, Write
from hub.store.unreadable_reports import UnreadableReports
from tests.support.carry_out import carry_out
from tests.support.processes import ROOT
from tests.support.services_harness import KITCHEN_HAND, MANAGER, RIDER, Branch, customer_of

if TYPE_CHECKING:
    from collections.abc import Callable

NEW: dict[str, Any] = {"since_next_year": {"deep": [1, None, "ñ"]}, "tip": 1_500}


async def change(branch: Branch, key: DocKey, edit: Callable[[dict[str, Any]], object]) -> None:
    """Write a document as another version would: its version stays."""
    document = await branch.log.document(key)
    assert document is not None
    body = json.loads(document.body)
    edit(body)
    await branch.log.commit(Write(documents=(Document(key, document.version, json.dumps(body)),)))


async def stored(branch: Branch, key: DocKey) -> dict[str, Any]:
    document = await branch.log.document(key)
    assert document is not None
    body: dict[str, Any] = json.loads(document.body)
    return body


def with_new_fields(order: dict[str, Any]) -> None:
    order |= NEW
    for part in (order["items"][0], order["customer"], order["delivery"], order["eta"]):
        part |= NEW


def new_fields_of(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found.get(name) for name in NEW}


# Orders


async def test_an_order_keeps_the_fields_that_this_hub_does_not_know_whatever_happens_to_it(branch: Branch) -> None:
    order_id = await branch.placed()
    await branch.hire(RIDER)
    await change(branch, order_key(order_id), with_new_fields)
    orders = branch.orders
    named: dict[str, Any] = {"order_id": order_id}
    await orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(**named))
    await orders.advance(KITCHEN_HAND, cmd.AdvanceOrder(**named, to=OrderStatus.PREPARING))
    await orders.mark_item(KITCHEN_HAND, cmd.MarkItem(**named, item=1, done=True))
    await orders.recall(KITCHEN_HAND, cmd.RecallOrder(**named, reason="no"))
    await orders.delay(KITCHEN_HAND, cmd.DelayOrder(**named, reason="sí", minutes=5))
    await orders.assign_courier(KITCHEN_HAND, cmd.AssignCourier(**named, courier_id="miguel"))
    answer = await orders.cancel(KITCHEN_HAND, cmd.CancelOrder(**named, reason="no"))
    for order in (await stored(branch, order_key(order_id)), answer["order"]):
        # The estimate was made anew, and is the kitchen's own.
        for part in (order, order["items"][0], order["customer"], order["delivery"]):
            assert new_fields_of(part) == NEW
        assert order["status"] == "cancelled"


async def test_an_order_in_an_unknown_status_is_shown_but_only_hubs_that_know_it_move_it(branch: Branch) -> None:
    order_id = await branch.placed()
    await change(branch, order_key(order_id), lambda order: order.update(status="on_hold"))
    named: dict[str, Any] = {"order_id": order_id}
    await branch.hire(RIDER)
    for moved in (
        branch.orders.advance(MANAGER, cmd.AdvanceOrder(**named, to=OrderStatus.PREPARING)),
        branch.orders.cancel(MANAGER, cmd.CancelOrder(**named, reason="no")),
        branch.orders.recall(MANAGER, cmd.RecallOrder(**named, reason="no")),
        branch.orders.delay(MANAGER, cmd.DelayOrder(**named, reason="no", minutes=5)),
        branch.orders.acknowledge(MANAGER, cmd.AcknowledgeOrder(**named)),
        branch.orders.mark_item(MANAGER, cmd.MarkItem(**named, item=1, done=True)),
        branch.orders.assign_courier(MANAGER, cmd.AssignCourier(**named, courier_id="miguel")),
    ):
        with pytest.raises(Conflict, match="does not know"):
            await moved
    board = (await branch.services.views.read(KITCHEN)).snapshot
    assert [order["status"] for order in board["orders"]] == ["on_hold"]
    assert (await branch.orders.get(customer_of(order_id), order_id))["order"]["status"] == "on_hold"
    assert (await branch.wire.figures.read())["by_status"] == {"on_hold": 1}
    await branch.services.access.require_open(order_id)


async def test_an_unknown_kind_of_delivery_is_left_to_hubs_that_know_its_way(branch: Branch) -> None:
    order_id = await branch.placed()
    await change(branch, order_key(order_id), lambda order: order["delivery"].update(kind="drone"))
    with pytest.raises(Conflict):
        await branch.orders.advance(MANAGER, cmd.AdvanceOrder(order_id=order_id, to=OrderStatus.PREPARING))


async def test_a_changed_order_keeps_what_a_newer_hub_knows_of_how_to_reach_its_customer(branch: Branch) -> None:
    placed = await branch.placed(customer={"name": "Ana", "phone": "+52 55 1234 5678"})
    await change(branch, contact_key(placed), lambda contact: contact.update(NEW))
    order = await branch.order(placed)
    answer = await branch.orders.change(
        customer_of(placed),
        cmd.ChangeOrder.model_validate(
            {"order_id": placed, "items": [{"sku": "flan", "qty": 1}], "delivery": {"kind": "pickup"}}
        ),
    )
    contact = await stored(branch, contact_key(answer["order"]["id"]))
    assert (contact["phone"], new_fields_of(contact)) == ("+52 55 1234 5678", NEW)
    assert answer["order"]["customer"] == {"name": order.customer.name}


# Everything else that is stored


async def test_a_chat_its_words_and_its_turns_keep_unknown_fields(branch: Branch) -> None:
    chat = branch.wire.chat
    opened = await chat.open(ANONYMOUS, cmd.OpenChat())
    say = {"chat_id": opened["chat_id"], "token": opened["token"]}
    asked = await carry_out(branch.services, ANONYMOUS, cmd.SendChat(**say, text="hola"))
    keys = chat_key(say["chat_id"]), conversation_key(say["chat_id"]), turn_key(asked["turn_id"])
    for key in keys:
        await change(branch, key, lambda body: body.update(NEW))
    await change(branch, keys[1], lambda said: said["messages"][0].update(NEW))
    await change(branch, keys[2], lambda turn: turn["asked_by"].update(NEW))
    await branch.wire.handover.take_over(MANAGER, cmd.TakeOverChat(chat_id=say["chat_id"]))
    await branch.wire.handover.reply(MANAGER, cmd.ReplyChat(chat_id=say["chat_id"], text="dime"))
    chat_body, said, turn = [await stored(branch, key) for key in keys]
    assert (chat_body["mode"], turn["state"], len(said["messages"])) == ("person", "stopped", 3)
    for part in (chat_body, said, said["messages"][0], turn, turn["asked_by"]):
        assert new_fields_of(part) == NEW


async def test_in_an_unknown_mode_the_agent_is_silent_and_a_person_can_take_over(branch: Branch) -> None:
    chat = branch.wire.chat
    opened = await chat.open(ANONYMOUS, cmd.OpenChat())
    await change(branch, chat_key(opened["chat_id"]), lambda body: body.update(mode="another_bot"))
    say = cmd.SendChat(chat_id=opened["chat_id"], token=opened["token"], text="hola")
    assert (await carry_out(branch.services, ANONYMOUS, say))["turn_id"] is None
    assert (await branch.wire.inbox.find(MANAGER, None, 5, None))["chats"][0]["mode"] == "another_bot"
    await branch.wire.handover.take_over(MANAGER, cmd.TakeOverChat(chat_id=opened["chat_id"]))
    read = await read_chat(branch.log, opened["chat_id"])
    assert read is not None
    assert read.chat.mode is ChatMode.PERSON


async def test_preferences_keep_what_this_hub_cannot_offer(branch: Branch) -> None:
    order_id = await branch.placed()
    customer, notify = customer_of(order_id), branch.wire.notifications
    wanted = cmd.SetNotifications(types=("order.ready",), channels=(Channel.PAGE,))
    await notify.set(customer, wanted)
    key = notify_key(f"order-{order_id}")
    others = {"types": ["order.photographed"], "channels": ["pigeon"], "quiet_hours": {"start": "22:00", "end": "x"}}
    await change(branch, key, lambda body: body.update(NEW | others))
    assert (await notify.of(customer)).channels_for("order.photographed", time(12)) == ()
    await notify.set(customer, wanted)
    body = await stored(branch, key)
    assert new_fields_of(body) == NEW
    assert (body["types"], body["channels"]) == (["order.ready", "order.photographed"], ["page", "pigeon"])


async def test_an_account_keeps_unknown_roles_and_fields_and_they_give_no_rights(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    key = staff_key("chuy")
    await change(branch, key, lambda body: body.update(NEW | {"roles": ["kitchen", "owner"]}))
    await branch.services.staff.set_pin("Chuy", "another pin")
    body = await stored(branch, key)
    assert (body["roles"], new_fields_of(body)) == (["kitchen", "owner"], NEW)
    account = await branch.services.staff.get("chuy")
    assert account is not None
    assert account.principal.roles == {Role.KITCHEN}


def test_somebody_of_an_unknown_kind_asks_with_no_rights() -> None:
    asker = {"kind": "robot", "id": "p1", "roles": ["manager"]}
    turn = Turn.model_validate(_TURN | {"asked_by": asker})
    principal = turn.principal(Chat.model_validate(_CHAT | {"order_ids": ["PED1"]}))
    assert (principal.kind, principal.roles, principal.orders) == (Kind.ANONYMOUS, frozenset(), frozenset({"PED1"}))
    assert turn.model_dump(mode="json")["asked_by"]["roles"] == ["manager"]


_AT = "2026-11-20T21:30:00.123Z"
_CHAT = {"id": "c1", "opened_by": {"kind": "customer"}, "created_at": _AT, "updated_at": _AT}
_TURN = {
    "id": "t1",
    "chat_id": "c1",
    "message_id": "m1",
    "text": "hola",
    "asked_by": {"kind": "customer"},
    "created_at": _AT,
    "updated_at": _AT,
}
_MESSAGE = {"message_id": "m1", "kind": "parrot", "name": "Lola", "text": "hola", "at": _AT, "state": "repeated"}
_PROPOSAL = {
    **dict.fromkeys(("id", "code", "tool", "command", "summary", "terms", "shows", "turn_id"), "x"),
    "asked_by": {"kind": "customer"},
    "made_at": _AT,
}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (Chat, _CHAT | {"mode": "choir", "lang": "fr"}),
        (Turn, _TURN | {"state": "paused"}),
        (Message, _MESSAGE),
        (Conversation, {"messages": [_MESSAGE]}),
        (Proposal, _PROPOSAL),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_is_read_is_written_back_with_all_its_fields_and_members(
    model: type[Stored], body: dict[str, Any]
) -> None:
    newer = {**body, **NEW}
    written = model.model_validate_json(json.dumps(newer)).model_dump(mode="json")
    assert_holds(written, newer)


def assert_holds(written: Any, read: Any) -> None:
    """Everything that was read is in what is written, at the same place."""
    if isinstance(read, dict):
        for name, value in read.items():
            assert_holds(written[name], value)
    elif isinstance(read, list):
        assert len(written) == len(read)
        for one, other in zip(written, read, strict=True):
            assert_holds(one, other)
    else:
        assert written == read


async def test_a_schema_that_only_a_newer_hub_reads_is_not_guessed_at(branch: Branch) -> None:
    order_id = await branch.placed()
    await change(branch, order_key(order_id), lambda order: order.update(schema_version=2))
    with pytest.raises(UnreadableDocument):
        await branch.orders.advance(MANAGER, cmd.AdvanceOrder(order_id=order_id, to=OrderStatus.PREPARING))


# Events


async def test_events_that_a_newer_hub_wrote_do_not_disturb_an_answer_in_the_making(branch: Branch) -> None:
    chat = branch.wire.chat
    opened = await chat.open(ANONYMOUS, cmd.OpenChat())
    room, chat_id = str(Room.chat(opened["chat_id"])), opened["chat_id"]
    say = cmd.SendChat(chat_id=chat_id, token=opened["token"], text="¿?")
    turn_id = (await carry_out(branch.services, ANONYMOUS, say))["turn_id"]
    said: list[tuple[str, dict[str, Any]]] = [
        ("chat.started", {"turn_id": turn_id, "attempt": 1, "model": "m", **NEW}),
        ("chat.delta", {"turn_id": turn_id, "index": 0, "text": "Va", **NEW}),
        ("chat.step", {"turn_id": turn_id, "step": "s", "state": "postponed", "text": "…"}),
        ("chat.sung", {"turn_id": turn_id, "tune": "la cucaracha"}),
        ("chat.delta", {"turn_id": turn_id, "text": "this one has no index"}),
        ("chat.delta", {"turn_id": turn_id, "index": 1, "text": " en camino"}),
    ]
    for type_, data in said:
        body = json.dumps({"type": type_, "at": _AT, "data": data, **NEW})
        await branch.log.commit(Write(events=(NewEvent(type_, body, (room,)),)))
    damaged = OpenTurn(turn_id, answer="no").shown().as_json() | {"next_index": "many"}
    await branch.log.commit(Write(documents=(Document(checkpoint_key(chat_id), 1, json.dumps(damaged)),)))
    snapshot = (await branch.services.views.read(Room.chat(chat_id))).snapshot
    assert (snapshot["turn"]["text"], snapshot["turn"]["steps"]) == ("Va en camino", [])
    await carry_out(branch.services, ANONYMOUS, cmd.StopChat(chat_id=chat_id, turn_id=turn_id, token=opened["token"]))


async def test_a_stream_entry_with_more_fields_than_this_hub_knows_is_read(branch: Branch) -> None:
    await branch.redis.xadd(
        branch.log.keys.room("promos"), {"p": "0", "t": "promo.sung", "b": "{}", "n": "new"}, id="7-0"
    )
    (entry,) = await branch.log.read("promos", 0)
    assert (entry.offset, entry.type, entry.body) == (7, "promo.sung", "{}")


# Damaged documents


def _damage(body: dict[str, Any]) -> None:
    body.clear()


async def test_one_damaged_order_is_left_out_of_every_list_and_reported_once_by_its_key(
    branch: Branch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, sound = await branch.placed(customer={"name": "Secreta"}), await branch.placed()
    for body in ("{", "[]", '{"id":"x"}', '{"id":' + "[" * 100_000):
        await branch.redis.hset(branch.log.keys.document(order_key(damaged)), "b", body)
        views, orders = branch.services.views, branch.orders
        assert [order["id"] for order in (await views.read(KITCHEN)).snapshot["orders"]] == [sound]
        assert [order["id"] for order in (await branch.wire.board.page(MANAGER, None))["orders"]] == [sound]
        assert [order["id"] for order in (await orders.find(MANAGER, None, 10, None))["orders"]] == [sound]
        assert sum((await branch.wire.figures.read())["by_status"].values()) == 1
        assert await branch.wire.board.repair() == 0
        for asked in (
            orders.get(MANAGER, damaged),
            orders.advance(MANAGER, cmd.AdvanceOrder(order_id=damaged, to=OrderStatus.PREPARING)),
            branch.services.access.require_open(damaged),
            views.read(Room.order(damaged)),
        ):
            with pytest.raises(UnreadableDocument) as caught:
                await asked
            assert (caught.value.code, caught.value.values) == ("internal", {})
            assert caught.value.__cause__ is None
    printed = capsys.readouterr()
    lines = [line for line in (printed.out + printed.err).splitlines() if "log.document_unreadable" in line]
    assert all(branch.log.keys.document(order_key(damaged)) in line for line in lines)
    assert len(lines) == len(set(lines)) > 0
    assert "Secreta" not in printed.out + printed.err


async def test_one_damaged_chat_or_account_is_left_out_of_its_list(branch: Branch) -> None:
    chats = [(await branch.wire.chat.open(ANONYMOUS, cmd.OpenChat())) for _ in range(2)]
    for chat in chats:
        say = cmd.SendChat(chat_id=chat["chat_id"], token=chat["token"], text="hola")
        await carry_out(branch.services, ANONYMOUS, say)
    await change(branch, chat_key(chats[0]["chat_id"]), _damage)
    found = await branch.wire.inbox.find(MANAGER, None, 5, None)
    assert [chat["chat_id"] for chat in found["chats"]] == [chats[1]["chat_id"]]
    await branch.hire(KITCHEN_HAND)
    await branch.hire(RIDER)
    await change(branch, staff_key("chuy"), _damage)
    assert [account.id for account in await branch.services.staff.list()] == ["miguel"]


async def test_a_damaged_chat_does_not_keep_others_from_hearing_that_nobody_answers(branch: Branch) -> None:
    asked = []
    for _ in range(2):
        chat = await branch.wire.chat.open(ANONYMOUS, cmd.OpenChat())
        say = cmd.SendChat(chat_id=chat["chat_id"], token=chat["token"], text="hola")
        asked.append((chat["chat_id"], (await carry_out(branch.services, ANONYMOUS, say))["turn_id"]))
    for key in (chat_key(asked[0][0]), turn_key(asked[0][1])):
        await change(branch, key, _damage)
    assert await branch.services.stale_turns.end(0) == 1
    turn = load(branch.log, Turn, await _document(branch, turn_key(asked[1][1])))
    assert turn.state is TurnState.FAILED
    assert await branch.redis.xlen(branch.log.keys.jobs) == 0


async def _document(branch: Branch, key: DocKey) -> Document:
    document = await branch.log.document(key)
    assert document is not None
    return document


async def test_a_promotion_that_cannot_be_read_is_not_shown(branch: Branch) -> None:
    promos = [
        (await branch.wire.promos.publish(MANAGER, cmd.PublishPromo(title=title, message="hoy")))["promo_id"]
        for title in ("a", "b", "c")
    ]
    await change(branch, DocKey("promo", promos[0]), lambda promo: promo.update(expires_at="never", **NEW))
    await change(branch, DocKey("promo", promos[1]), _damage)
    await change(branch, DocKey("promo", promos[2]), lambda promo: promo.update(NEW))
    shown = (await branch.services.views.read(Room.parse("promos"))).snapshot["promos"]
    assert [(promo["promo_id"], new_fields_of(promo)) for promo in shown] == [(promos[2], NEW)]


async def test_each_unreadable_read_is_counted(branch: Branch) -> None:
    counted: list[None] = []
    branch.log.unreadable = UnreadableReports(lambda: counted.append(None))
    order_id = await branch.placed()
    await change(branch, order_key(order_id), _damage)
    for _ in range(3):
        assert (await branch.services.views.read(KITCHEN)).snapshot["orders"] == []
    assert len(counted) == 3


@pytest.mark.parametrize("package", ["hub/services", "agents"])
def test_documents_are_read_in_one_place(package: str) -> None:
    # The others read what is no document: a list's entries, and commands and arguments that a worker wrote down.
    allowed = {"stored_documents.py", "service_tokens.py", "bound_tool.py", "proposals.py"}
    found = [
        path.name
        for path in (ROOT / package).rglob("*.py")
        if "model_validate_json(" in (text := path.read_text(encoding="utf-8")) or "json.loads(document" in text
    ]
    assert set(found) <= allowed
