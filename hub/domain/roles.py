"""Who is asking, and what each role may do: one table, read by every service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hub.domain.errors import Forbidden


class Role(StrEnum):
    """What a member of staff, or a program, does here."""

    KITCHEN = "kitchen"
    COURIER = "courier"
    SUPPORT = "support"
    MANAGER = "manager"
    SERVICE = "service"  # another program: the agent worker, an integration


class Kind(StrEnum):
    """What sort of principal asks."""

    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    STAFF = "staff"
    SERVICE = "service"


class Permission(StrEnum):
    """One thing a principal may do."""

    ADVANCE_ORDER = "advance_order"  # any step of any order
    CARRY_ORDER = "carry_order"  # the steps of one's own deliveries
    CANCEL_ANY_ORDER = "cancel_any_order"  # up to `delivered`; everyone else before `en_route`
    CANCEL_ORDER = "cancel_order"
    RECALL_ORDER = "recall_order"
    DELAY_ORDER = "delay_order"
    ACKNOWLEDGE_ORDER = "acknowledge_order"
    MARK_ITEM = "mark_item"
    ASSIGN_COURIER = "assign_courier"
    REPORT_POSITION = "report_position"
    READ_ORDERS = "read_orders"  # any order, phone number included
    JOIN_KITCHEN = "join_kitchen"
    JOIN_FLOOR = "join_floor"
    PUBLISH_PROMO = "publish_promo"
    SET_STOCK = "set_stock"
    SEND_NOTICE = "send_notice"  # to the customer of any order
    READ_CHATS = "read_chats"
    ANSWER_CHATS = "answer_chats"
    READ_STAFF = "read_staff"
    READ_METRICS = "read_metrics"


_KITCHEN = frozenset(
    {
        Permission.ADVANCE_ORDER,
        Permission.CANCEL_ORDER,
        Permission.RECALL_ORDER,
        Permission.DELAY_ORDER,
        Permission.ACKNOWLEDGE_ORDER,
        Permission.MARK_ITEM,
        Permission.ASSIGN_COURIER,
        Permission.READ_ORDERS,
        Permission.JOIN_KITCHEN,
        Permission.JOIN_FLOOR,
        Permission.SET_STOCK,
        Permission.SEND_NOTICE,
        Permission.READ_STAFF,
        Permission.READ_METRICS,
    }
)
_COURIER = frozenset(
    {
        Permission.CARRY_ORDER,
        Permission.DELAY_ORDER,
        Permission.ASSIGN_COURIER,
        Permission.REPORT_POSITION,
        Permission.READ_ORDERS,
        Permission.JOIN_KITCHEN,
        Permission.READ_STAFF,
        Permission.READ_METRICS,
    }
)
_SUPPORT = frozenset(
    {
        Permission.CANCEL_ORDER,
        Permission.DELAY_ORDER,
        Permission.READ_ORDERS,
        Permission.JOIN_KITCHEN,
        Permission.JOIN_FLOOR,
        Permission.READ_CHATS,
        Permission.ANSWER_CHATS,
        Permission.SEND_NOTICE,
        Permission.READ_STAFF,
        Permission.READ_METRICS,
    }
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.KITCHEN: _KITCHEN,
    Role.COURIER: _COURIER,
    Role.SUPPORT: _SUPPORT,
    Role.MANAGER: frozenset(Permission),
    Role.SERVICE: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a command or a request.

    Attributes:
        kind: Anonymous, customer (of the orders and chats below), staff, or service.
        id: Stable within the branch; empty for the anonymous.
        name: As shown to others (`by` of an event).
        roles: Staff roles; none for customers.
        orders: The orders this principal holds a capability for.
        chats: The chats this principal holds a capability for.
        until: Unix time at which a staff token ends, in seconds; None for those who hold none.
        life: Of a member of staff: the life of the account that the token belongs to.
        token_id: The token's id, by which it can be revoked; empty for those who hold none.
        address: The network address that the request counts for; empty for callers inside the hub.
    """

    kind: Kind = Kind.ANONYMOUS
    id: str = ""
    name: str = ""
    roles: frozenset[Role] = field(default_factory=frozenset)
    orders: frozenset[str] = field(default_factory=frozenset)
    chats: frozenset[str] = field(default_factory=frozenset)
    until: float | None = field(default=None, compare=False)  # the same person, whenever they logged in
    life: str = field(default="", compare=False)
    token_id: str = field(default="", compare=False)
    address: str = field(default="", compare=False)  # the same person, wherever they are

    @property
    def is_staff(self) -> bool:
        return self.kind in (Kind.STAFF, Kind.SERVICE)

    def holding(self, shown: Principal) -> Principal:
        """What the same principal has shown at two places at once, together."""
        if self.orders <= shown.orders and self.chats <= shown.chats:
            return shown
        return replace(shown, orders=self.orders | shown.orders, chats=self.chats | shown.chats)

    def may(self, permission: Permission) -> bool:
        return any(permission in PERMISSIONS[role] for role in self.roles)

    def require(self, permission: Permission) -> None:
        """Refuse a principal that lacks a permission.

        Raises:
            Forbidden: No role of this principal has the permission.
        """
        if not self.may(permission):
            raise Forbidden("your role may not do this", permission=str(permission))

    def public(self) -> dict[str, object]:
        """The principal as a client sees it in `hub.welcome` and the answer to a login."""
        shown: dict[str, object] = {"kind": str(self.kind), "roles": sorted(self.roles)}
        if self.name:
            shown["name"] = self.name
        if self.id:
            shown["id"] = self.id
        return shown


ANONYMOUS = Principal()
