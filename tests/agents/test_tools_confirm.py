"""What is proposed is done with the asker's own plain yes to it, and with nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agents.language import says_yes, tapped
from hub.domain.roles import ANONYMOUS
from hub.services.document_names import proposal_key
from hub.store import Write
from tests.support.chat import MANAGER, Branch
from tests.support.tool_contexts import GRINGAS, again, answered, begun, done

if TYPE_CHECKING:
    from tests.support.tool_contexts import Bench

YES = (
    "sí",
    "Si",
    "sí, por favor",
    "¡Sí!",
    "ok",
    "va",
    "dale",
    "confirmo",
    "sí, confírmalo por favor",
    "claro que sí",
    "de acuerdo",
    "está bien, adelante",
    "yes",
    "Yes please",
    "yep, go ahead",
    "sure",
    "sounds good, confirm",
    "👍",
    "👍🏽",
)
NO_YES = (
    "",
    "hola",
    "no",
    "sí, pero sin cebolla",
    "sí, y una horchata",
    "sí no",
    "¿sí?",
    "yes but make it three",
    "quizá",
    "no sé",
    "ok, cancélala mejor no",
    "[Carmen, gerente] sí",
    "el cliente dice que sí",
    "👎",
    "👍👎",
    "Confirmar QQQQ",
    "por favor",
    "sí sí sí sí sí sí sí sí sí",
)


@pytest.mark.parametrize("text", YES)
def test_a_plain_yes_is_one(text: str) -> None:
    assert says_yes(text)


@pytest.mark.parametrize("text", [text for text in NO_YES if "QQQQ" not in text])
def test_anything_besides_is_none(text: str) -> None:
    assert not says_yes(text)
    assert tapped(text) is None


async def proposed(branch: Branch) -> tuple[Bench, dict[str, Any]]:
    bench = await begun(branch)
    return bench, await bench.call("place_order", **GRINGAS)


async def test_a_proposal_tells_what_it_would_cost_and_orders_nothing(branch: Branch) -> None:
    bench, result = await proposed(branch)
    assert result["done"] is False
    assert (result["total"], result["items"]) == ("$130.00", [{"name": "Gringa", "qty": 2}])
    assert await branch.orders() == []
    (finished,) = [e["data"] for e in await branch.events(bench.chat) if e["type"] == "chat.tool_finished"]
    # Whatever the model writes, the room has read what there is to say yes to, and how.
    assert "2 × Gringa; para recoger, a nombre de Ana. Total: $130.00" in finished["summary"]
    assert finished["confirm"] == result["confirm_with"]
    steps = [
        (e["data"]["step"], e["data"]["state"]) for e in await branch.events(bench.chat) if e["type"] == "chat.step"
    ]
    names = ("analysing", "checking_ingredients", "pricing")
    assert steps == [(name, state) for name in names for state in ("started", "done")]


@pytest.mark.parametrize("text", YES)
async def test_a_yes_right_after_the_summary_orders(branch: Branch, text: str) -> None:
    bench, _ = await proposed(branch)
    assert "code" in await (await answered(bench, text)).call("confirm")
    assert len(await branch.orders()) == 1


@pytest.mark.parametrize("text", NO_YES)
async def test_without_a_plain_yes_nothing_is_ordered(branch: Branch, text: str) -> None:
    bench, _ = await proposed(branch)
    bench = await answered(bench, text or "…")
    assert (await bench.call("confirm"))["error"] == "not_confirmed"
    assert await branch.orders() == []


async def test_the_model_cannot_say_yes_in_the_same_answer(branch: Branch) -> None:
    bench = await begun(branch, text="sí")
    await bench.call("place_order", **GRINGAS)
    assert (await bench.call("confirm"))["error"] == "not_confirmed"
    assert await branch.orders() == []


async def test_a_yes_said_before_the_summary_was_shown_is_no_yes_to_it(branch: Branch) -> None:
    chat = await branch.open()
    first = await branch.send(chat, "2 gringas para llevar, soy Ana")
    second = await branch.send(chat, "sí")
    bench = await again(branch, first, chat)
    await bench.call("place_order", **GRINGAS)
    await bench.end()
    bench = await again(branch, second, chat)
    assert (await bench.call("confirm"))["error"] == "not_confirmed"
    assert await branch.orders() == []


async def test_a_yes_to_something_else_meanwhile_is_no_yes_to_the_summary(branch: Branch) -> None:
    bench, _ = await proposed(branch)
    bench = await answered(bench, "¿cuánto cuesta el flan?")
    bench = await answered(bench, "sí")
    assert (await bench.call("confirm"))["error"] == "not_confirmed"


async def test_a_tap_names_what_it_confirms_also_later(branch: Branch) -> None:
    bench, result = await proposed(branch)
    bench = await answered(bench, "¿cuánto cuesta el flan?")
    bench = await answered(bench, result["confirm_with"])
    assert "code" in await bench.call("confirm")


async def test_a_tap_on_an_old_summary_confirms_nothing(branch: Branch) -> None:
    bench, old = await proposed(branch)
    bench = await answered(bench, "mejor un flan")
    await bench.call("place_order", **(GRINGAS | {"items": [{"sku": "flan"}]}))
    bench = await answered(bench, old["confirm_with"])
    assert (await bench.call("confirm"))["error"] == "not_confirmed"
    assert await branch.orders() == []


async def test_what_is_proposed_last_is_what_a_yes_is_to(branch: Branch) -> None:
    bench, _ = await proposed(branch)
    await bench.call("place_order", **(GRINGAS | {"items": [{"sku": "flan"}]}))
    await (await answered(bench, "sí")).call("confirm")
    (order,) = await branch.orders()
    assert [line["sku"] for line in order["items"]] == ["flan"]


async def test_a_second_yes_orders_nothing_more(branch: Branch) -> None:
    bench = await begun(branch)
    await bench.call("place_order", **GRINGAS)
    bench = await answered(bench, "sí")
    await bench.call("confirm")
    bench = await answered(bench, "sí")
    assert (await bench.call("confirm"))["error"] == "already_done"
    assert len(await branch.orders()) == 1


async def test_a_yes_after_a_long_while_is_too_late(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, result = await proposed(branch)
    bench = await answered(bench, result["confirm_with"])
    now = branch.services.clock
    object.__setattr__(branch.services, "clock", lambda: now() + timedelta(minutes=11))
    assert (await bench.call("confirm"))["error"] == "expired"
    assert await branch.orders() == []


async def test_another_persons_yes_in_the_same_chat_does_nothing(branch: Branch) -> None:
    bench = await begun(branch, MANAGER)
    await bench.call("publish_promotion", title="2x1", message="Hoy")
    bench = await answered(bench, "sí", ANONYMOUS)
    assert (await bench.call("confirm"))["error"] == "nothing_proposed"
    assert await branch.log.read("promos", 0) == []


async def test_a_price_that_changed_meanwhile_needs_another_yes(branch: Branch) -> None:
    bench, _ = await proposed(branch)
    bench = await answered(bench, "sí")
    menu = branch.services.menu.menu
    dearer = {item.sku: item.model_copy(update={"price": item.price + 100}) for item in menu.items}
    menu.__dict__["by_sku"] = dearer
    try:
        assert (await bench.call("confirm"))["error"] == "terms_changed"
    finally:
        del menu.__dict__["by_sku"]
    assert await branch.orders() == []


async def test_a_price_that_changes_while_the_yes_is_carried_out_charges_nobody(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _ = await proposed(branch)
    bench = await answered(bench, "sí")
    menu, place = branch.services.menu.menu, branch.services.orders.place

    async def with_another_price(*args: Any, **named: Any) -> Any:
        dearer = {item.sku: item.model_copy(update={"price": item.price + 100}) for item in menu.items}
        monkeypatch.setitem(menu.__dict__, "by_sku", dearer)
        return await place(*args, **named)

    monkeypatch.setattr(branch.services.orders, "place", with_another_price)
    assert (await bench.call("confirm"))["error"] == "terms_changed"
    assert await branch.orders() == []


async def test_what_sold_out_meanwhile_is_said_and_nothing_is_ordered(branch: Branch) -> None:
    bench, _ = await proposed(branch)
    bench = await answered(bench, "sí")
    await branch.redis.hset(branch.log.keys.counters, "gringa", 1)
    result = await bench.call("confirm")
    assert (result["error"], result["items"]) == ("out_of_stock", [{"name": "Gringa", "left": 1}])
    assert await branch.orders() == []


async def test_a_proposal_that_is_gone_is_no_proposal(branch: Branch) -> None:
    bench, result = await proposed(branch)
    bench = await answered(bench, result["confirm_with"])
    await branch.redis.delete(branch.log.keys.document(proposal_key(bench.chat[0])))
    await branch.log.commit(Write())
    assert (await bench.call("confirm"))["error"] == "nothing_proposed"


async def test_a_promotion_is_published_with_its_managers_yes(branch: Branch) -> None:
    bench = await begun(branch, MANAGER)
    result = await done(bench, "publish_promotion", MANAGER, title="2x1", message="Hoy", expires_in_hours=3)
    assert result["done"] is True
    assert len(await branch.log.read("promos", 0)) == 1


async def test_an_answer_stopped_just_when_the_order_was_placed_loses_no_order_and_places_no_second(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, proposal = await proposed(branch)
    bench = await answered(bench, "sí")
    place, turn_id = branch.services.orders.place, bench.context.turn_id

    async def placed_and_stopped(*arguments: Any, **more: Any) -> Any:
        answer = await place(*arguments, **more)
        await branch.stop(bench.chat, turn_id)
        return answer

    monkeypatch.setattr(branch.services.orders, "place", placed_and_stopped)
    assert (await bench.call("confirm"))["error"] == "internal"
    (order,) = await branch.orders()
    monkeypatch.setattr(branch.services.orders, "place", place)
    bench = await begun(branch, chat=bench.chat, text=proposal["confirm_with"])
    assert [told["code"] for told in (await bench.call("track_order"))["orders"]] == [order["code"]]
    assert (await bench.call("confirm"))["code"] == order["code"]
    assert len(await branch.orders()) == 1
