"""Whose request this is: the address it came from, and who sent it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from aiohttp import web

from hub.domain.errors import Unauthorized
from hub.domain.roles import Principal
from hub.services.access import Access

PRINCIPAL = web.RequestKey("principal", Principal)
ADDRESS = web.RequestKey("address", str)
LOCAL = "unix"  # the address of whoever comes over a unix socket


class Proxies:
    """The address a request is from: its connection's, or what our own proxies say of it.

    Args:
        trusted: Addresses or networks of proxies whose `X-Forwarded-For` is believed (anybody else could write
            anything into it); `unix` for one that comes over a unix socket.

    Raises:
        ValueError: One of them is neither.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._unix = LOCAL in trusted
        self._networks = tuple(ip_network(each, strict=False) for each in trusted if each != LOCAL)

    def address(self, request: web.BaseRequest) -> str:
        """The nearest address that is not a proxy of ours."""
        peer = _peer(request)
        if not self._networks and not self._unix:
            return peer
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        hops = [hop.strip() for hop in forwarded if hop.strip()]
        while hops and self._trusts(peer):
            peer = hops.pop()
        return peer

    def _trusts(self, address: str) -> bool:
        if address == LOCAL:
            return self._unix
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._networks)


async def principal_of(request: web.BaseRequest, access: Access) -> Principal:
    """Who asks: the `Authorization` header's token, and what a capability in `?token=` opens besides.

    Raises:
        Unauthorized: A token that is not valid; a request without any is anonymous.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise Unauthorized("send the token as: Authorization: Bearer <token>")
    principal = await access.principal(token.strip() or None)
    return await access.with_capability(principal, request.query.get("token"))


def _peer(request: web.BaseRequest) -> str:
    name = request.transport.get_extra_info("peername") if request.transport else None
    return str(name[0]) if isinstance(name, tuple) else LOCAL
