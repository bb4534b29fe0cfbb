"""The principal who made a request, as documents store it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from hub.domain.roles import Kind, Principal, Role, Scope
from hub.domain.values import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable


class RequestedBy(Stored):
    """A stored principal: the asker of a question, with the address and capabilities of that moment."""

    kind: Annotated[Kind | str, Field(union_mode="left_to_right")]
    id: str = ""
    name: str = ""
    roles: tuple[Annotated[Role | str, Field(union_mode="left_to_right")], ...] = ()
    orders: tuple[str, ...] = ()
    scopes: tuple[Annotated[Scope | str, Field(union_mode="left_to_right")], ...] = ()
    address: str = ""

    @classmethod
    def of(cls, principal: Principal, orders: Iterable[str] = ()) -> RequestedBy:
        """Return the part of a principal that a document may keep: never a capability for other chats."""
        return cls(
            kind=principal.kind,
            id=principal.id,
            name=principal.name,
            roles=tuple(sorted(principal.roles)),
            orders=tuple(orders),
            scopes=tuple(sorted(principal.scopes)),
            address=principal.address,
        )

    def principal(self, orders: Iterable[str], chat_id: str) -> Principal:
        """Return the principal on whose behalf tools act, with its own orders, these orders and this chat.

        A kind or role that only a newer hub knows gives no rights here.
        """
        known = isinstance(self.kind, Kind)
        return Principal(
            kind=Kind(self.kind) if known else Kind.ANONYMOUS,
            id=self.id,
            name=self.name,
            roles=frozenset(role for role in self.roles if isinstance(role, Role)) if known else frozenset(),
            orders=frozenset(self.orders) | frozenset(orders),
            chats=frozenset({chat_id}),
            scopes=frozenset(scope for scope in self.scopes if isinstance(scope, Scope)) if known else frozenset(),
            address=self.address,
        )
