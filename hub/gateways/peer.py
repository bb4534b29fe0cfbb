"""The caller of a request: its address and its principal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from aiohttp import web

from hub.core.errors import Unauthorized
from hub.domain.roles import Principal
from hub.gateways.route_table import ErrorShape, error_shape_of
from hub.services.auth.access import Access

PRINCIPAL = web.RequestKey("principal", Principal)
ADDRESS = web.RequestKey("address", str)
_FORWARDED = "X-Forwarded-For"
NO_KEY = "none"  # the key of OpenAI's clients without one: they insist on a key
LOCAL = "unix"  # the address of callers over a unix socket

_BRACKETED = re.compile(r"^\[([^\]]*)\](?::\d{1,5})?$")  # [2001:db8::1]:443
_WITH_PORT = re.compile(r"^([0-9.]+):\d{1,5}$")  # 203.0.113.7:51234
_MAX_KEPT = 1_024  # addresses whose form is remembered: a caller's is asked for twice a request, 5 µs each
_HOUSEHOLD_BITS = 64  # one IPv6 customer has at least a /64; limits by single address would limit nobody


class Proxies:
    """Finds the address of a request: that of its connection, or the one that a trusted proxy reports.

    Args:
        trusted: Addresses or networks of proxies whose `X-Forwarded-For` is believed (anybody else could write
            anything into it); `unix` for a proxy that connects over a unix socket.

    Attributes:
        untrusted: The last address on this machine or in a private network that sent `X-Forwarded-For` without being
            trusted; None if there was none.

    Raises:
        ValueError: An entry is neither an address, a network, nor `unix`.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._unix = LOCAL in trusted
        self.untrusted: str | None = None
        self._networks = tuple(ip_network(each, strict=False) for each in trusted if each != LOCAL)

    def address(self, request: web.BaseRequest) -> str:
        """Return the nearest address that is no trusted proxy, as it is counted (see `counted`)."""
        peer = _peer(request)
        if _FORWARDED in request.headers and not self._trusts(peer) and _may_be_ours(peer):
            self.untrusted = peer
        if self._networks or self._unix:
            peer = self._behind(peer, ",".join(request.headers.getall(_FORWARDED, ())).split(","))
        return counted(peer)

    def trusts(self, request: web.BaseRequest) -> bool:
        """Return True if the request came from a trusted proxy."""
        return self._trusts(_peer(request))

    def _behind(self, peer: str, forwarded: Sequence[str]) -> str:
        """Follow the hops backwards as long as a trusted proxy wrote them and each is an address."""
        hops = [hop.strip() for hop in forwarded if hop.strip()]
        while hops and self._trusts(peer):
            hop = bare_address(hops.pop())
            if hop is None:
                break
            peer = hop
        return peer

    def _trusts(self, address: str) -> bool:
        if address == LOCAL:
            return self._unix
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._networks)


def _may_be_ours(address: str) -> bool:
    """Return True where an operator's own proxy may run: on this machine, or in a private network."""
    try:
        return ip_address(address).is_private
    except ValueError:
        return address == LOCAL


@lru_cache(_MAX_KEPT)
def bare_address(hop: str) -> str | None:
    """Return the IP address in one entry of `X-Forwarded-For`, which may have brackets, a port, or a zone.

    Returns:
        The address in its canonical form; an IPv4 address mapped to IPv6 becomes IPv4. None if it is no address.
    """
    bracketed, with_port = _BRACKETED.match(hop), _WITH_PORT.match(hop)
    text = bracketed[1] if bracketed else with_port[1] if with_port else hop
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


@lru_cache(_MAX_KEPT)
def counted(address: str) -> str:
    """Return the address under which limits count a caller: an IPv4 address, or the /64 network of an IPv6 address.

    A household has one /64 network.
    """
    bare = bare_address(address)
    if bare is None:
        return address
    known = ip_address(bare)
    if known.version == 4 or known.is_loopback:
        return bare
    return str(ip_network((int(known) >> _HOUSEHOLD_BITS << _HOUSEHOLD_BITS, _HOUSEHOLD_BITS)))


async def principal_of(request: web.BaseRequest, access: Access, address: str) -> Principal:
    """Return the caller of a request, by its `Authorization` header, with the capability in `?token=` if there is one.

    Args:
        address: The caller's address, as it is counted (see `counted`).

    Raises:
        Unauthorized: A token is not valid. A request without a token is anonymous.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise Unauthorized("send the token as: Authorization: Bearer <token>")
    token = token.strip()
    if token == NO_KEY and error_shape_of(request) is ErrorShape.OPENAI:
        token = ""
    shown = await access.principal(token or None)
    principal = replace(shown, address=shown.address or address, caller=client_of(request, address))
    return await access.with_capability(principal, request.query.get("token"))


def client_of(request: web.BaseRequest, address: str) -> str:
    """Return the client that a request comes from, as far as it can be told without a token: address and program."""
    return f"at {address} {request.headers.get('User-Agent', '')}"


def _peer(request: web.BaseRequest) -> str:
    name = request.transport.get_extra_info("peername") if request.transport else None
    if not isinstance(name, tuple):
        return LOCAL
    return bare_address(str(name[0])) or str(name[0])
