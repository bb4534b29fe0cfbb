"""An HTTP client for targets that a stranger has named: it reaches public addresses only, and never waits for long."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from hub.core.errors import Unavailable
from hub.core.target_policy import TargetPolicy
from hub.outbound.name_lookup import CheckedResolver, Lookup, look_up

DEADLINE_S = 10.0
ANSWER_BYTES = 65_536
CONNECTIONS_A_TARGET = 4


class DeliveryFailed(Unavailable):
    """A target gave no answer. It may have received the request.

    Attributes:
        reason: One word for metrics and for the list of dead letters.
    """

    reason: ClassVar[str] = "failed"


class TargetUnreachable(DeliveryFailed):
    """There is no connection to the target: its name, its port or its certificate is wrong, or it is down."""

    reason = "unreachable"


class TargetTimedOut(DeliveryFailed):
    """The target did not answer in time."""

    reason = "timed_out"


class AnswerBroken(DeliveryFailed):
    """The target closed the connection before the end of its answer, or answered with something else than HTTP."""

    reason = "broken"


@dataclass(frozen=True, slots=True)
class TargetAnswer:
    """The answer of a target, whatever its status. Redirects are not followed: they are answers like any other.

    Attributes:
        body: At most the first 64 KiB of it, as it came: compressed bodies stay so.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class SafeHttpClient:
    """Posts to targets within a deadline, over few connections each, and reads only the beginning of the answer.

    Args:
        policy: Decides which targets may be reached. The address that it checks is the address connected to.
        lookup: Return the addresses of a name; it may block.
        deadline_s: The time of one request in all, in seconds: the lookup, the connection and the answer.
        per_target: The most connections to one host and port. Requests past it wait, within the deadline.
        tls: The trust in certificates; None: the system's.

    Example:
        async with safe_http_client(TargetPolicy()) as client:
            answer = await client.post("https://partner.example/orders", b"{}", {"Content-Type": "application/json"})
    """

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        lookup: Lookup = look_up,
        deadline_s: float = DEADLINE_S,
        per_target: int = CONNECTIONS_A_TARGET,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._deadline_s = deadline_s
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(policy, lookup),
            use_dns_cache=False,
            limit=0,
            limit_per_host=per_target,
            ssl=True if tls is None else tls,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> TargetAnswer:
        """Post a body to a target.

        Raises:
            TargetRefused: The hub may not send there. Nothing was sent.
            TargetUnreachable: There is no connection. Nothing was sent.
            TargetTimedOut, AnswerBroken: The target may have received the request.
        """
        self._policy.check_url(url)
        sent = CIMultiDict(headers)
        sent.setdefault("Accept-Encoding", "identity")
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._session.post(URL(url, encoded=True), data=body, headers=sent, allow_redirects=False) as response,
            ):
                return TargetAnswer(response.status, response.headers, await _beginning(response))
        except TimeoutError as exc:
            raise TargetTimedOut(f"no answer within {self._deadline_s:g} s") from exc
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as exc:
            raise TargetUnreachable("no connection to the target") from exc
        except (aiohttp.ClientError, ConnectionError) as exc:
            raise AnswerBroken("the target ended the connection before its answer ended") from exc


@asynccontextmanager
async def safe_http_client(
    policy: TargetPolicy,
    *,
    lookup: Lookup = look_up,
    deadline_s: float = DEADLINE_S,
    per_target: int = CONNECTIONS_A_TARGET,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[SafeHttpClient]:
    """Provide a client, and close its connections at the end. For the arguments see `SafeHttpClient`."""
    client = SafeHttpClient(policy, lookup=lookup, deadline_s=deadline_s, per_target=per_target, tls=tls)
    try:
        yield client
    finally:
        await client.aclose()


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Read at most `ANSWER_BYTES` of an answer. Close the connection if there is more."""
    body = bytearray()
    while len(body) < ANSWER_BYTES:
        part = await response.content.read(ANSWER_BYTES - len(body))
        if not part:
            return bytes(body)
        body += part
    if not response.content.at_eof():
        response.close()
    return bytes(body)
