"""The addresses that the hub may send to when a stranger has named them: a partner's webhook, a phone's push service.

Nothing here does I/O. `hub.outbound.safe_http` asks it about each URL, and about each address that a name resolves to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from hub.core.errors import BadRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_CHARS = 2_048

# Strict on purpose: what this does not match, two parsers may read in two ways. No user, no fragment, no backslash.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"(?P<plain>http://)?(?P<what>[A-Za-z0-9._:/-]+)")
_NAME = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
# The resolver of the C library reads `127.1`, `0x7f.1` and `2130706433` as addresses.
_ALMOST_AN_ADDRESS = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)

# Beyond what `is_global` refuses, which differs between versions of Python.
_REFUSED = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # shared by the customers of one provider
            "168.63.129.16/32",  # a cloud's own services, at an address that looks public
            "192.0.0.0/24",
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # special purposes, Teredo among them: an IPv4 address is inside
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address is inside
            "3fff::/20",
        ),
    )
)
_GLOBAL_IPV6 = ip_network("2000::/3")  # NAT64, IPv4-mapped, private, link-local and multicast addresses lie outside


class TargetRefused(BadRequest):
    """The hub does not send to this address. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL that decide where a request goes.

    Attributes:
        host: In small letters, an IPv6 address without brackets.
        address: The host as an address; None if it is a name.
    """

    plain: bool
    host: str
    port: int
    address: Address | None


@dataclass(frozen=True, slots=True)
class _Allowed:
    """One entry of the allow-list: a network or a host name."""

    network: Network | None
    name: str
    plain: bool


class TargetPolicy:
    """Decides which targets the hub may send to: public addresses over https, and what the operator allows.

    Args:
        allow: Networks (`192.168.1.0/24`), addresses, and host names that may be reached although they are not public.
            With `http://` before it, an entry may also be reached without TLS. A name is allowed with every address
            that it resolves to.

    Raises:
        ValueError: An entry is none of these.

    Example:
        policy = TargetPolicy(("http://192.168.1.0/24", "till.example"))
        policy.check_url("http://192.168.1.20:8000/orders")
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allowed = tuple(map(_entry, allow))

    def check_url(self, url: str) -> Target:
        """Return the target of a URL. A host name is only checked for its form: check its addresses, too.

        Raises:
            TargetRefused: The URL is not absolute, has a user or a fragment, is not https, or names an address that is
                not public.
        """
        found = _URL.fullmatch(url) if len(url) <= MAX_URL_CHARS else None
        if found is None:
            raise TargetRefused("write an address like https://partner.example/orders")
        plain = found["scheme"].lower() == "http"
        host = found["host"].strip("[]").lower()
        target = Target(plain, host, _port(found["port"], plain), _address(host))
        if target.address is None:
            _check_name(host)
        if plain and not self._allows(target.host, target.address, plain=True):
            raise TargetRefused("use https, or ask the operator to allow this address")
        if target.address is not None:
            self.check_address(host, target.address)
        return target

    def check_address(self, host: str, address: Address) -> None:
        """Check an address that a host has.

        Raises:
            TargetRefused: It is not public, and neither it nor the host is allowed.
        """
        if not is_public(address) and not self._allows(host, address, plain=False):
            raise TargetRefused("the target has an address that is not public")

    def _allows(self, host: str, address: Address | None, *, plain: bool) -> bool:
        return any(
            (entry.plain or not plain)
            and (address in entry.network if entry.network and address else entry.name == host.rstrip("."))
            for entry in self._allowed
        )


def is_public(address: Address) -> bool:
    """Return True if an address belongs to one host on the public internet, and not to a special purpose."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _REFUSED)


def _entry(written: str) -> _Allowed:
    found = _ENTRY.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is no network, address or host name")
    what, plain = found["what"].lower(), found["plain"] is not None
    try:
        return _Allowed(ip_network(what, strict=False), "", plain)
    except ValueError:
        if _NAME.fullmatch(what) is None or _ALMOST_AN_ADDRESS.fullmatch(what.rpartition(".")[2]):
            raise ValueError(f"{written!r} is no network, address or host name") from None
        return _Allowed(None, what, plain)


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _check_name(host: str) -> None:
    name = host.removesuffix(".")
    if _NAME.fullmatch(name) is None or _ALMOST_AN_ADDRESS.fullmatch(name.rpartition(".")[2]):
        raise TargetRefused("the host is neither a name nor an address")


def _port(written: str | None, plain: bool) -> int:
    port = int(written) if written else (80 if plain else 443)
    if not 1 <= port <= 65_535:
        raise TargetRefused("a port is a number from 1 to 65535")
    return port
