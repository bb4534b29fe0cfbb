"""The kitchen's board: every open order, the most urgent first, a page at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hub.domain.errors import BadRequest, Conflict
from hub.domain.models import Order
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import KITCHEN
from hub.eventlog.log import Document, EventLog, IndexMove, View, ViewQuery, Write
from hub.services.documents import ACTIVE_ORDERS, ORDER, UNSEEN_ORDERS, order_key
from hub.services.stored import ORDER_FIELDS, load_objects, load_readable

if TYPE_CHECKING:
    from hub.config import Limits

MAX_ORDERS = 500  # in a snapshot or a page, however little they weigh
_REPAIRED_AT_ONCE = 20  # orders

Answer = dict[str, Any]


def board_query(query: ViewQuery, limits: Limits) -> ViewQuery:
    """Return the query, extended by as much of the board as one answer may hold.

    Unseen orders come first, newest first; then those that wait longest. A flood of unseen orders leaves a quarter of
    the space to the latter.
    """
    return replace(
        query,
        index=ACTIVE_ORDERS,
        index_kind=ORDER,
        index_limit=MAX_ORDERS,
        index_bytes=limits.snapshot_bytes,
        oldest=True,
        first=UNSEEN_ORDERS,
    )


def board_of(log: EventLog, view: View) -> Answer:
    """The board as of a view's moment.

    Returns:
        `{orders, total, unseen, more, next}`: the orders by the time they were placed; how many are open, and how many
        of these nobody has acknowledged; whether some are missing here, and the place that `Board.page` goes on from.
    """
    orders = load_objects(log, view.indexed, *ORDER_FIELDS)
    return {
        "orders": sorted(orders, key=lambda order: order["placed_at"]),
        "total": view.total,
        "unseen": view.first_total,
        "more": view.go_on is not None,
        "next": None if view.go_on is None else str(view.go_on),
    }


class Board:
    """Reads the orders that a board's snapshot has no space for, and repairs the index of unseen orders."""

    def __init__(self, log: EventLog, limits: Limits) -> None:
        self._log = log
        self._limits = limits

    async def page(self, principal: Principal, after: str | None, limit: int = MAX_ORDERS) -> Answer:
        """A page of the open orders, in the order in which they were placed.

        A reader that follows the room `kitchen` misses nothing: every order that was open when the snapshot was made is
        in the snapshot, on a page, or has ended since. An order may be on both, in its later version.

        Args:
            after: The `next` of the snapshot, or of the page before; None: from the oldest on.

        Returns:
            `{orders, total, unseen, more, next, cursor}`.

        Raises:
            BadRequest: `after` is no such place.
        """
        principal.require(Permission.JOIN_KITCHEN)
        view = await self._log.view(
            ViewQuery(
                room=str(KITCHEN),
                after=None,
                epoch=None,
                limit=0,
                index=ACTIVE_ORDERS,
                index_kind=ORDER,
                index_limit=min(limit, MAX_ORDERS),
                index_bytes=self._limits.snapshot_bytes,
                index_after=_place(after),
                oldest=True,
            )
        )
        unseen = await self._log.index_size(UNSEEN_ORDERS)
        return {**board_of(self._log, view), "unseen": unseen, "cursor": str(view.cursor)}

    async def repair(self) -> int:
        """Repair the index of unseen orders, which an older hub did not keep.

        Returns:
            The number of orders that were wrongly in the index or missing from it.
        """
        listed = set(await self._log.members(UNSEEN_ORDERS))
        ids = [*listed, *(id_ for id_ in await self._log.members(ACTIVE_ORDERS) if id_ not in listed)]
        moved = 0
        for start in range(0, len(ids), _REPAIRED_AT_ONCE):
            chunk = ids[start : start + _REPAIRED_AT_ONCE]
            for id_, document in zip(chunk, await self._log.documents(map(order_key, chunk)), strict=True):
                order = load_readable(self._log, Order, document)
                if document is not None and order is None:
                    continue
                unseen = order is not None and order.unseen
                if unseen != (id_ in listed):
                    moved += await self._move(id_, document, unseen)
        return moved

    async def _move(self, order_id: str, found: Document | None, unseen: bool) -> bool:
        write = Write(
            expects=((order_key(order_id), found.version if found else 0),),
            index=(IndexMove(UNSEEN_ORDERS, order_id, unseen, keep=0),),
        )
        try:
            await self._log.commit(write)
        except Conflict:  # it has changed meanwhile, and the index with it
            return False
        return True


def _place(after: str | None) -> int | None:
    if after is None:
        return None
    if not (after.isascii() and after.isdigit()) or len(after) > 16:
        raise BadRequest("after is not the next of a board page", field="after")
    return int(after)
