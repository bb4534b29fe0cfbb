"""The client: commands that are carried out once, rooms that are read without a gap."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import aiohttp

from comanda.errors import Refused, error_in, lost, not_a_hub
from comanda.link import Link, Token
from comanda.patience import repeated
from comanda.room import Room

TIMEOUT_S = 20.0
HEARTBEAT_S = 10.0
MAX_WAITING = 1_000
# Commands that have the same effect when they are repeated, and refuse a command id. Others are learnt.
WITHOUT_ID = ("chat.stop", "courier.report", "hub.ping", "room.join", "room.leave")


def connect(
    url: str,
    *,
    token: Token | None = None,
    http: aiohttp.ClientSession | None = None,
    timeout_s: float = TIMEOUT_S,
    heartbeat_s: float = HEARTBEAT_S,
    on_retry: Callable[[], None] = lambda: None,
) -> Comanda:
    """Return a client of a hub, to be used with `async with`. It connects when it is first used.

    Args:
        url: The hub's root, like `https://tacos.example` or `http://127.0.0.1:8080`.
        token: A token of any kind, or a function that returns one; the function is called for each new connection.
        http: A session to use; without it, the client has its own.
        timeout_s: The seconds for a command or a request, all its attempts together.
        heartbeat_s: The pause between two pings of a connection.
        on_retry: Called whenever something is tried again.
    """
    return Comanda(url, token=token, http=http, timeout_s=timeout_s, heartbeat_s=heartbeat_s, on_retry=on_retry)


class Comanda:
    """A hub, as one principal sees it. See `connect` for the arguments."""

    def __init__(
        self,
        url: str,
        *,
        token: Token | None,
        http: aiohttp.ClientSession | None,
        timeout_s: float,
        heartbeat_s: float,
        on_retry: Callable[[], None],
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._given_http = http
        self._timeout_s = timeout_s
        self._heartbeat_s = heartbeat_s
        self._on_retry = on_retry
        self._without_id = set(WITHOUT_ID)
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._open_link: Link | None = None

    async def __aenter__(self) -> Self:
        http = self._given_http
        if http is None:
            http = await self._stack.enter_async_context(aiohttp.ClientSession())
        self._session = http
        self._open_link = Link(http, self.url, self._token, self._heartbeat_s, self._on_retry)
        self._stack.push_async_callback(self._open_link.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def is_connected(self) -> bool:
        """True while there is a connection to the hub. Without one, commands wait for it."""
        return self._open_link is not None and self._open_link.is_open

    async def command(
        self,
        name: str,
        payload: Mapping[str, Any] | None = None,
        *,
        command_id: str | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Send a command, and return the data of its answer.

        It is repeated under the same id while no answer comes, and carried out once.

        Args:
            name: Like `order.place`; docs/protocol.md has all of them.
            command_id: An id that the caller has kept; without it, a random one.
            timeout_s: For all attempts; without it, the client's own.

        Raises:
            Refused: The hub will not do it; `code` says why.
            Unreachable: No answer in time. The outcome is unknown: repeat with the same command id.
        """
        sent = dict(payload or {})
        if command_id is None and name in self._without_id:
            return await self._command(name, sent, timeout_s)
        keyed = {"command_id": command_id or uuid.uuid4().hex, **sent}
        try:
            return await self._command(name, keyed, timeout_s)
        except Refused as refused:
            if command_id is not None or refused.values.get("field") != "command_id":
                raise
        self._without_id.add(name)
        return await self._command(name, sent, timeout_s)

    def room(
        self,
        name: str,
        *,
        token: str | None = None,
        after: str | None = None,
        only: Collection[str] | None = None,
        max_waiting: int = MAX_WAITING,
        timeout_s: float | None = TIMEOUT_S,
    ) -> Room:
        """Return a room, to be read with `async with` and `async for`.

        Args:
            name: Like `kitchen` or `order:PED7K3Q9X`. One client reads a room once at a time.
            token: A capability for the room, if the client's own token does not open it.
            after: The cursor of what is known already; what happened since is read first.
            only: The event types to read; without it, all.
            max_waiting: The most events that wait to be read.
            timeout_s: For entering the room; None waits as long as it takes.

        Raises:
            Refused: On entering: the room is not open to these tokens, or `after` is no cursor.
            Unreachable: On entering: no answer in time.
        """
        return Room(
            self._link,
            name,
            token=token,
            after=after,
            only=only,
            max_waiting=max_waiting,
            timeout_s=timeout_s,
            on_retry=self._on_retry,
        )

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return the data of a GET request: `await hub.get("/api/menu")`.

        Raises:
            Refused: The hub will not answer it.
            Unreachable: No answer in time.
        """
        return await self._request("GET", path, query=query)

    async def post(
        self, path: str, body: Mapping[str, Any], *, command_id: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Send a command by its HTTP route, with a command id; otherwise as `command`.

        Commands of one connection are carried out one after another. Those that come by HTTP do not wait for each
        other.
        """
        return await self._request(
            "POST", path, body=body, command_id=command_id or uuid.uuid4().hex, timeout_s=timeout_s
        )

    @property
    def _link(self) -> Link:
        if self._open_link is None:
            raise RuntimeError("use the client with `async with`")
        return self._open_link

    async def _command(self, name: str, payload: Mapping[str, Any], timeout_s: float | None) -> dict[str, Any]:
        link = self._link
        return await repeated(
            lambda: link.ask(name, payload), timeout_s=self._for(timeout_s), what=name, on_retry=self._on_retry
        )

    def _for(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else timeout_s

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        command_id: str | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        link, session = self._link, self._session
        assert session is not None

        async def attempt() -> dict[str, Any]:
            headers = await link.headers()
            if command_id is not None:
                headers["Idempotency-Key"] = command_id
            try:
                async with session.request(
                    method, self.url + path, json=body, params=query, headers=headers
                ) as response:
                    return await _data(response)
            except (aiohttp.ClientError, OSError) as exc:
                raise lost(str(exc) or type(exc).__name__) from exc

        return await repeated(attempt, timeout_s=self._for(timeout_s), what=f"{method} {path}", on_retry=self._on_retry)


async def _data(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the data of an answer, or raise its error."""
    try:
        answer = await response.json(content_type=None)
        if answer["ok"]:
            return dict(answer["data"])
        problem = error_in(answer)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise not_a_hub(response.status) from exc
    raise problem
