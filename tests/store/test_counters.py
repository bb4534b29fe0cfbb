"""Stock is reserved in the same step as everything else, and the log itself tells what came of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.store import CounterMove, CounterTooLow, EventLog, Write
from tests.support.writes import AT, move, order

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.contract


async def news(log: EventLog, moved: CounterMove) -> list[tuple[str, int]]:
    """What the rooms are told of one move."""
    before = await log.position()
    await log.commit(Write(counters=(moved,)))
    in_stock, in_kitchen = await log.read("stock", before.offset), await log.read("kitchen", before.offset)
    assert [(e.offset, e.body) for e in in_stock] == [(e.offset, e.body) for e in in_kitchen]
    return [(entry.type, json.loads(entry.body)["data"]["left"]) for entry in in_stock]


async def test_what_was_never_counted_is_not_limited(log: EventLog) -> None:
    assert await news(log, move("take", "agua", 1000)) == []
    assert await news(log, move("give", "agua", 5)) == []
    assert await log.counters() == {}


async def test_taking_tells_when_it_becomes_low_and_when_it_is_out(log: EventLog) -> None:
    await log.commit(Write(counters=(move("set", "pastor", 6),)))
    assert await news(log, move("take", "pastor", 2)) == []
    assert await news(log, move("take", "pastor", 1)) == [("stock.low", 3)]
    assert await news(log, move("take", "pastor", 1)) == []
    assert await news(log, move("take", "pastor", 2)) == [("stock.out", 0)]
    assert await log.counters() == {"pastor": 0}


async def test_giving_back_tells_only_when_there_was_none(log: EventLog) -> None:
    await log.commit(Write(counters=(move("set", "pastor", 0),)))
    assert await news(log, move("give", "pastor", 2)) == [("stock.restocked", 2)]
    assert await news(log, move("give", "pastor", 9)) == []


async def test_counting_anew_always_tells(log: EventLog) -> None:
    assert await news(log, move("set", "pastor", 50)) == [("stock.restocked", 50)]
    assert await news(log, move("set", "pastor", 50)) == [("stock.restocked", 50)]
    assert await news(log, move("set", "pastor", 3)) == [("stock.low", 3)]
    assert await news(log, move("set", "pastor", 0)) == [("stock.out", 0)]


async def test_the_event_of_a_stock_move_is_a_whole_event(log: EventLog) -> None:
    await log.commit(Write(counters=(move("set", "pastor", 1),)))
    [entry] = await log.read("stock", 0)
    data = {"sku": "pastor", "name": "Pastor", "left": 1}
    assert json.loads(entry.body) == {"type": "stock.low", "at": AT, "data": data}


async def test_an_order_takes_its_stock_and_its_event_comes_first(log: EventLog) -> None:
    await log.commit(Write(counters=(move("set", "pastor", 4),)))
    committed = await log.commit(replace(order("A", 1), counters=(move("take", "pastor", 4),)))
    assert committed.offsets == (2, 3)
    assert [entry.type for entry in await log.read("kitchen", 1)] == ["order.preparing", "stock.out"]


async def test_short_stock_names_every_short_dish_and_writes_nothing(log: EventLog) -> None:
    await log.commit(Write(counters=(move("set", "pastor", 2), move("set", "suadero", 0), move("set", "agua", 9))))
    before = await log.position()
    wanted = (move("take", "agua", 1), move("take", "pastor", 3), move("take", "suadero", 1))
    with pytest.raises(CounterTooLow) as caught:
        await log.commit(replace(order("A", 1), counters=wanted))
    assert caught.value.left == {"pastor": 2, "suadero": 0}
    assert await log.counters() == {"pastor": 2, "suadero": 0, "agua": 9}
    assert await log.position() == before
    assert await log.read("order:A", 0) == []


async def test_two_lines_of_the_same_dish_are_short_together(log: EventLog) -> None:
    await log.commit(Write(counters=(move("set", "pastor", 3),)))
    with pytest.raises(CounterTooLow) as caught:
        await log.commit(Write(counters=(move("take", "pastor", 2), move("take", "pastor", 2))))
    assert caught.value.left == {"pastor": 3}
    await log.commit(Write(counters=(move("take", "pastor", 2), move("take", "pastor", 1))))
    assert await log.counters() == {"pastor": 0}


async def test_fifty_racing_callers_never_sell_more_than_there_is(make_log: Callable[..., EventLog]) -> None:
    logs = [make_log() for _ in range(5)]
    await logs[0].commit(Write(counters=(move("set", "pastor", 20),)))

    async def buy(n: int) -> bool:
        try:
            await logs[n % 5].commit(replace(order(f"O{n}", 1), counters=(move("take", "pastor", 1),)))
        except CounterTooLow:
            return False
        return True

    assert sum(await asyncio.gather(*map(buy, range(50)))) == 20
    assert await logs[0].counters() == {"pastor": 0}


async def test_a_negative_amount_is_a_programming_error(log: EventLog) -> None:
    with pytest.raises(ValueError, match="with amounts of at least 0"):
        await log.commit(Write(counters=(move("take", "pastor", -1),)))
