"""Resolves the names of targets, and refuses those with an address that the hub may not send to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from hub.core.target_policy import TargetPolicy

_THREADS = 16  # a name whose server is silent keeps one of them for some ten seconds

Lookup = Callable[[str], Sequence[str]]


def look_up(host: str) -> Sequence[str]:
    """Return a name's addresses, as the operating system knows them. Blocks.

    Raises:
        OSError: The name has none, or nobody says.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class CheckedResolver(AbstractResolver):
    """Resolves names to addresses that the policy permits; aiohttp connects to the very addresses returned.

    One name is looked up once at a time, so that a name whose server is silent keeps one thread only.

    Args:
        policy: Every address of a name must be permitted by it: one that is not refuses the name.
        lookup: Return a name's addresses; it may block.
    """

    def __init__(self, policy: TargetPolicy, lookup: Lookup = look_up) -> None:
        self._policy = policy
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="name-lookup")
        self._under_way: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a name's addresses.

        Raises:
            TargetRefused: One of the addresses is not permitted.
            OSError: The name has no addresses.
        """
        addresses = [ip_address(found) for found in await self._addresses(host)]
        for address in addresses:
            self._policy.check_address(host, address)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Forget the lookups under way; the threads end when these end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _addresses(self, host: str) -> Sequence[str]:
        under_way = self._under_way.get(host)
        if under_way is None:
            loop = asyncio.get_running_loop()
            under_way = loop.run_in_executor(self._threads, self._lookup, host)
            self._under_way[host] = under_way
            under_way.add_done_callback(partial(self._ended, host))
        found = await asyncio.shield(under_way)
        if not found:
            raise OSError("the name has no addresses")
        return found

    def _ended(self, host: str, lookup: asyncio.Future[Sequence[str]]) -> None:
        del self._under_way[host]
        if not lookup.cancelled():
            lookup.exception()  # everybody who waited may have left
