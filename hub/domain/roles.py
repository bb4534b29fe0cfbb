"""Principals, roles and the table of what each role may do, which every service reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hub.core.errors import Forbidden


class Role(StrEnum):
    """The work of a member of staff, or of a program."""

    KITCHEN = "kitchen"
    COURIER = "courier"
    SUPPORT = "support"
    MANAGER = "manager"
    SERVICE = "service"  # another program: the agent worker, an integration


class Kind(StrEnum):
    """The kind of a principal."""

    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    STAFF = "staff"
    SERVICE = "service"
    PARTNER = "partner"  # the holder of an API key


class Scope(StrEnum):
    """One thing that an API key opens."""

    ORDERS_WRITE = "orders:write"  # place orders, cancel its own
    ORDERS_READ = "orders:read"  # read its own orders and their rooms
    CHAT = "chat"  # open chats and talk to the agent


class Permission(StrEnum):
    """One thing a principal may do."""

    ADVANCE_ORDER = "advance_order"  # any step of any order
    CARRY_ORDER = "carry_order"  # the steps of one's own deliveries
    # Up to `delivered`; everyone else before `en_route`. Also to take back a step that another role took.
    CANCEL_ANY_ORDER = "cancel_any_order"
    CANCEL_ORDER = "cancel_order"
    RECALL_ORDER = "recall_order"
    DELAY_ORDER = "delay_order"
    ACKNOWLEDGE_ORDER = "acknowledge_order"
    MARK_ITEM = "mark_item"
    ASSIGN_COURIER = "assign_courier"
    REPORT_POSITION = "report_position"
    READ_ORDERS = "read_orders"  # any order, phone number included
    JOIN_KITCHEN = "join_kitchen"
    JOIN_DASHBOARD = "join_floor"
    PUBLISH_PROMO = "publish_promo"
    SET_STOCK = "set_stock"
    SEND_NOTICE = "send_notice"  # to the customer of any order
    READ_CHATS = "read_chats"
    ANSWER_CHATS = "answer_chats"
    READ_STAFF = "read_staff"
    READ_METRICS = "read_metrics"
    READ_NOTICES = "read_notices"  # who was told what of an order
    MANAGE_WEBHOOKS = "manage_webhooks"  # endpoints that get every order's events
    MANAGE_KEYS = "manage_keys"  # the API keys of partners


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
        Permission.JOIN_DASHBOARD,
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
        Permission.JOIN_DASHBOARD,
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
    Role.SERVICE: frozenset(Permission) - {Permission.MANAGE_WEBHOOKS, Permission.MANAGE_KEYS},
}


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a command or a request.

    Attributes:
        kind: Anonymous, customer (of the orders and chats below), staff, service, or partner.
        id: Stable within the branch; empty for the anonymous.
        name: As shown to others (`by` of an event).
        roles: Staff roles; none for customers and partners.
        scopes: Of a partner: what its API key opens.
        orders: The orders this principal holds a capability for.
        chats: The chats this principal holds a capability for.
        until: Unix time at which a staff token or an API key ends, in seconds; None for those who hold none.
        life: Of a member of staff: the life of the account that the token belongs to.
        token_id: The token's id, by which it can be revoked; empty for those who hold none.
        address: The network address that the request counts for; for a partner, its id, wherever it calls from.
            Empty for callers inside the hub.
        caller: The connection or the kind of client that commands come from; empty for callers inside the hub. With it
            the hub knows a repeat of a command without an id.
    """

    kind: Kind = Kind.ANONYMOUS
    id: str = ""
    name: str = ""
    roles: frozenset[Role] = field(default_factory=frozenset)
    orders: frozenset[str] = field(default_factory=frozenset)
    chats: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[Scope] = field(default_factory=frozenset)
    until: float | None = field(default=None, compare=False)  # the same person, whenever they logged in
    life: str = field(default="", compare=False)
    token_id: str = field(default="", compare=False)
    address: str = field(default="", compare=False)  # the same person, wherever they are
    caller: str = field(default="", compare=False)

    @property
    def is_staff(self) -> bool:
        """True for members of staff and for programs."""
        return self.kind in (Kind.STAFF, Kind.SERVICE)

    @property
    def is_partner(self) -> bool:
        """True for the holder of an API key."""
        return self.kind is Kind.PARTNER

    def holding(self, shown: Principal) -> Principal:
        """Return the principal with the capabilities that it has shown elsewhere as well."""
        if self.orders <= shown.orders and self.chats <= shown.chats:
            return shown
        return replace(shown, orders=self.orders | shown.orders, chats=self.chats | shown.chats)

    def may(self, permission: Permission) -> bool:
        """Return True if a role of the principal has the permission."""
        return any(permission in PERMISSIONS[role] for role in self.roles)

    def require(self, permission: Permission) -> None:
        """Refuse a principal that lacks a permission.

        Raises:
            Forbidden: No role of this principal has the permission.
        """
        if not self.may(permission):
            raise Forbidden("your role may not do this", permission=str(permission))

    def require_scope(self, scope: Scope) -> None:
        """Refuse a partner whose API key lacks a scope. Other principals have no scopes and pass.

        Raises:
            Forbidden: The key lacks the scope.
        """
        if self.is_partner and scope not in self.scopes:
            raise Forbidden(f"this API key lacks the scope {scope}", scope=str(scope))


ANONYMOUS = Principal()
