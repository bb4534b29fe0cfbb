"""Options of TCP connections: keepalives, and how much the kernel may hold unsent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress

SILENT_S = 30  # without a sign of life from the peer's kernel
_UNSENT_BYTES = 131_072  # in the kernel; the rest stays in the process, where it is counted and bounded

# By name, since not every system has them all. What has been sent and is not acknowledged ends the connection after
# `TCP_USER_TIMEOUT` (Linux: by default after 15 minutes), one on which nothing is sent is asked by keepalives.
_NAMES: Mapping[str, int] = {
    "TCP_USER_TIMEOUT": SILENT_S * 1_000,
    "TCP_KEEPIDLE": SILENT_S // 2,
    "TCP_KEEPINTVL": SILENT_S // 6,
    "TCP_KEEPCNT": 3,
    "TCP_NOTSENT_LOWAT": _UNSENT_BYTES,
}
_OPTIONS = tuple((getattr(socket, name), value) for name, value in _NAMES.items() if hasattr(socket, name))


def set_keepalive(transport: asyncio.BaseTransport | None) -> None:
    """Have the kernel end the connection when its other end is gone without a word.

    A reader of server-sent events never speaks: nothing else would show that it is gone. A client that does not read
    counts as gone too, once the kernels' buffers are full.
    """
    connected = transport.get_extra_info("socket") if transport is not None else None
    if connected is None or connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with suppress(OSError, ValueError):  # closed already
        # One socket object for all options: uvloop creates one at each access (7 µs instead of 3). It is of C's type,
        # which turns no numbers into enumerations.
        own = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, connected.fileno())
        try:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _OPTIONS:
                own.setsockopt(socket.IPPROTO_TCP, option, value)
        finally:
            own.detach()  # the transport's still
