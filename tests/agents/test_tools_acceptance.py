"""Large orders by chat: what is told of one that waits for a person's yes, and of one that expired."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agents.offline.intent_types import HISTORY, IN_KITCHEN, PLACED, TRACK, Intent, asked
from agents.offline.told import orders as told_orders
from agents.offline.told.answers import answer
from hub.config import Limits
from hub.domain.commands import AcceptOrder
from hub.services.build import utc_now
from tests.support.chat import MANAGER, Branch
from tests.support.tool_contexts import ordered

if TYPE_CHECKING:
    from tests.support.redis import Backend


@pytest.fixture
def branch(fake_backend: Backend) -> Branch:
    return Branch(fake_backend.client(), limits=Limits(_env_file=None, accept_portions=1))


async def test_a_large_order_is_told_to_wait_until_somebody_accepts_it(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    assert placed["waits_for_acceptance"]
    assert "Falta que la taquería lo acepte" in told_orders.placed(placed, "es")
    for lang in ("es", "en"):
        said = told_orders.placed(placed, lang)
        assert not asked(said, IN_KITCHEN)
        assert asked(said, PLACED)
    result = await bench.call("track_order")
    assert "Falta que la taquería lo acepte" in answer([(TRACK, result)], "es", Intent(TRACK))
    await branch.services.orders.accept(MANAGER, AcceptOrder(order_id=placed["order_id"]))
    assert "waits_for_acceptance" not in (await bench.call("track_order"))["orders"][0]


async def test_an_expired_order_is_told_of_in_words_and_not_by_a_code(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _ = await ordered(branch)
    monkeypatch.setattr(branch.services.expiry, "_clock", lambda: utc_now() + timedelta(minutes=11))
    assert await branch.services.expiry.end_overdue() == 1
    for tool in (TRACK, HISTORY):
        said = answer([(tool, await bench.call(tool))], "es", Intent(tool))
        assert "expired" not in said
        assert "tiempo" in said


def test_a_reason_that_only_a_newer_hub_knows_is_not_told() -> None:
    order: dict[str, Any] = {"code": "7K3Q", "items": [], "status": "cancelled", "next_step": None, "eta_minutes": None}
    assert told_orders.order_of({**order, "delivery": "pickup", "expired": "of_boredom"}, "es").endswith("se canceló.")
