"""A hub, a printer on loopback, and what is on paper in the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from comanda import Refused
from hub.domain.roles import Role
from hub.printer import print_kitchen, reprint
from hub.printer.press import Patience
from hub.printer.printer_device import device_at
from hub.printer.printing import utc_now
from hub.printer.slips import Look
from hub.services.build import utc_now as hub_now
from tests.printer.samples import LOOK
from tests.support.escpos_paper import Sheet
from tests.support.fake_printer import FakePrinter
from tests.support.hub_harness import HubHarness, running_hub

PATIENCE = Patience(status_s=0.5, confirm_s=1.0, again_s=0.02)
Open = Callable[..., AbstractAsyncContextManager[HubHarness]]


@pytest.fixture
def open_hub(empty_redis_url: str, tmp_path: Path) -> Open:
    return partial(running_hub, empty_redis_url, tmp_path / "hub")


@pytest.fixture
async def house(open_hub: Open) -> AsyncIterator[HubHarness]:
    async with open_hub() as opened:
        yield opened


@pytest.fixture
async def printer() -> AsyncIterator[FakePrinter]:
    async with FakePrinter() as printer:
        yield printer


class Shop:
    """A hub, a printer, and the program between them, which may be stopped and started."""

    def __init__(self, house: HubHarness, printer: FakePrinter, file: Path) -> None:
        self.house = house
        self.printer = printer
        self.file = file

    @asynccontextmanager
    async def printing(self, look: Look = LOOK, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[None]:
        """The program, for as long as the context lasts; then it is stopped in whatever it is doing."""
        device = device_at(self.printer.address)
        token = self.house.token("kitchen", name="printer")
        work = print_kitchen(self.house.url, token, device, self.file, look, patience=PATIENCE, clock=clock)
        running = asyncio.ensure_future(work)
        try:
            yield
        finally:
            assert not running.done(), running.exception()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def order(self, **changes: Any) -> dict[str, Any]:
        order: dict[str, Any] = (await self.house.placed(**changes))["order"]
        return order

    async def printed(self, sheets: int) -> list[Sheet]:
        return await self.printer.printed(sheets)

    async def settled(self, slips: int) -> None:
        """Wait until the program has noted that so many slips are on paper, and no other one waits."""
        async with asyncio.timeout(10):
            while not self._is_settled(slips):  # noqa: ASYNC110  # a file tells nobody of its changes
                await asyncio.sleep(0.01)

    def _is_settled(self, slips: int) -> bool:
        kept = json.loads(self.file.read_bytes()) if self.file.exists() else {"waiting": [], "handled": []}
        return not kept["waiting"] and len(kept["handled"]) == slips


@pytest.fixture
def shop(house: HubHarness, printer: FakePrinter, tmp_path: Path) -> Shop:
    return Shop(house, printer, tmp_path / "printer.json")


def codes(sheets: list[Sheet]) -> list[str]:
    """The code on each sheet."""
    return [line.text for sheet in sheets for line in sheet.lines if line.style.high == 6]


async def test_each_new_order_is_printed_once(shop: Shop) -> None:
    before = await shop.order()
    async with shop.printing():
        await shop.printed(1)
        orders = [before, await shop.order(), await shop.order()]
        assert codes(await shop.printed(3)) == [order["code"] for order in orders]
        await shop.house.advance(orders[0]["id"], "preparing", "ready")
        await shop.settled(3)
    async with shop.printing():  # the same file: nothing of that again
        last = await shop.order()
        assert codes(await shop.printed(4))[3] == last["code"]
    assert "TARDE" not in shop.printer.sheets[3].text


async def test_at_the_first_start_what_the_kitchen_has_begun_is_not_printed(shop: Shop) -> None:
    begun, waits = await shop.order(), await shop.order()
    await shop.house.advance(begun["id"], "preparing")
    async with shop.printing():
        last = await shop.order()
        assert codes(await shop.printed(2)) == [waits["code"], last["code"]]


@pytest.mark.parametrize("what", ["paper", "power", "cover"])
async def test_a_printer_that_cannot_print_holds_its_tickets_and_prints_them_late(shop: Shop, what: str) -> None:
    printer, ahead = shop.printer, timedelta()
    async with shop.printing(clock=lambda: utc_now() + ahead):
        await shop.order()
        await shop.printed(1)
        match what:
            case "paper":
                printer.has_paper = False
            case "power":
                await printer.power_off()
            case _:
                printer.is_closed = False
        orders = [await shop.order() for _ in range(3)]
        if what != "power":
            tries = printer.tries
            await printer.until(lambda: printer.tries > tries + 2)
        assert len(printer.sheets) == 1
        ahead = timedelta(minutes=10)
        if what == "power":
            await printer.power_on()
        printer.has_paper = printer.is_closed = True
        sheets = (await shop.printed(4))[1:]
        assert codes(sheets) == [order["code"] for order in orders]
        assert all("TARDE: es de las " in sheet.text for sheet in sheets)
        assert not any("COPIA" in sheet.text for sheet in sheets)


async def test_orders_of_the_time_when_the_program_was_off_are_printed_when_it_is_back(shop: Shop) -> None:
    async with shop.printing():
        await shop.order()
        await shop.settled(1)
    orders = [await shop.order() for _ in range(3)]
    await shop.house.advance(orders[1]["id"], "preparing")
    async with shop.printing(clock=lambda: utc_now() + timedelta(minutes=5)):
        sheets = (await shop.printed(4))[1:]
    assert codes(sheets) == [order["code"] for order in orders]
    assert all("TARDE" in sheet.text for sheet in sheets)


async def test_orders_are_found_by_the_board_when_the_log_has_gone_on_too_far(open_hub: Open, tmp_path: Path) -> None:
    async with open_hub(room_events=5) as house, FakePrinter() as printer:
        shop = Shop(house, printer, tmp_path / "printer.json")
        async with shop.printing():
            first = await shop.order()
            await shop.settled(1)
        missed = [await shop.order() for _ in range(3)]
        for order in (first, missed[0]):
            await house.advance(order["id"], "preparing", "ready")
        for _ in range(40):  # trimmed in whole blocks
            await house.post(f"/api/orders/{missed[2]['id']}/items", {"item": 1, "done": True}, token=house.token())
            await house.post(f"/api/orders/{missed[2]['id']}/items", {"item": 1, "done": False}, token=house.token())
        async with shop.printing():
            last = await shop.order()
            sheets = await shop.printed(len(codes(printer.sheets)) + 3)
        printed = codes(sheets)
        assert printed[0] == first["code"]
        assert printed[-1] == last["code"]
        assert {missed[1]["code"], missed[2]["code"]} <= set(printed)
        assert len(printed) == len(set(printed))


@pytest.mark.parametrize("what", ["line", "paper"])
async def test_a_ticket_that_was_interrupted_is_printed_again_and_marked(shop: Shop, what: str) -> None:
    printer = shop.printer
    if what == "line":
        printer.closes_after = 100
    else:
        printer.paper_ends_after = 100
    async with shop.printing():
        order = await shop.order()
        if what == "paper":
            await printer.until(lambda: not printer.has_paper)
            printer.has_paper = True
        [sheet] = await shop.printed(1)
        later = await shop.order()
        assert codes([(await shop.printed(2))[1]]) == [later["code"]]
    assert "POSIBLE COPIA" in sheet.text  # on the paper of the first half
    assert order["code"] in codes([sheet])
    assert "COPIA" not in printer.sheets[1].text


async def test_a_slip_that_is_being_sent_when_the_program_is_stopped_is_finished_first(shop: Shop) -> None:
    shop.printer.never_confirms = True
    async with shop.printing():
        order = await shop.order()
        await shop.printed(1)  # on paper, and the program waits for the printer's word
    async with shop.printing():
        last = await shop.order()
        assert codes(await shop.printed(2)) == [order["code"], last["code"]]
    assert not any("COPIA" in sheet.text for sheet in shop.printer.sheets)


async def test_a_cancelled_order_gets_a_slip_with_the_reason_and_another_when_it_is_taken_back(shop: Shop) -> None:
    async with shop.printing():
        order = await shop.order()
        await shop.printed(1)
        manager = shop.house.token()
        path = f"/api/orders/{order['id']}"
        assert (await shop.house.post(f"{path}/cancel", {"reason": "ya no quiere"}, token=manager)).status == 200
        cancelled = (await shop.printed(2))[1]
        assert (await shop.house.post(f"{path}/recall", {"reason": "sí quiere"}, token=manager)).status == 200
        restored = (await shop.printed(3))[2]
    assert cancelled.lines[0].text.strip() == "CANCELADO"
    assert "Motivo: ya no quiere" in cancelled.text
    assert restored.lines[0].text.strip() == "YA NO ESTÁ CANCELADO"
    assert codes([cancelled, restored]) == [order["code"]] * 2


async def test_an_order_that_is_cancelled_before_its_ticket_was_printed_needs_no_paper(shop: Shop) -> None:
    shop.printer.has_paper = False
    async with shop.printing():
        await shop.printer.until(lambda: True)
        order = await shop.order()
        await shop.printer.until(lambda: shop.printer.tries > 0)
        answer = await shop.house.post(f"/api/orders/{order['id']}/cancel", {"reason": "no"}, token=shop.house.token())
        assert answer.status == 200
        last = await shop.order()
        tries = shop.printer.tries
        await shop.printer.until(lambda: shop.printer.tries > tries + 5)
        shop.printer.has_paper = True
        assert codes(await shop.printed(1)) == [last["code"]]


async def test_an_order_that_waits_for_acceptance_is_printed_when_it_is_accepted(
    open_hub: Open, tmp_path: Path
) -> None:
    async with open_hub(accept_portions=2) as house, FakePrinter() as printer:
        shop = Shop(house, printer, tmp_path / "printer.json")
        async with shop.printing():
            large = await shop.order(items=[{"sku": "agua", "qty": 3}])
            assert large["acceptance"]["state"] == "waiting"
            small = await shop.order()
            assert codes(await shop.printed(1)) == [small["code"]]
            assert (await house.post(f"/api/orders/{large['id']}/accept", {}, token=house.token())).status == 200
            assert codes(await shop.printed(2)) == [small["code"], large["code"]]


async def test_each_ticket_may_have_a_label_for_the_bag(shop: Shop) -> None:
    async with shop.printing(replace(LOOK, with_labels=True)):
        order = await shop.order()
        ticket, label = await shop.printed(2)
    assert "TOTAL" in ticket.text
    assert [line.text for line in label.lines] == [order["code"], order["customer"]["name"]]


async def test_an_order_is_printed_again_by_its_code(shop: Shop) -> None:
    order = await shop.order()
    await shop.order()
    device = device_at(shop.printer.address)
    token = shop.house.token("kitchen")
    await reprint(shop.house.url, token, device, LOOK, order["code"].lower(), PATIENCE)
    [sheet] = shop.printer.sheets
    assert sheet.lines[0].text.strip() == "REIMPRESIÓN"
    assert codes([sheet]) == [order["code"]]
    with pytest.raises(Refused, match="ZZZZ"):
        await reprint(shop.house.url, token, device, LOOK, "ZZZZ", PATIENCE)


async def test_an_event_that_cannot_be_read_does_not_stop_the_tickets_behind_it(shop: Shop) -> None:
    async with shop.printing():
        await shop.order()
        await shop.printed(1)
        log, body = shop.house.hub.branch.log, '{"type":"order.received","at":"x","data":{"order":{}}}'
        await log.publish("kitchen", "order.received", body, "PED1")
        last = await shop.order()
        assert codes(await shop.printed(2))[1] == last["code"]


async def test_a_token_that_may_not_read_the_kitchen_ends_the_program(shop: Shop) -> None:
    expired = shop.house.tokens.issue(
        (await shop.house.hub.branch.services.staff.add("Chuy", [Role.KITCHEN], "24681357")).principal,
        hub_now() - timedelta(days=1),
        timedelta(hours=1),
    )
    device = device_at(shop.printer.address)
    for token in (expired, "x"):
        with pytest.raises(ExceptionGroup) as ended:
            await print_kitchen(shop.house.url, token, device, shop.file, LOOK, patience=PATIENCE)
        assert isinstance(ended.value.exceptions[0], Refused)
