"""The chats in the inbox of support: those that wait for a person, and those with the newest messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hub.domain.answers.chat_answers import InboxChat, InboxOrder, InboxPage, ShownLastMessage
from hub.domain.chat import Chat, ChatMode
from hub.domain.order_document import Order
from hub.domain.roles import Permission, Principal
from hub.services.document_names import ALL_CHATS, ATTENDED_CHATS, chat_key, order_key
from hub.services.service_bounds import MAX_INBOX_ORDERS
from hub.services.stored_documents import load_readable

if TYPE_CHECKING:
    from hub.store.log import EventLog


class SupportInbox:
    """Reads the lists that every write in a chat keeps (`hub.services.chats.chat_documents.written`)."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def find(self, principal: Principal, mode: ChatMode | None, limit: int, before: int | None) -> InboxPage:
        """Return a page of chats, the one with the newest message first.

        Args:
            mode: Only chats that a person answers, or only the agent's; None: all.

        Raises:
            Forbidden: Only support and managers may read the inbox.
        """
        principal.require(Permission.READ_CHATS)
        index = ATTENDED_CHATS if mode is ChatMode.PERSON else ALL_CHATS
        found: list[Chat] = []
        while len(found) < limit:
            page = await self._log.indexed(index, before=before, limit=limit)
            if not page:
                before = None
                break
            documents = await self._log.documents([chat_key(chat_id) for chat_id, _ in page])
            for (_, score), document in zip(page, documents, strict=True):
                before = score
                chat = load_readable(self._log, Chat, document)
                if chat and mode in (None, chat.mode):
                    found.append(chat)
                    if len(found) == limit:
                        break
        orders = await self._orders_of(found)
        return InboxPage(chats=tuple(_shown(chat, orders) for chat in found), next=before)

    async def _orders_of(self, chats: list[Chat]) -> dict[str, Order]:
        ids = sorted({order_id for chat in chats for order_id in chat.order_ids[-MAX_INBOX_ORDERS:]})
        documents = await self._log.documents(map(order_key, ids)) if ids else []
        orders = (load_readable(self._log, Order, document) for document in documents)
        return {order.id: order for order in orders if order is not None}


def _shown(chat: Chat, orders: Mapping[str, Order]) -> InboxChat:
    own = [orders[order_id] for order_id in chat.order_ids[-MAX_INBOX_ORDERS:] if order_id in orders]
    return InboxChat(
        chat_id=chat.id,
        mode=str(chat.mode),
        customer=own[-1].customer.name if own else chat.opened_by.name,
        staff=chat.opened_by.kind in ("staff", "service"),
        orders=tuple(InboxOrder(id=order.id, code=order.code, status=str(order.status)) for order in own),
        answering=bool(chat.turns),
        last=ShownLastMessage.model_validate(chat.last.model_dump()) if chat.last else None,
    )
