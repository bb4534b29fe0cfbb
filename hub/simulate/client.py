"""The hub as a client sees it: commands that survive its restart, and a room's events without an end."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import aiohttp

from hub.simulate.figures import Figures
from hub.simulate.sse import EventParser, StreamEvent, TooLong

ATTEMPT_S = 10.0  # one request
GIVE_UP_S = 60.0  # one command, all its attempts: a hub's restart fits in
SILENCE_S = 45.0  # three of the comments that a stream sends every 15 s
LONGEST_BACKOFF_S = 5.0


class Refused(Exception):
    """The hub said no, and would say it again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Unreachable(Exception):
    """The hub gave no answer that counts, for as long as one waits."""


class _Later(Exception):
    """The same request may succeed in a while."""

    def __init__(self, why: str, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.after_s = after_s


class HubClient:
    """One person at the API, with a token or without. `url` is the hub's root: `http://127.0.0.1:8080`."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        figures: Figures,
        token: str = "",
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._figures = figures
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._give_up_s = give_up_s

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        return await self._ask("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one command; however often it has to be sent, it is committed once.

        Raises:
            Refused: The hub will not do it.
            Unreachable: No answer in time; whether it was committed is unknown.
        """
        return await self._ask("POST", path, body=body)

    async def events(self, room: str) -> AsyncGenerator[StreamEvent, None]:
        """Every event of a room, resumed after each break where it broke off. Ends only when it is closed.

        Raises:
            Refused: This token may not read the room.
        """
        cursor, failures = "", 0
        while True:
            try:
                async with aclosing(self._stream(room, cursor)) as stream:
                    async for event in stream:
                        cursor, failures = event.id or cursor, 0
                        yield event
            except (aiohttp.ClientError, TimeoutError, TooLong, _Later):
                self._figures.retries += 1
            await asyncio.sleep(_backoff_s(failures))
            failures += 1

    async def _stream(self, room: str, cursor: str) -> AsyncGenerator[StreamEvent, None]:
        url = f"{self._url}/api/rooms/{quote(room, safe=':')}/events"
        headers = {**self._headers, "Accept": "text/event-stream"}
        if cursor:
            headers["Last-Event-ID"] = cursor
        timeout = aiohttp.ClientTimeout(total=None, connect=ATTEMPT_S, sock_read=SILENCE_S)
        async with self._http.get(url, headers=headers, timeout=timeout) as response:
            if response.status != 200:
                await _data(response)
            parser = EventParser()
            async for chunk in response.content.iter_any():
                for event in parser.feed(chunk):
                    yield event

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        headers = dict(self._headers)
        if body is not None:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        clock = asyncio.get_running_loop()
        until = clock.time() + self._give_up_s
        failures = 0
        while True:
            timeout = aiohttp.ClientTimeout(total=max(0.1, min(ATTEMPT_S, until - clock.time())))
            try:
                async with self._http.request(
                    method, self._url + path, json=body, params=query, headers=headers, timeout=timeout
                ) as response:
                    return await _data(response)
            except (aiohttp.ClientError, TimeoutError, _Later) as problem:
                after_s = problem.after_s if isinstance(problem, _Later) else 0.0
                wait_s = max(after_s, _backoff_s(failures))
                if clock.time() + wait_s > until:
                    raise Unreachable(f"{method} {path}: {str(problem) or type(problem).__name__}") from problem
            self._figures.retries += 1
            failures += 1
            await asyncio.sleep(wait_s)


async def _data(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """What an answer carries, or the exception that it amounts to."""
    try:
        answer = await response.json(content_type=None)
        if answer["ok"]:
            return dict(answer["data"])
        error = answer["error"]
        code, message, retryable = str(error["code"]), str(error["message"]), bool(error["retryable"])
        after_s = float(error.get("retry_after_s") or 0.0)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        # Not the hub's own words: a proxy in between, or something else on that port.
        if response.status >= 500:
            raise _Later(f"status {response.status}") from exc
        raise Refused("unexpected", f"status {response.status}, and not the answer of a hub") from exc
    if retryable:
        raise _Later(f"{code}: {message}", after_s)
    raise Refused(code, message)


def _backoff_s(failures: int) -> float:
    """Doubling, with some chance in it, so that those who lost the hub together do not return together."""
    longest = min(LONGEST_BACKOFF_S, 0.2 * 2.0 ** min(failures, 10))
    return random.uniform(longest / 2, longest)
