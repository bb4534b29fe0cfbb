"""Prints the kitchen's orders as long as it runs; or one order again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

import comanda
from comanda import Comanda, Refused
from hub.printer.escpos_bytes import bytes_of
from hub.printer.kitchen_feed import KitchenFeed
from hub.printer.paper_order import PaperOrder
from hub.printer.press import USUAL, Patience, Press
from hub.printer.print_job import PrintJob, SlipKind, job_of
from hub.printer.print_spool import PrintSpool
from hub.printer.printer_device import Device
from hub.printer.printer_status import Interrupted, NotReady, Trouble
from hub.printer.slips import Look, slip_of

LATE = timedelta(seconds=90)
_PAGE = "200"
_PAGES = 5  # of the newest orders, among which a code is looked for

logger = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


async def print_kitchen(
    url: str,
    token: str,
    device: Device,
    spool_file: Path,
    look: Look,
    *,
    patience: Patience = USUAL,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Print each new order once, and slips for what happens to it, until cancelled; then the slip in hand is finished.

    Args:
        url: The hub's root.
        token: Of the kitchen's role.
        spool_file: Keeps the place in the log, and the slips that wait.

    Raises:
        Refused: The hub does not know the token, or it may not read the kitchen's room.
        SpoolUnusable: The file is in use or damaged.
    """
    async with PrintSpool(spool_file) as spool, comanda.connect(url, token=token) as hub:
        feed = KitchenFeed(hub, spool, with_labels=look.with_labels)
        press = SlipPress(Press(device, patience), spool, look, patience, clock)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(feed.run())
            tasks.create_task(press.run())


async def reprint(url: str, token: str, device: Device, look: Look, code: str, patience: Patience = USUAL) -> None:
    """Print the newest order with a code again.

    Raises:
        Refused: The hub will not show the orders, or has none with this code among the newest.
        Unreachable: The hub does not answer.
        NotReady, Interrupted: The printer did not print it.
    """
    async with comanda.connect(url, token=token, timeout_s=10) as hub:
        order = await _find(hub, code)
    lines = slip_of(job_of(SlipKind.REPRINT, order, order.placed_at), look, is_late=False)

    async def begin() -> bool:
        return True

    await Press(device, patience).print(bytes_of(lines, look.code_page), begin)


class SlipPress:
    """Prints the slips of a spool, one after another. What the printer does not print now, it prints later."""

    def __init__(
        self,
        press: Press,
        spool: PrintSpool,
        look: Look,
        patience: Patience,
        clock: Callable[[], datetime],
    ) -> None:
        self._press = press
        self._spool = spool
        self._look = look
        self._patience = patience
        self._clock = clock
        self._trouble: Trouble | None = None

    async def run(self) -> None:
        """Print until cancelled."""
        while True:
            job = await self._spool.first()
            try:
                await self._print_to_its_end(job)
            except NotReady as exc:
                await self._rest(exc.trouble)
            except Interrupted as exc:
                await self._spool.doubt(job)
                logger.warning("printer.interrupted", order_id=job.order.id, trouble=str(exc.trouble))
                await self._rest(exc.trouble)

    async def _print_to_its_end(self, job: PrintJob) -> None:
        """Print a slip; one that is being sent when the program is stopped is finished first."""
        printing = asyncio.ensure_future(self._print(job))
        try:
            await asyncio.shield(printing)
        except asyncio.CancelledError:
            await asyncio.wait({printing})
            if (problem := printing.exception()) is not None:
                logger.warning("printer.stopped_in_a_slip", order_id=job.order.id, error=str(problem))
            raise

    async def _print(self, job: PrintJob) -> None:
        is_late = self._clock() - job.at > LATE
        data = bytes_of(slip_of(job, self._look, is_late=is_late), self._look.code_page)
        if not await self._press.print(data, lambda: self._spool.begin(job)):
            return
        await self._spool.done(job)
        if self._trouble is not None:
            logger.info("printer.ready", waiting=len(self._spool.waiting))
            self._trouble = None
        logger.info(
            "printer.printed", order_id=job.order.id, slip=str(job.kind), late=is_late, doubtful=job.is_doubtful
        )

    async def _rest(self, trouble: Trouble) -> None:
        """Say once what is wrong, and wait until the next try."""
        if trouble is not self._trouble:
            logger.warning("printer.not_ready", trouble=str(trouble), waiting=len(self._spool.waiting))
            self._trouble = trouble
        await asyncio.sleep(self._patience.again_s)


async def _find(hub: Comanda, code: str) -> PaperOrder:
    query: dict[str, str] = {}
    for _ in range(_PAGES):
        page = await hub.get("/api/orders", limit=_PAGE, **query)
        for order in page["orders"]:
            if str(order["code"]).upper() == code.strip().upper():
                return PaperOrder.of(order)
        if page["next"] is None:
            break
        query = {"before": str(page["next"])}
    raise Refused("not_found", f"none of the newest orders has the code {code}")
