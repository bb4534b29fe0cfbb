"""Replies of Redis that come in several shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def pairs(reply: Any) -> Iterable[tuple[Any, Any]]:
    """Yield the pairs of a reply: Redis answers with a flat list, a list of pairs or a map, by protocol and command."""
    if isinstance(reply, dict):
        return reply.items()
    if reply and isinstance(reply[0], list | tuple):
        return ((first, second) for first, second in reply)
    return zip(reply[::2], reply[1::2], strict=True)
