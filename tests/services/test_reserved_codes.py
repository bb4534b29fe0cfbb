"""No two orders that are open, or ended within a day, have codes that people mistake for each other."""

from __future__ import annotations

import asyncio
import random
from itertools import count

import pytest

from hub.core.errors import Unavailable
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.order_codes import LETTERS, new_id
from hub.domain.roles import ANONYMOUS
from hub.services.document_names import order_key
from hub.services.orders.reserved_codes import code_key
from hub.store.log import Document, Write
from tests.support.services_harness import MANAGER, Branch, an_order, only


async def code(branch: Branch, order_id: str) -> str:
    return (await branch.order(order_id)).code


@pytest.mark.parametrize("taken", ["K3Q8", "K3QB"])
async def test_a_code_that_is_taken_or_looks_like_one_is_not_given_again(branch: Branch, taken: str) -> None:
    branch.order_ids = iter(["PED00001K3Q8", f"PED00002{taken}", "PED00003K3Q9"])
    assert await code(branch, await branch.placed()) == "K3Q8"
    assert await code(branch, await branch.placed()) == "K3Q9"


async def test_hubs_that_place_at_once_from_few_codes_give_each_code_once(branch: Branch) -> None:
    chance = random.Random(7)
    branch.order_ids = (f"PED{number:05d}AA{chance.choice('345')}{chance.choice(LETTERS)}" for number in count(1))
    hubs = [branch.orders_elsewhere()[0] for _ in range(3)]
    wishes = [hub.place(ANONYMOUS, an_order(items=only("horchata", 1))) for hub in hubs for _ in range(8)]
    placed = await asyncio.gather(*wishes)
    assert len({answer.order.code for answer in placed}) == 24


async def test_no_two_of_many_open_orders_have_codes_that_people_mistake_for_each_other(branch: Branch) -> None:
    """400 orders with a twenty-second of all codes: as crowded as 1,900. By chance, seven pairs would be equal."""
    chance = random.Random(1_600)
    branch.order_ids = (f"{(drawn := new_id(chance.choice))[:-4]}K{drawn[-3:]}" for _ in count())
    # What people take for the same: by eye 2Z 5S 8B 0O 1I, by ear VW and MN.
    pairs = {later: first for first, later in ("2Z", "5S", "8B", "VW", "MN", "0O", "1I")}
    order = an_order(items=only("horchata", 1))
    codes = [(await branch.orders.place(ANONYMOUS, order))["order"]["code"] for _ in range(400)]
    assert len({"".join(pairs.get(letter, letter) for letter in each) for each in codes}) == 400
    assert not pairs.keys() & set("".join(codes))


async def test_where_no_code_is_free_an_order_is_refused_for_now_and_nothing_is_written(branch: Branch) -> None:
    branch.order_ids = (f"PED{number:05d}K3Q8" for number in count(1))
    await branch.placed(items=only("flan", 1))
    with pytest.raises(Unavailable):
        await branch.placed(items=only("flan", 1))
    assert (await branch.log.counters())["flan"] == 3


@pytest.mark.parametrize("ending", [OrderStatus.DELIVERED, OrderStatus.CANCELLED])
async def test_a_code_is_free_again_a_day_after_its_order_has_ended(branch: Branch, ending: OrderStatus) -> None:
    order_id = await branch.placed()
    reserved = branch.log.keys.document(code_key(await code(branch, order_id)))
    assert await branch.redis.ttl(reserved) == -1
    await branch.bring(order_id, ending)
    assert 86_000 < await branch.redis.ttl(reserved) <= 86_400


async def test_a_changed_order_has_another_code_than_the_one_it_replaces(branch: Branch) -> None:
    branch.order_ids = iter(["PED00001K3Q8", "PED00002K3Q8", "PED00003K3QB", "PED00004K3Q9"])
    order_id = await branch.placed(delivery={"kind": "pickup"})
    delivery = an_order(delivery={"kind": "pickup"}).delivery
    command = cmd.ChangeOrder(order_id=order_id, items=an_order().items, delivery=delivery)
    changed = await branch.orders.change(MANAGER, command)
    assert changed["order"]["code"] == "K3Q9"


async def test_the_code_of_an_order_from_an_older_hub_is_kept_and_given_to_nobody_else(branch: Branch) -> None:
    branch.order_ids = iter(["PED00001WN5Z"])
    old = await branch.placed()
    await branch.redis.delete(branch.log.keys.document(code_key("WN5Z")))
    assert await branch.services.codes.reserve_open() == 1
    assert await branch.services.codes.reserve_open() == 0
    branch.order_ids = iter(["PED00002VM52", "PED00003K3Q9"])
    assert await code(branch, await branch.placed()) == "K3Q9"
    assert await code(branch, old) == "WN5Z"


async def test_an_order_that_ends_while_codes_are_reserved_needs_none(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await branch.placed()
    await branch.redis.delete(branch.log.keys.document(code_key(await code(branch, old))))
    commit = branch.log.commit

    async def after_its_end(write: Write) -> object:
        order = await branch.order(old)
        ended = Document(order_key(old), order.version + 1, replace_version(order.model_dump_json(), order.version))
        await commit(Write(documents=(ended,)))
        return await commit(write)

    monkeypatch.setattr(branch.log, "commit", after_its_end)
    assert await branch.services.codes.reserve_open() == 0


def replace_version(body: str, version: int) -> str:
    return body.replace(f'"version":{version}', f'"version":{version + 1}')
