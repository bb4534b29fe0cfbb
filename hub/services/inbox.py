"""The chats that staff look after: those that wait for a person, and those in which something was said last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hub.domain.chat import Chat, ChatMode
from hub.domain.roles import Permission, Principal
from hub.services.documents import ALL_CHATS, ATTENDED_CHATS, chat_key, order_key
from hub.services.stored import ORDER_FIELDS, load_objects, load_readable

if TYPE_CHECKING:
    from hub.eventlog.log import EventLog

_ORDERS = 3  # of a chat, the last ones

Answer = dict[str, Any]


class Inbox:
    """Reads the lists that every write in a chat keeps (`hub.services.turns.written`)."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def find(self, principal: Principal, mode: ChatMode | None, limit: int, before: int | None) -> Answer:
        """`{chats, next}`: the one in which something happened last comes first; `next`, if any, is the `before` of
        the following page.

        Args:
            mode: Those that a person answers, or the agent; all if None.

        Raises:
            Forbidden: For support and managers.
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
        return {"chats": [_shown(chat, orders) for chat in found], "next": before}

    async def _orders_of(self, chats: list[Chat]) -> dict[str, dict[str, Any]]:
        ids = sorted({order_id for chat in chats for order_id in chat.order_ids[-_ORDERS:]})
        documents = await self._log.documents(map(order_key, ids)) if ids else []
        return {order["id"]: order for order in load_objects(self._log, documents, *ORDER_FIELDS)}


def _shown(chat: Chat, orders: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    own = [orders[order_id] for order_id in chat.order_ids[-_ORDERS:] if order_id in orders]
    shown: dict[str, Any] = {
        "chat_id": chat.id,
        "mode": str(chat.mode),
        "customer": own[-1]["customer"]["name"] if own else chat.opened_by.name,
        "staff": chat.opened_by.kind in ("staff", "service"),
        "orders": [{"id": order["id"], "code": order["code"], "status": order["status"]} for order in own],
        "answering": bool(chat.turns),
        "last": chat.last.model_dump(mode="json") if chat.last else None,
    }
    return shown
