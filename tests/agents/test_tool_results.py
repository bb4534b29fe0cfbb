"""The results of tools as models: clean, unchangeable, and the same JSON for every model that reads them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agents.tools.bound_tool import error_result
from agents.tools.cleaning import cleaned
from agents.tools.results import (
    ConfirmedChange,
    DishLeft,
    MissingFacts,
    OrderedLine,
    OrderInBrief,
    ProposedChange,
    ToolError,
)
from agents.tools.tracking_tools import Happening, OrderHistory
from hub.core.errors import BadRequest, ComandaError, Conflict, LimitReached, RateLimited
from hub.domain.error_catalogue import OutOfStock

LINE = OrderedLine(name="Gringa", qty=2)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LimitReached("x", limit="open_orders", most=3, used=9), {"limit": "open_orders", "most": 3}),
        (RateLimited("x", retry_after_s=61), {"retry_after_minutes": 2}),
        (Conflict("x", status="ready", version=7), {"status": "ready"}),
        (BadRequest("x", field="items", sku="sushi"), {"field": "items", "sku": "sushi"}),
        (OutOfStock("x", items=[{"sku": "flan", "left": 1}]), {"items": [{"sku": "flan", "left": 1}]}),
    ],
)
def test_an_error_tells_the_facts_that_a_model_may_know_and_no_others(
    error: ComandaError, told: dict[str, Any]
) -> None:
    result = error_result(error).as_json()
    assert result.pop("error") == error.code
    assert result.pop("message") != "x"
    assert result == told


def test_every_text_of_a_result_is_cleaned_however_deep_it_stands() -> None:
    wrote = "por <b>\nque"
    history = OrderHistory(code="K3Q9", status="received", happened=(Happening(what="aviso", message=wrote),))
    assert cleaned(history).happened == (Happening(what="aviso", message="por ‹b› que"),)
    line = OrderedLine(name="Gringa", qty=1, notes=wrote)
    confirmed = ConfirmedChange(confirmed="x", outcome=MissingFacts(missing=(), items=(line,)))
    assert "<" not in str(cleaned(confirmed).as_json())


def test_the_facts_of_a_proposal_stand_beside_its_summary() -> None:
    facts = MissingFacts(missing=("x",), items=(LINE,))
    proposed = ProposedChange(proposed="t", summary="s", person_reads="p", confirm_with="c", facts=facts)
    assert proposed.as_json() == {
        "proposed": "t",
        "summary": "s",
        "person_reads": "p",
        "confirm_with": "c",
        "done": False,
        "missing": ["x"],
        "items": [{"name": "Gringa", "qty": 2}],
    }


def test_a_confirmed_change_has_failed_if_its_outcome_has() -> None:
    short = ToolError(error="out_of_stock", items=(DishLeft(name="Flan", left=0),))
    failed = ConfirmedChange(confirmed="place_order", outcome=short)
    assert failed.failed
    assert failed.as_json() == {
        "confirmed": "place_order",
        "error": "out_of_stock",
        "items": [{"name": "Flan", "left": 0}],
    }
    assert not ConfirmedChange(confirmed="place_order", outcome=LINE).failed


def test_nobody_changes_a_result() -> None:
    order = OrderInBrief(code="K3Q9", status="received", total="$1.00")
    with pytest.raises(ValidationError):
        order.status = "delivered"  # type: ignore[misc]
