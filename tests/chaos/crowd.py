"""The crowd: hundreds of npm's Socket.IO clients, and of EventSources, in one Node.js process."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.chaos.record import Record, record
from tests.support.processes import node_with

PROGRAM = Path(__file__).with_name("crowd.mjs")
Kind = Literal["websocket", "polling", "upgrade", "sse"]
_ANSWER_S = 60.0
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class Visitor:
    """The plan of one client: its addresses (it begins with the `first`), and its rooms.

    Attributes:
        rooms: `{"room": …, "token"?: …}` each.
        after: Not recovered, it enters its rooms from the last cursor it saw in each; otherwise without.
        kind: `upgrade` begins by polling, as a stock client does that is told nothing. `sse` reads one room, which has
            promotions, at one address.
    """

    name: str
    urls: Sequence[str]
    rooms: Sequence[Mapping[str, str]]
    first: int = 0
    auth: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    kind: Kind = "websocket"


class Crowd:
    """Speaks to the process, a line each way."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._ids = itertools.count()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.size = 0

    async def open(self, visitors: Sequence[Visitor]) -> None:
        """Connect them all and have them enter their rooms.

        Raises:
            AssertionError: Not all of them are in within a minute.
        """
        self.size += len(visitors)
        await self._ask("open", clients=[asdict(visitor) for visitor in visitors])
        assert not (lacking := await self.reach({}, _ANSWER_S / 2)), lacking

    async def reach(self, heads: Mapping[str, int], within_s: float) -> list[str]:
        """Wait until everybody is back and has come this far in their rooms; what some still lack, if they do."""
        said = await self._ask("reach", heads=heads, within_ms=int(within_s * 1000))
        return [f"{said['lacking']} lack something", *said["such_as"]] if said["lacking"] else []

    async def whole(self) -> int:
        """How many are connected and in all their rooms now."""
        return int((await self._ask("status"))["whole"])

    async def transports(self) -> dict[str, int]:
        """Return the number of clients on each transport."""
        found: dict[str, int] = (await self._ask("status"))["transports"]
        return found

    async def cut(self, names: Sequence[str] | None = None) -> None:
        """Break the connections of these, or of all."""
        await self._ask("cut", names=names)

    async def records(self) -> list[Record]:
        """What each has seen since this was asked last."""
        path = self._folder / "crowd.jsonl"
        await self._ask("dump", path=str(path))
        told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [record(each["client"], each["entries"], each["volatile"]) for each in told]

    async def _ask(self, do: str, **more: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        id = next(self._ids)
        self._asked[id] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": id, "do": do, **more}).encode() + b"\n")
        async with asyncio.timeout(_ANSWER_S):
            return await self._asked[id]

    async def read(self) -> None:
        """Hand out its answers until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            self._asked.pop(said["id"]).set_result(said)
        for waiting in self._asked.values():
            waiting.set_exception(AssertionError("the crowd's process has ended"))


@asynccontextmanager
async def open_crowd(folder: Path) -> AsyncIterator[Crowd]:
    """A process without clients yet; `folder` is where it leaves its records."""
    process = await asyncio.create_subprocess_exec(
        node_with("socket.io-client"),
        "--experimental-eventsource",
        str(PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    crowd = Crowd(process, folder)
    reading = asyncio.create_task(crowd.read())
    try:
        yield crowd
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await reading
