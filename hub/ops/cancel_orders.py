"""`comanda orders cancel`: cancels or counts the open orders that match a filter."""

from __future__ import annotations

from hub.bootstrap import open_services, read_secret
from hub.config import Settings
from hub.domain.commands import CancelOrders, OrderFilter
from hub.domain.reason_codes import REASON_TEXTS, ReasonCode
from hub.domain.roles import Kind, Principal, Role
from hub.gateways.peer import bare_address, counted
from hub.services.auth.digests import Digests

_OPERATOR = Principal(kind=Kind.SERVICE, id="token:operator", name="operator", roles=frozenset({Role.MANAGER}))


async def cancel_orders(
    settings: Settings, wanted: OrderFilter, reason: str | None, *, dry_run: bool
) -> tuple[int, list[str]]:
    """Cancel every open order that matches, in as many calls as it takes.

    Args:
        reason: Shown to the customers; None: the taquería cancelled it, in the language of each.
        dry_run: True to count the orders only.

    Returns:
        The number of orders, and their ids; for a dry run, the first hundred ids.
    """
    code = ReasonCode.SHOP if reason is None else None
    said = REASON_TEXTS[ReasonCode.SHOP].es if reason is None else reason
    command = CancelOrders(filter=wanted, reason=said, reason_code=code, dry_run=dry_run)
    count, ids = 0, list[str]()
    async with open_services(settings) as services:
        while True:
            answer = await services.bulk.cancel_many(_OPERATOR, command)
            count += answer.count
            ids += answer.order_ids
            if dry_run or not answer.more or not answer.count:
                return count, ids


def origin_of(settings: Settings, address: str) -> str:
    """Return the `customer.origin` of orders from a network address.

    Raises:
        ValueError: The text is not an IP address.
    """
    if bare_address(address) is None:
        raise ValueError("that is no IP address")
    return Digests(read_secret(settings)).address(counted(address))
