"""Hub processes over some Redis, programs that publish promotions all the time, and screens that watch them."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now
from hub.store import EventLog, connect
from tests.integration.cluster import BRANCH, READY_S, ready
from tests.integration.screens import PythonScreen
from tests.support.processes import COMANDA, Process, free_port
from tests.support.uncounted import UNCOUNTED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

ROOM = "promos"
WRITERS = 8
_PAUSE_S = 0.02  # between a writer's promotions; some 100 a second in all


@dataclass
class Figures:
    """What the writers saw.

    Attributes:
        acknowledged: The titles that were, with the time at which.
        refused: Code and time of every other answer.
    """

    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: list[tuple[str, float]] = field(default_factory=list)

    @property
    def codes(self) -> set[str]:
        return {code for code, _ in self.refused}

    def longest_gap_s(self, since: float) -> float:
        """Return the longest time between two acknowledgements, from a time on."""
        times = [since, *sorted(at for at in self.acknowledged.values() if at >= since)]
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


class PromoLoad:
    """Two hubs, a screen at each, and writers at both."""

    def __init__(self, folder: Path, redis_url: str, settings: Mapping[str, str] | None = None) -> None:
        self.redis_url = redis_url
        self.figures = Figures()
        self._folder = folder
        self._secret = uuid.uuid4().hex
        self._settings = settings or {}
        self._stack = AsyncExitStack()
        self._finishing = asyncio.Event()
        self._writers: list[asyncio.Task[None]] = []
        self.screens: list[PythonScreen] = []
        self.urls: list[str] = []

    async def __aenter__(self) -> Self:
        try:
            await self._begin()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, exc, trace)

    async def _begin(self) -> None:
        self.urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        self._hubs = [self._stack.enter_context(self._hub(n, url)) for n, url in enumerate(self.urls)]
        for hub, url in zip(self._hubs, self.urls, strict=True):
            await asyncio.to_thread(hub.wait_for, lambda url=url: ready(url), READY_S, "it is ready")
        self._http = await self._stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        )
        for url in self.urls:
            screen = PythonScreen()
            self._stack.push_async_callback(screen.close)
            await screen.connect(url)
            await screen.join(ROOM)
            self.screens.append(screen)
        self._writers = [asyncio.create_task(self._write(self.urls[n % 2])) for n in range(WRITERS)]
        self._stack.push_async_exit(self._end)
        await self.more()

    def _hub(self, n: int, url: str) -> Process:
        env = {
            "COMANDA_REDIS_URL": self.redis_url,
            "COMANDA_SECRET": self._secret,
            "COMANDA_DATA_DIR": str(self._folder / f"hub-{n}"),
            "COMANDA_LIMIT_REQUESTS_S": "0",
            "COMANDA_LIMIT_STAFF_REQUESTS_S": "0",
            "COMANDA_LIMIT_ROOM_EVENTS": "0",
            **UNCOUNTED,
            **self._settings,
        }
        port = url.rpartition(":")[2]
        return Process(
            *(COMANDA, "serve", "--port", port, "--no-agent", "--no-notifier"),
            env=env,
            cwd=self._folder,
            name=f"hub-{n}",
        )

    async def more(self, count: int = 20) -> None:
        """Wait until so many more promotions were acknowledged."""
        target = len(self.figures.acknowledged) + count
        async with asyncio.timeout(READY_S):
            while len(self.figures.acknowledged) < target:
                self._check()
                await asyncio.sleep(0.01)

    async def whole(self) -> float:
        """Wait until both hubs are ready and a promotion is acknowledged; return the seconds that took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for url in self.urls:
            async with asyncio.timeout(READY_S):
                while not await asyncio.to_thread(ready, url):
                    self._check()
                    await asyncio.sleep(0.01)
        await self.more(1)
        return loop.time() - began

    async def stop_writing(self) -> None:
        """Let every writer get its last answer."""
        self._finishing.set()
        await asyncio.gather(*self._writers)
        self._writers = []

    async def lost(self) -> set[str]:
        """Return the titles that were acknowledged and are not in the log; no title may be in it twice."""
        redis = connect(self.redis_url, branch=BRANCH)
        log = EventLog(redis, BRANCH, deadline_s=10)
        try:
            entries = await log.read(ROOM, 0, limit=100_000)
        finally:
            await log.aclose()
            await redis.aclose()
        there = Counter(json.loads(entry.body)["data"]["title"] for entry in entries)
        assert all(there[title] <= 1 for title in self.figures.acknowledged), "no promotion is in the log twice"
        return {title for title in self.figures.acknowledged if not there[title]}

    async def seen_by_all(self) -> None:
        """Wait until both screens have heard every promotion that was acknowledged, once and in one order."""
        for screen in self.screens:
            await screen.until(lambda screen=screen: set(self.figures.acknowledged) <= set(titles(screen)))  # type: ignore[misc]
            assert len(titles(screen)) == len(set(titles(screen)))
        first, second = map(titles, self.screens)
        assert [title for title in first if title in set(second)] == [title for title in second if title in set(first)]

    async def still_hear(self) -> None:
        """Wait until both screens have heard the promotion that was acknowledged last.

        After a failover that began a new epoch, a screen got `room.reset` in place of what it missed, and what nobody
        acknowledged may be heard in both epochs.
        """
        last = max(self.figures.acknowledged, key=lambda title: self.figures.acknowledged[title])
        for screen in self.screens:
            await screen.until(lambda screen=screen: last in titles(screen))  # type: ignore[misc]

    async def _write(self, url: str) -> None:
        while not self._finishing.is_set():
            await self._publish(url, uuid.uuid4().hex)
            await asyncio.sleep(_PAUSE_S)

    async def _publish(self, url: str, title: str) -> None:
        """Publish a promotion, again and again with one key until it is acknowledged."""
        headers = {"Authorization": f"Bearer {self._token()}", "Idempotency-Key": uuid.uuid4().hex}
        loop, body = asyncio.get_running_loop(), {"title": title, "message": "¡2×1!"}
        while True:
            async with self._http.post(f"{url}/api/promos", json=body, headers=headers) as response:
                answer: Any = await response.json()
            if answer["ok"]:
                self.figures.acknowledged[title] = loop.time()
                return
            self.figures.refused.append((answer["error"]["code"], loop.time()))
            await asyncio.sleep(0.05)

    def _check(self) -> None:
        """Fail at once, and with the cause, if a hub has ended or a writer cannot go on."""
        for hub in self._hubs:
            assert hub.running, f"{hub.name} has ended"  # its output is added at the end
        for writer in self._writers:
            if writer.done():
                writer.result()

    async def _end(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the writers. The failure of one counts unless the test has failed already: it follows from that one."""
        for writer in self._writers:
            writer.cancel()
        outcomes = await asyncio.gather(*self._writers, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and exc is None:
                raise outcome

    def _token(self) -> str:
        manager = Principal(Kind.SERVICE, "token:Ana", "Ana", frozenset({Role.MANAGER}))
        return Tokens(self._secret.encode(), BRANCH).issue(manager, utc_now(), timedelta(hours=1))


def titles(screen: PythonScreen) -> list[str]:
    """Return the titles of the promotions that a screen has heard, in that order."""
    return [heard.event["data"]["title"] for heard in screen.of(ROOM)]
