"""What of an order is written: its document, its events in their rooms, and all that is counted with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.domain import commands as cmd
from hub.domain import order as orders
from hub.domain.events import ChatTrackingStarted, OrderAcknowledged, OrderEvent, Tracking
from hub.domain.menu import Menu
from hub.domain.models import Order, OrderStatus
from hub.domain.roles import Principal
from hub.domain.rooms import KITCHEN, Room
from hub.eventlog.log import Document, IndexMove, NewEvent, Write
from hub.services.documents import ACTIVE_ORDERS, ALL_ORDERS, ORDER_DEADLINES, UNSEEN_ORDERS, contact_key, order_key
from hub.services.estimates import Estimates
from hub.services.figures import Day
from hub.services.identity import identity
from hub.services.order_bounds import OrderBounds
from hub.services.stock import stock_moves
from hub.services.tokens import Tokens

KEPT_AFTER_END_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class InChat:
    """Where an order was asked for: the chat follows it from the very commit that places it."""

    chat_id: str
    turn_id: str


class OrderWrites:
    """Makes the one write of each command on orders; decides nothing, and commits nothing."""

    def __init__(self, menu: Menu, tokens: Tokens, estimates: Estimates, day: Day, bounds: OrderBounds) -> None:
        self._bounds = bounds
        self._menu = menu
        self._tokens = tokens
        self._estimates = estimates
        self._day = day

    def placed(
        self,
        principal: Principal,
        command: cmd.PlaceOrder,
        order: Order,
        happened: Sequence[OrderEvent],
        now: datetime,
        chat: InChat | None = None,
        *,
        contact: Mapping[str, Any] | None = None,
        replaced: Order | None = None,
    ) -> Write:
        """A new order. What is remembered of the command holds no token: see `with_tracking`.

        Args:
            contact: Kept of the order that this one stands for.
            replaced: That order.
        """
        body = order.model_dump_json()
        documents = [Document(order_key(order.id), 1, body)]
        counted = self._bounds.counted(principal, command, order, replaced)
        said = {"phone": command.customer.phone, "origin": counted.origin}
        others = {name: value for name, value in (contact or {}).items() if name not in said}
        if known := {**others, **{name: value for name, value in said.items() if value}}:
            documents.append(Document(contact_key(order.id), 1, json.dumps(known)))
        followed: tuple[NewEvent, ...] = ()
        if chat is not None:
            followed = (tracking_started(chat, order.id, order.code, tracking_of(self._tokens, order.id), now),)
        return Write(
            events=_as_logged(order.id, happened, now) + followed,
            expects=((order_key(order.id), 0),),
            documents=tuple(documents),
            stock=stock_moves(self._menu, order.items, "take", now),
            # An order that is not cooked yet leaves the board for nothing.
            index=(
                IndexMove(ACTIVE_ORDERS, order.id, True, keep=0),
                IndexMove(UNSEEN_ORDERS, order.id, True, keep=0),
                IndexMove(ALL_ORDERS, order.id, True),
                self._bounds.due(order),
            ),
            counts=self._day.placed(order, now),
            quotas=counted.quotas,
            hold=counted.hold,
            result=f'{{"order":{body}}}',
            **identity(principal, command),
        )

    def with_tracking(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a placed order with the order's link, which is computed each time and never stored."""
        tracking = tracking_of(self._tokens, answer["order"]["id"])
        return {"order": answer["order"], "tracking": tracking.model_dump(), **answer}

    def changed(self, order: Order, happened: Sequence[OrderEvent], write: Write, now: datetime) -> tuple[Order, Write]:
        """The order after it, and what to commit.

        Args:
            write: Says what the command is known by.
        """
        if not happened:
            # Remembered all the same: a late repeat must not find the order changed back, and do it then.
            return order, replace(
                write, expects=((order_key(order.id), order.version),), result=f'{{"order":{order.model_dump_json()}}}'
            )
        changed = orders.fold(order, [(event, now) for event in happened])
        body = changed.model_dump_json()
        sample = self._estimates.sample(order, changed.status, now)
        cancelled = changed.status is OrderStatus.CANCELLED and not order.ended
        # What is already on the grill does not come back into stock.
        unused = cancelled and order.status is OrderStatus.RECEIVED
        return changed, Write(
            events=_as_logged(order.id, happened, now),
            expects=((order_key(order.id), order.version),),
            documents=(Document(order_key(order.id), changed.version, body),),
            stock=stock_moves(self._menu, order.items, "give", now) if unused else (),
            index=_index_moves(order, changed),
            samples=(sample,) if sample else (),
            counts=self._day.cancelled(order, now) if cancelled else (),
            release=(order.id,) if changed.ended else (),
            expire=_kept(order.id) if changed.ended else (),
            result=f'{{"order":{body}}}',
            command_id=write.command_id,
            fingerprint=write.fingerprint,
        )


def tracking_of(tokens: Tokens, order_id: str) -> Tracking:
    """The link to an order."""
    token = tokens.for_order(order_id)
    return Tracking(url=f"/t/{token}", token=token)


def tracking_started(chat: InChat, order_id: str, code: str, tracking: Tracking, now: datetime) -> NewEvent:
    """Has the chat follow an order: whoever is in it is brought into the order's room."""
    event = ChatTrackingStarted(turn_id=chat.turn_id, order_id=order_id, code=code, tracking=tracking)
    return NewEvent(event.type, event.body(now), (str(Room.chat(chat.chat_id)),))


def together(first: Write, second: Write, known_as: Write) -> Write:
    """Two writes as one, in this order: what the first gives back, the second may take."""
    return Write(
        events=first.events + second.events,
        expects=first.expects + second.expects,
        documents=first.documents + second.documents,
        stock=first.stock + second.stock,
        index=first.index + second.index,
        counts=first.counts + second.counts,
        quotas=first.quotas + second.quotas,
        hold=second.hold or first.hold,
        release=first.release + second.release,
        expire=first.expire + second.expire,
        result=second.result,
        command_id=known_as.command_id,
        fingerprint=known_as.fingerprint,
    )


def _as_logged(order_id: str, happened: Sequence[OrderEvent], now: datetime) -> tuple[NewEvent, ...]:
    both = (str(Room.order(order_id)), str(KITCHEN))
    kitchen_only = (str(KITCHEN),)
    return tuple(
        NewEvent(event.type, event.body(now), kitchen_only if isinstance(event, OrderAcknowledged) else both)
        for event in happened
    )


def _index_moves(order: Order, changed: Order) -> tuple[IndexMove, ...]:
    gone = (ACTIVE_ORDERS, ORDER_DEADLINES) if changed.ended else ()
    moves = tuple(IndexMove(index, order.id, False) for index in gone)
    if order.unseen == changed.unseen:
        return moves
    return (*moves, IndexMove(UNSEEN_ORDERS, order.id, changed.unseen, keep=0))


def _kept(order_id: str) -> tuple[Any, ...]:
    names: tuple[Any, ...] = (order_key(order_id), contact_key(order_id), str(Room.order(order_id)))
    return tuple((name, KEPT_AFTER_END_S) for name in names)
