"""Writes of an order: its document, its events in their rooms, and the counters that change with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from hub.domain import commands as cmd
from hub.domain.answers.order_answers import OrderAnswer, PlacedOrder
from hub.domain.events import ChatTrackingStarted, OrderEvent, Tracking
from hub.domain.lifecycle import OrderStatus
from hub.domain.menu import Menu
from hub.domain.order_document import Order
from hub.domain.order_fold import fold
from hub.domain.roles import Principal
from hub.domain.room_retention import ORDER_KEPT_S
from hub.domain.rooms import Room
from hub.domain.whatsapp_number import WhatsAppPeer, number_of
from hub.services.auth.api_keys import key_id_of
from hub.services.branch_figures import CountMove, Day
from hub.services.document_names import (
    ACTIVE_ORDERS,
    ALL_ORDERS,
    ORDER_DEADLINES,
    UNSEEN_ORDERS,
    contact_key,
    order_key,
    orders_of_key,
    whatsapp_order_key,
)
from hub.services.log_events import new_event
from hub.services.orders.estimates import Estimates
from hub.services.orders.order_limits import OrderLimits
from hub.services.orders.reserved_codes import CODE_KEPT_S, code_key, reservation
from hub.services.orders.tracking_links import TrackingLinks
from hub.services.stock_service import stock_moves
from hub.store.counters import CounterMove
from hub.store.log import Document, IndexMove, NewEvent, Write


@dataclass(frozen=True, slots=True)
class InChat:
    """The chat and the turn in which an order was placed. The chat follows the order from the same commit on."""

    chat_id: str
    turn_id: str


class OrderWrites:
    """Makes the write of each command on orders; decides nothing and commits nothing."""

    def __init__(self, menu: Menu, links: TrackingLinks, estimates: Estimates, day: Day, bounds: OrderLimits) -> None:
        self._bounds = bounds
        self._menu = menu
        self._links = links
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
        """Return the write of a new order, without what a repeat is known by.

        Its remembered result holds no token: see `with_tracking`.

        Args:
            contact: The contact of the order that this one replaces.
            replaced: The order that this one replaces.
        """
        body = order.model_dump_json()
        documents = [Document(order_key(order.id), 1, body), reservation(order)]
        counted = self._bounds.counted(principal, command, order, replaced)
        partner = _partner(principal, contact or {})
        number = _whatsapp(principal, command)
        given = {"phone": command.customer.phone, "origin": counted.origin, **partner, **number}
        others = {name: value for name, value in (contact or {}).items() if name not in given}
        if known := {**others, **{name: value for name, value in given.items() if value}}:
            documents.append(Document(contact_key(order.id), 1, json.dumps(known)))
        if wa_id := known.get("wa_id"):
            documents.append(Document(whatsapp_order_key(order.id), 1, WhatsAppPeer(wa_id=wa_id).model_dump_json()))
        followed: tuple[NewEvent, ...] = ()
        if chat is not None:
            followed = (tracking_started(chat, order.id, order.code, self._links.of(order.id), now),)
        return Write(
            events=_as_logged(order.id, happened, now) + followed,
            expects=((order_key(order.id), 0), (code_key(order.code), 0)),
            documents=tuple(documents),
            counters=stock_moves(self._menu, order.items, "take", now),
            # keep=0: however many orders there are, an open one never drops off the board.
            index=(
                IndexMove(ACTIVE_ORDERS, order.id, True, keep=0),
                IndexMove(UNSEEN_ORDERS, order.id, True, keep=0),
                IndexMove(ALL_ORDERS, order.id, True),
                self._bounds.due(order),
                *(IndexMove(orders_of_key(key_id), order.id, True) for key_id in [partner["key_id"]] if key_id),
            ),
            counts=self._day.placed(order, now),
            quotas=counted.quotas,
            hold=counted.hold,
            result=f'{{"order":{body}}}',
        )

    def placed_on(self, day: date | None) -> tuple[datetime, datetime] | None:
        """Return the bounds of a business day; None for none."""
        return None if day is None else (self._day.days.begins(day), self._day.days.ends(day))

    def with_tracking(self, answer: OrderAnswer) -> PlacedOrder:
        """Return the answer to a placed order with the order's link, which is computed each time and never stored."""
        return PlacedOrder(order=answer.order, tracking=self._links.of(answer.order.id), cursor=answer.cursor)

    def changed(
        self,
        order: Order,
        happened: Sequence[OrderEvent],
        write: Write,
        now: datetime,
        contact: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[Order, Write]:
        """Return the order after these events, and the write.

        Args:
            write: Says what the command is known by.
            contact: The order's contact, for a change that may take the order back from its end.
        """
        if not happened:
            # Remembered even without a change: a late repeat must not take effect after the order has changed back.
            return order, replace(
                write, expects=((order_key(order.id), order.version),), result=f'{{"order":{order.model_dump_json()}}}'
            )
        changed = fold(order, [(event, now) for event in happened])
        body = changed.model_dump_json()
        sample = self._estimates.sample(order, changed.status, now)
        cancelled = changed.status is OrderStatus.CANCELLED and not order.ended
        # Dishes that are being cooked do not return to stock.
        unused = cancelled and not order.begun
        revived = order.ended and not changed.ended
        restored = revived and order.status is OrderStatus.CANCELLED
        return changed, Write(
            events=_as_logged(order.id, happened, now),
            expects=((order_key(order.id), order.version),),
            documents=(Document(order_key(order.id), changed.version, body),),
            counters=self._stock_moves(order, now, given=unused, taken=restored and not changed.begun),
            index=(*_index_moves(order, changed), *((self._bounds.due(changed),) if revived else ())),
            samples=(sample,) if sample else (),
            counts=self._counts(order, now, cancelled=cancelled, restored=restored),
            hold=self._bounds.retaken(changed, contact) if revived else None,
            release=(order.id,) if changed.ended or revived else (),
            expire=_kept(order) if changed.ended else _kept_for_good(order) if revived else (),
            result=f'{{"order":{body}}}',
            idempotency=write.idempotency,
        )

    def _stock_moves(self, order: Order, now: datetime, *, given: bool, taken: bool) -> tuple[CounterMove, ...]:
        if not given and not taken:
            return ()
        return stock_moves(self._menu, order.items, "give" if given else "take", now)

    def _counts(self, order: Order, now: datetime, *, cancelled: bool, restored: bool) -> tuple[CountMove, ...]:
        if cancelled:
            return self._day.cancelled(order, now)
        return self._day.restored(order) if restored else ()


def tracking_started(chat: InChat, order_id: str, code: str, tracking: Tracking, now: datetime) -> NewEvent:
    """Return the event that has a chat follow an order: whoever is in the chat is brought into the order's room."""
    event = ChatTrackingStarted(turn_id=chat.turn_id, order_id=order_id, code=code, tracking=tracking)
    return new_event(event, now, chat=chat.chat_id)


def together(first: Write, second: Write, known_as: Write) -> Write:
    """Return two writes as one, in this order: the second may take what the first gives back."""
    return Write(
        events=first.events + second.events,
        expects=first.expects + second.expects,
        documents=first.documents + second.documents,
        counters=first.counters + second.counters,
        index=first.index + second.index,
        counts=first.counts + second.counts,
        quotas=first.quotas + second.quotas,
        hold=second.hold or first.hold,
        release=first.release + second.release,
        expire=first.expire + second.expire,
        result=second.result,
        idempotency=known_as.idempotency,
    )


def _partner(principal: Principal, contact: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the partner of a new order: the caller, or the one whose order is replaced."""
    if principal.is_partner:
        return {"partner": principal.name, "key_id": key_id_of(principal)}
    return {"partner": contact.get("partner"), "key_id": contact.get("key_id")}


def _whatsapp(principal: Principal, command: cmd.PlaceOrder) -> dict[str, str]:
    """Return the number by which an order is placed by WhatsApp, also as the phone number, unless another was given."""
    wa_id = number_of(principal.address)
    return {"wa_id": wa_id, "phone": command.customer.phone or f"+{wa_id}"} if wa_id else {}


def _as_logged(order_id: str, happened: Sequence[OrderEvent], now: datetime) -> tuple[NewEvent, ...]:
    return tuple(new_event(event, now, order=order_id) for event in happened)


def _index_moves(order: Order, changed: Order) -> tuple[IndexMove, ...]:
    gone = (ACTIVE_ORDERS, ORDER_DEADLINES) if changed.ended else ()
    moves = tuple(IndexMove(index, order.id, False) for index in gone)
    if order.ended and not changed.ended:
        moves = (IndexMove(ACTIVE_ORDERS, order.id, True, keep=0),)
    if order.unseen == changed.unseen:
        return moves
    return (*moves, IndexMove(UNSEEN_ORDERS, order.id, changed.unseen, keep=0))


def _kept(order: Order) -> tuple[Any, ...]:
    return (*((name, ORDER_KEPT_S) for name in _names(order)), (code_key(order.code), CODE_KEPT_S))


def _kept_for_good(order: Order) -> tuple[Any, ...]:
    return tuple((name, 0) for name in (*_names(order), code_key(order.code)))


def _names(order: Order) -> tuple[Any, ...]:
    return (order_key(order.id), contact_key(order.id), whatsapp_order_key(order.id), str(Room.order(order.id)))
