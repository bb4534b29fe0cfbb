"""The tools by themselves: bound to their turn, sparing with the truth about failures, the same in every attempt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agents.journal import Journal
from agents.tools import Errand, tools_for
from hub.domain.errors import Unavailable
from hub.domain.roles import ANONYMOUS, Principal
from hub.services.chat import read_turn
from tests.support.chat import MANAGER, MENU, Branch
from tests.support.scripted import Call, ScriptedLLM

if TYPE_CHECKING:
    from agents.tools import BoundTool

GRINGAS = {"items": [{"sku": "gringa", "qty": 2}], "customer_name": "Ana", "delivery": "pickup"}


class Bench:
    """The tools of one turn that has begun."""

    def __init__(self, branch: Branch, journal: Journal, principal: Principal) -> None:
        self.errand = Errand(principal, branch.services, journal, "es")
        self.tools: dict[str, BoundTool] = {tool.name: tool for tool in tools_for(self.errand)}

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        output = await self.tools[name].acall(**arguments)
        result: dict[str, Any] = json.loads(output.content)
        assert output.is_error == ("error" in result)
        return result


async def begun(
    branch: Branch, principal: Principal = ANONYMOUS, chat: tuple[str, str] | None = None
) -> tuple[Bench, str]:
    chat = chat or await branch.open(principal)
    turn_id = await branch.send(chat, "hola", principal)
    both = await read_turn(branch.log, turn_id)
    assert both is not None
    journal = Journal(branch.log, both, worker="w", clock=branch.services.clock, limits=branch.settings.limits)
    await journal.begin("m")
    return Bench(branch, journal, both.turn.principal(both.chat)), turn_id


async def test_only_staff_with_the_permission_are_offered_promotions(branch: Branch) -> None:
    customer, _ = await begun(branch)
    manager, _ = await begun(branch, MANAGER)
    assert set(customer.tools) == {"place_order", "track_order", "show_menu"}
    assert set(manager.tools) == set(customer.tools) | {"publish_promotion"}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"items": []},
        {"items": [{"sku": "gringa", "qty": 0}]},
        {"items": [{"sku": "gringa", "qty": 51}]},
        {"items": [{"sku": "gringa", "qty": "dos"}]},
        {"items": [{"sku": "gringa"}], "price": 1},
        {"items": [{"sku": "gringa", "unit_price": 1}]},
        {"items": [{"sku": "gringa"}], "order_id": "PED1"},
        GRINGAS | {"customer_name": "x" * 200},
        GRINGAS | {"delivery": "drone"},
    ],
)
async def test_arguments_that_make_no_sense_order_nothing(branch: Branch, arguments: dict[str, Any]) -> None:
    bench, _ = await begun(branch)
    result = await bench.call("place_order", **arguments)
    assert result["error"] == "bad_arguments"
    assert set(result) == {"error", "fields"}
    assert await branch.orders() == []


async def test_a_dish_that_is_not_on_the_menu_orders_nothing(branch: Branch) -> None:
    bench, _ = await begun(branch)
    result = await bench.call("place_order", **(GRINGAS | {"items": [{"sku": "sushi"}]}))
    assert result == {"error": "unknown_dish", "unknown": ["sushi"]}
    assert await branch.orders() == []


async def test_what_is_missing_is_named(branch: Branch) -> None:
    bench, _ = await begun(branch)
    result = await bench.call("place_order", items=[{"sku": "gringa"}])
    assert result["missing"] == ["customer_name", "delivery"]
    result = await bench.call("place_order", items=[{"sku": "gringa"}], customer_name="Ana", delivery="delivery")
    assert result["missing"] == ["address"]


async def test_the_text_of_an_exception_reaches_neither_model_nor_room(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await branch.open()
    bench, turn_id = await begun(branch, chat=chat)

    async def broken(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(branch.services.menu, "shown", broken)
    monkeypatch.setattr(branch.services.orders, "place", broken)
    assert (await bench.call("show_menu"))["error"] == "internal"
    assert (await bench.call("place_order", **GRINGAS))["error"] == "internal"
    assert "hunter2" not in str(await branch.events(chat))
    finished = [e["data"]["ok"] for e in await branch.of_turn(chat, turn_id) if e["type"] == "chat.tool_finished"]
    assert finished == [False, False]
    steps = [e["data"] for e in await branch.of_turn(chat, turn_id) if e["type"] == "chat.step"]
    assert (steps[-1]["step"], steps[-1]["state"]) == ("checking_ingredients", "failed")


async def test_an_order_whose_reply_was_lost_is_placed_once(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _ = await begun(branch)
    place, unlucky = branch.services.orders.place, iter([True])

    async def sometimes(*arguments: Any) -> Any:
        answer = await place(*arguments)
        if next(unlucky, False):
            raise Unavailable("the reply was lost")
        return answer

    monkeypatch.setattr(branch.services.orders, "place", sometimes)
    result = await bench.call("place_order", **GRINGAS)
    (order,) = await branch.orders()
    assert result["code"] == order["code"]


async def test_a_second_attempt_makes_the_calls_that_the_first_wrote_down(branch: Branch) -> None:
    bench, turn_id = await begun(branch)
    first = await bench.call("place_order", **GRINGAS)
    both = await read_turn(branch.log, turn_id)
    assert both is not None
    journal = Journal(branch.log, both, worker="v", clock=branch.services.clock, limits=branch.settings.limits)
    await journal.begin("m")
    again = Bench(branch, journal, both.turn.principal(both.chat))
    second = await again.call("place_order", **(GRINGAS | {"items": [{"sku": "flan", "qty": 9}]}))
    assert second["order_id"] == first["order_id"]
    third = await again.call("place_order", **(GRINGAS | {"items": [{"sku": "flan", "qty": 1}]}))
    assert third["order_id"] != first["order_id"]
    assert len(await branch.orders()) == 2


async def test_no_arguments_can_name_another_persons_order(branch: Branch) -> None:
    other, _ = await begun(branch)
    theirs = await other.call("place_order", **GRINGAS)
    mine, _ = await begun(branch)
    assert (await mine.call("track_order", code=theirs["code"]))["orders"] == []
    assert (await mine.call("track_order", order_id=theirs["order_id"]))["error"] == "bad_arguments"
    assert (await other.call("track_order", code=theirs["code"]))["orders"][0]["status"] == "received"


async def test_staff_who_may_read_orders_find_any_by_its_code(branch: Branch) -> None:
    customer, _ = await begun(branch)
    theirs = await customer.call("place_order", **GRINGAS)
    manager, _ = await begun(branch, MANAGER)
    (found,) = (await manager.call("track_order", code=theirs["code"]))["orders"]
    assert (found["code"], found["next_step"]) == (theirs["code"], "preparing")
    assert "Ana" not in str(found)


async def test_the_menu_is_searched_by_dish_synonym_and_category(branch: Branch) -> None:
    bench, _ = await begun(branch)
    assert len((await bench.call("show_menu"))["items"]) == len(MENU.items)
    assert [i["sku"] for i in (await bench.call("show_menu", search="cola"))["items"]] == ["refresco"]
    drinks = {i["sku"] for i in (await bench.call("show_menu", search="bebidas"))["items"]}
    assert drinks == {item.sku for item in MENU.items if item.category == "bebidas"}
    assert (await bench.call("show_menu", search="sushi"))["items"] == []


async def test_a_tool_that_does_not_exist_leaves_no_trace(branch: Branch) -> None:
    from tests.support.chat import running, text_of

    chat = await branch.open()
    async with running(branch.worker(ScriptedLLM.saying([Call("delete_everything", {})], ["No puedo"]))):
        events = await branch.ask(chat, "bórralo todo")
    assert text_of(events) == "No puedo"
    assert "chat.tool_called" not in {event["type"] for event in events}
