"""The events that each kind of room keeps, and the time for which things are kept after their last change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.domain.rooms import RoomKind

DAY_S = 86_400

ORDER_KEPT_S = 7 * DAY_S  # after it has ended
CHAT_KEPT_S = 7 * DAY_S  # after the last message
PROMO_KEPT_S = 7 * DAY_S  # after it was published
NOTIFICATION_PREFERENCES_KEPT_S = 30 * DAY_S  # after they were last changed


@dataclass(frozen=True, slots=True)
class RoomRetention:
    """The events that a kind of room keeps.

    Attributes:
        history: The newest events that a reader without a cursor is given beside the snapshot; None: all of them.
        whole: The room keeps all its events. Other rooms keep the newest ones (`COMANDA_LIMIT_ROOM_EVENTS`).
        kept_s: The room ends so long after its last change; None: never.
    """

    history: int | None = 200
    whole: bool = False
    kept_s: int | None = None


# Kinds without a row keep the newest events, as `RoomRetention` has it by default.
RETENTION: Mapping[RoomKind, RoomRetention] = dict.fromkeys(RoomKind, RoomRetention()) | {
    # An order has few events and needs all of them; its room expires with it.
    RoomKind.ORDER: RoomRetention(history=None, whole=True, kept_s=ORDER_KEPT_S),
    RoomKind.KITCHEN: RoomRetention(history=0),  # the snapshot has everything
    RoomKind.PROMOS: RoomRetention(history=20),
    RoomKind.STOCK: RoomRetention(history=20),
    RoomKind.CHAT: RoomRetention(kept_s=CHAT_KEPT_S),
}
_KEPT_WHOLE = frozenset(str(kind) for kind, retention in RETENTION.items() if retention.whole)


def is_kept_whole(room: str) -> bool:
    """Return True if a room, by its name, keeps all its events; the others keep the newest ones."""
    return room.partition(":")[0] in _KEPT_WHOLE
