"""The kitchen's board: every open order, the most urgent first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.core.errors import BadRequest, Conflict
from hub.domain.answers.order_answers import BoardPage, BoardSnapshot
from hub.domain.order_document import Order
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import KITCHEN
from hub.services.document_names import ACTIVE_ORDERS, ORDER, UNSEEN_ORDERS, order_key
from hub.services.service_bounds import MAX_BOARD_ORDERS
from hub.services.stored_documents import load_readable
from hub.store.log import EventLog, IndexMove, View, ViewQuery, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.config.limit_settings import LogLimits

_REPAIRED_AT_ONCE = 20  # orders


def board_query(query: ViewQuery, limits: LogLimits) -> ViewQuery:
    """Return the query, extended by as much of the board as one answer may hold.

    Unseen orders come first, newest first; then those that wait longest. A flood of unseen orders leaves a quarter of
    the space to the latter.
    """
    return replace(
        query,
        index=ACTIVE_ORDERS,
        index_kind=ORDER,
        index_limit=MAX_BOARD_ORDERS,
        index_bytes=limits.snapshot_bytes,
        oldest=True,
        first=UNSEEN_ORDERS,
    )


def board_of(log: EventLog, view: View) -> BoardSnapshot:
    """Return the board as of a view's moment. Its `next` is for `KitchenBoard.page`."""
    orders = [order for each in view.indexed if (order := load_readable(log, Order, each)) is not None]
    return BoardSnapshot(
        orders=tuple(sorted(orders, key=lambda order: order.placed_at)),
        total=view.total,
        unseen=view.first_total,
        more=view.go_on is not None,
        next=None if view.go_on is None else str(view.go_on),
    )


@dataclass(frozen=True, slots=True)
class _FoundOrder:
    """An order as it was read; its version is 0 if it is gone."""

    id: str
    version: int
    unseen: bool


class KitchenBoard:
    """Reads the orders that a board's snapshot has no space for, and repairs the index of unseen orders."""

    def __init__(self, log: EventLog, limits: LogLimits) -> None:
        self._log = log
        self._limits = limits

    async def page(self, principal: Principal, after: str | None, limit: int = MAX_BOARD_ORDERS) -> BoardPage:
        """A page of the open orders, in the order in which they were placed.

        A reader that follows the room `kitchen` misses nothing: every order that was open when the snapshot was made is
        in the snapshot, on a page, or has ended since. An order may be on both, in its later version.

        Args:
            after: The `next` of the snapshot, or of the page before; None: from the oldest on.

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
                index_limit=min(limit, MAX_BOARD_ORDERS),
                index_bytes=self._limits.snapshot_bytes,
                index_after=_place(after),
                oldest=True,
            )
        )
        unseen = await self._log.index_size(UNSEEN_ORDERS)
        board = board_of(self._log, view)
        return BoardPage(**{**dict(board), "unseen": unseen}, cursor=str(view.cursor))

    async def repair(self) -> int:
        """Repair the index of unseen orders, which an older hub did not keep.

        Returns:
            The number of orders that were wrongly in the index or missing from it.
        """
        listed = set(await self._log.members(UNSEEN_ORDERS))
        ids = [*listed, *(id_ for id_ in await self._log.members(ACTIVE_ORDERS) if id_ not in listed)]
        moved = 0
        for start in range(0, len(ids), _REPAIRED_AT_ONCE):
            found = await self._read(ids[start : start + _REPAIRED_AT_ONCE])
            if any(each.unseen != (each.id in listed) for each in found):
                # Read after the orders: one that was placed or seen meanwhile is in its right place there.
                listed = set(await self._log.members(UNSEEN_ORDERS))
                for each in found:
                    if each.unseen != (each.id in listed):
                        moved += await self._move(each)
        return moved

    async def _read(self, ids: Sequence[str]) -> list[_FoundOrder]:
        """Read some orders; those that this version cannot read are left out."""
        found: list[_FoundOrder] = []
        for id_, document in zip(ids, await self._log.documents(map(order_key, ids)), strict=True):
            order = load_readable(self._log, Order, document)
            if document is None:
                found.append(_FoundOrder(id_, 0, unseen=False))
            elif order is not None:
                found.append(_FoundOrder(id_, document.version, order.unseen))
        return found

    async def _move(self, found: _FoundOrder) -> bool:
        write = Write(
            expects=((order_key(found.id), found.version),),
            index=(IndexMove(UNSEEN_ORDERS, found.id, found.unseen, keep=0),),
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
