"""`comanda orders cancel`: cancels or counts the open orders that match a filter."""

from __future__ import annotations

from hub.bootstrap import secret_of, services_of
from hub.config import Settings
from hub.domain.commands import CancelOrders, OrderFilter
from hub.domain.roles import Kind, Principal, Role
from hub.gateways.peer import bare_address, counted
from hub.services.digests import Digests

_OPERATOR = Principal(kind=Kind.SERVICE, id="token:operator", name="operator", roles=frozenset({Role.MANAGER}))


async def cancel_orders(
    settings: Settings, wanted: OrderFilter, reason: str, *, dry_run: bool
) -> tuple[int, list[str]]:
    """Cancel every open order that matches, in as many calls as that takes.

    Returns:
        The number of orders, and their ids; of a dry run, the first hundred ids.
    """
    command = CancelOrders(filter=wanted, reason=reason, dry_run=dry_run)
    count, ids = 0, list[str]()
    async with services_of(settings) as services:
        while True:
            answer = await services.bulk.cancel_many(_OPERATOR, command)
            count += answer["count"]
            ids += answer["order_ids"]
            if dry_run or not answer["more"] or not answer["count"]:
                return count, ids


def origin_of(settings: Settings, address: str) -> str:
    """Return the `customer.origin` that orders from an address carry.

    Raises:
        ValueError: That is no network address.
    """
    if bare_address(address) is None:
        raise ValueError("that is no IP address")
    return Digests(secret_of(settings)).address(counted(address))
