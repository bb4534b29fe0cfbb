"""Who asked, as a document keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.roles import Kind, Principal, Role
from hub.domain.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable


class Asker(Value):
    """A principal on paper: who asked, from where, with what they held at that moment."""

    kind: Kind
    id: str = ""
    name: str = ""
    roles: tuple[Role, ...] = ()
    orders: tuple[str, ...] = ()
    address: str = ""

    @classmethod
    def of(cls, principal: Principal, orders: Iterable[str] = ()) -> Asker:
        """What of a principal a document may keep: never a capability for other chats."""
        return cls(
            kind=principal.kind,
            id=principal.id,
            name=principal.name,
            roles=tuple(sorted(principal.roles)),
            orders=tuple(orders),
            address=principal.address,
        )
