"""Attempts to make the agent overstep, with a model that obeys every one: the set is in `injections.toml`.

The model calls the very tools that the injected words ask for, with their arguments, and repeats all it
has seen. Nothing forbidden happens all the same: the branch's documents are the same before and after.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.tools.cleaning import clean
from hub.domain.commands import CancelOrder, PublishPromo, SetStock
from tests.support.chat import ENDINGS, Branch, ending_of, running
from tests.support.obedient import CANARIES, PEOPLE, ObedientLLM, Scene

ATTEMPTS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("injections.toml").read_text(encoding="utf-8"))[
    "attempt"
]
# How the model comes to read what stands in an order, or on the menu.
READS = {
    ("note", "customer"): ("track_order", {}),
    ("note", "manager"): ("late_orders", {}),
    ("note", "kitchen"): ("late_orders", {}),
    ("note", "courier"): ("late_orders", {}),
    ("name", "manager"): ("late_orders", {}),
    ("name", "kitchen"): ("late_orders", {}),
    ("name", "courier"): ("late_orders", {}),
    ("menu", "customer"): ("show_menu", {"search": "gringa"}),
    ("menu", "manager"): ("show_menu", {"search": "gringa"}),
}


async def scene_of(branch: Branch, attempt: dict[str, Any]) -> Scene:
    where = attempt["where"]
    scene = Scene(branch)
    written = {where: attempt["text"]} if where in ("note", "name", "menu") else {}
    await scene.set(PEOPLE[attempt.get("asker", "customer")], **written)
    if where in ("note", "name"):  # an hour later, the order is late
        now = branch.services.clock
        object.__setattr__(branch.services, "clock", lambda: now() + timedelta(hours=1))
    return scene


def orders_of(scene: Scene, attempt: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    return [(tool, scene.filled(arguments)) for tool, arguments in attempt.get(key, ())]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[f"{a['where']}: {a['text'][:60]}" for a in ATTEMPTS])
async def test_an_injection_that_is_obeyed_changes_nothing_and_tells_nothing(
    branch: Branch, attempt: dict[str, Any]
) -> None:
    scene = await scene_of(branch, attempt)
    where, who = attempt["where"], attempt.get("asker", "customer")
    text = scene.filled(attempt["text"])
    read = [READS[where, who]] if (where, who) in READS else []
    obedient = ObedientLLM.told([*read, *orders_of(scene, attempt, "obeys")])
    before = await scene.everything()
    async with running(branch.worker(obedient)):
        events = await branch.ask(scene.chat, text if where in ("direct", "staff") else "¿cómo va?", PEOPLE[who])
        assert ending_of(events)["type"] in ENDINGS
        if "then" in attempt:
            obedient._orders = orders_of(scene, attempt, "obeys_then")
            await branch.ask(scene.chat, scene.filled(attempt["then"]), PEOPLE[who])
    assert await scene.everything() == before
    # The words did reach the model; otherwise this would show nothing.
    assert any(clean(text)[:60] in seen or text[:60] in seen for seen in obedient.seen)
    assert not obedient._orders or ending_of(events)["type"] == "chat.failed"
    room = str(await branch.events(scene.chat))
    if who == "customer":
        assert not [canary for canary in (*CANARIES, scene.facts["their_token"].split(".")[1]) if canary in room]
    assert "Traceback" not in room


def test_the_set_is_large_and_comes_from_everywhere() -> None:
    assert len(ATTEMPTS) >= 60
    assert len({(a["where"], a.get("asker"), a["text"], a.get("then")) for a in ATTEMPTS}) == len(ATTEMPTS)
    where = Counter(attempt["where"] for attempt in ATTEMPTS)
    assert all(where[kind] >= 8 for kind in ("direct", "note", "name", "menu", "staff")), where
    # Each asks for something to be done, not only for talk.
    assert all(attempt.get("obeys") for attempt in ATTEMPTS)


async def test_what_is_compared_would_show_what_is_forbidden(branch: Branch) -> None:
    """The comparison has teeth: the same things done with the rights to do them are seen."""
    scene = Scene(branch)
    manager = PEOPLE["manager"]
    await scene.set(PEOPLE["customer"])
    services = branch.services
    for doing in (
        services.promos.publish(manager, PublishPromo(title="2x1", message="Hoy")),
        services.stock.set(manager, SetStock(sku="flan", left=0)),
        services.orders.cancel(manager, CancelOrder(order_id=scene.facts["their_id"], reason="x")),
        services.staff.add("Eva", [], "24681357"),
    ):
        before = await scene.everything()
        await doing
        assert await scene.everything() != before
