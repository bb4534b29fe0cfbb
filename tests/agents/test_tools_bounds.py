"""Orders past a bound, by chat: refused as at any other gateway, and in words that a customer can do something with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agents.offline.intent_types import PLACE, Intent
from agents.offline.phrases import BROKEN, PAST_BOUND
from agents.offline.told.answers import answer
from hub.config import Limits
from hub.domain.roles import ANONYMOUS
from tests.support.chat import Branch
from tests.support.tool_contexts import GRINGAS, answered, begun, done

if TYPE_CHECKING:
    from tests.support.redis import Backend

ANA = replace(ANONYMOUS, address="203.0.113.7")


def bounded(backend: Backend, **limits: int) -> Branch:
    return Branch(backend.client(), limits=Limits.model_validate(limits))


async def test_an_order_that_is_too_large_is_refused_before_anybody_says_yes_to_it(fake_backend: Backend) -> None:
    branch = bounded(fake_backend, order_portions=1)
    bench = await begun(branch, ANA)
    result = await bench.call("place_order", **GRINGAS)
    assert (result["error"], result["limit"], result["most"]) == ("limit_reached", "order_portions", 1)
    assert (await (await answered(bench, "sí", ANA)).call("confirm"))["error"] == "nothing_proposed"


async def test_a_change_that_makes_an_order_too_large_is_refused(fake_backend: Backend) -> None:
    branch = bounded(fake_backend, order_portions=2)
    bench = await begun(branch, ANA)
    assert (await done(bench, "place_order", ANA, **GRINGAS))["done"]
    bench = await begun(branch, ANA, bench.chat)
    result = await bench.call("change_order", items=[{"sku": "gringa", "qty": 1, "how": "add"}])
    assert (result["error"], result["limit"]) == ("limit_reached", "order_portions")


async def test_an_order_by_chat_counts_for_the_address_that_asked_for_it(fake_backend: Backend) -> None:
    branch = bounded(fake_backend, open_orders_address=1)
    bench = await begun(branch, ANA)
    assert (await done(bench, "place_order", ANA, **GRINGAS))["done"]
    result = await done(await begun(branch, ANA), "place_order", ANA, **GRINGAS)
    assert (result["error"], result["limit"]) == ("limit_reached", "open_orders_address")
    assert len(await branch.orders()) == 1


@pytest.mark.parametrize("limit", ["order_portions", "order_total", "order_bytes", "open_orders_address", "another"])
def test_the_offline_model_says_what_is_too_much(limit: str) -> None:
    result = {"error": "limit_reached", "limit": limit, "most": 100}
    told = answer([(PLACE, result)], "es", Intent(PLACE))
    assert told != BROKEN[0]
    assert "{" not in told
    assert ("100" in told) == (limit == "order_portions")


async def test_an_hours_budget_that_is_used_up_is_not_back_in_a_moment(fake_backend: Backend) -> None:
    branch = bounded(fake_backend, orders_hour=1)
    bench = await begun(branch, ANA)
    assert (await done(bench, "place_order", ANA, **GRINGAS))["done"]
    result = await done(await begun(branch, ANA), "place_order", ANA, **GRINGAS)
    assert (result["error"], result["limit"]) == ("rate_limited", "orders_hour")
    assert 50 < result["retry_after_minutes"] <= 60
    told = answer([(PLACE, result)], "es", Intent(PLACE))
    assert "en la última hora" in told
    assert "en un momento" not in told


def test_every_bound_has_its_words_in_both_languages() -> None:
    assert all(es != en for es, en in PAST_BOUND.values())
