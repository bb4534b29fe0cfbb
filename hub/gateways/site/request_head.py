"""The part of an unreadable request that arrived: enough to see who asks, and in which language to answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from multidict import CIMultiDict

from hub.gateways.site.languages import COOKIE

_CHOSEN = re.compile(rf"(?:^|;\s*){COOKIE}=(\w{{2}})")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The headers that could be read. The path may be incomplete, so it is left out."""

    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    path: str = "/"

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Read the lines of a head that look like headers, and skip all others.

        Args:
            raw: The first bytes of a request, at most some tens of kilobytes of them.
        """
        lines = raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if ":" in line)
        headers = CIMultiDict((name, value.strip()) for name, _, value in pairs)
        chosen = _CHOSEN.search(headers.get("Cookie", ""))
        return cls(headers, {COOKIE: chosen[1]} if chosen else {})
