"""A hub under attack, and requests to it from any address."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from hub.config import Limits
from tests.support.hub_harness import UNHURRIED, Heard, HubHarness, running_hub
from tests.support.processes import COMANDA, Process, environment, free_port, run_comanda

READY_S = 30.0
STRANGER = "203.0.113.7"  # an address that a test does not care about


def from_address(address: str) -> dict[str, str]:
    """Return the headers that make a request come from an address."""
    return {"X-Forwarded-For": address}


@dataclass
class Target:
    """A hub in this process.

    Attributes:
        house: The hub's parts, its tokens, and requests without an address.
    """

    house: HubHarness

    @property
    def url(self) -> str:
        return self.house.url

    async def ask(self, method: str, path: str, *, address: str = STRANGER, **options: Any) -> Heard:
        """One request from an address; `options` are those of `HubHarness.ask`."""
        headers = {**from_address(address), **(options.pop("headers", None) or {})}
        return await self.house.ask(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> Heard:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Heard:
        """One request; an order or a message is meant as a new one, whatever was said before."""
        if path == "/api/orders" or path.endswith("/messages"):
            options["headers"] = {"Idempotency-Key": uuid.uuid4().hex, **(options.get("headers") or {})}
        return await self.ask("POST", path, body=body, **options)


@asynccontextmanager
async def open_target(redis_url: str, folder: Path, **options: Any) -> AsyncIterator[Target]:
    """A hub in this process that trusts this machine as its proxy, as long as the context lasts.

    Args:
        options: Limits and settings by their names; limits not named have their defaults, the rates included.
    """
    limits = {name: Limits.model_fields[name].default for name in UNHURRIED}
    async with running_hub(redis_url, folder, **{**limits, "trusted_proxies": ("127.0.0.1",), **options}) as house:
        yield Target(house)


@dataclass(frozen=True, slots=True)
class HubProcess:
    """`comanda serve` in a process of its own, with its data in `folder`."""

    process: Process
    url: str
    folder: Path
    env: dict[str, str]

    async def comanda(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run a command beside the hub; returns what it printed."""
        env = {**environment(), **self.env}
        run = partial(run_comanda, *arguments, env=env, cwd=self.folder, input=stdin, timeout=READY_S)
        command = await asyncio.to_thread(run)
        assert command.returncode == 0, arguments
        return command.stdout.decode()

    async def ask(
        self, http: aiohttp.ClientSession, method: str, path: str, *, address: str = STRANGER, **options: Any
    ) -> Heard:
        """One request from an address; `options` are those of `aiohttp.ClientSession.request`."""
        headers = {**from_address(address), **options.pop("headers", {})}
        async with http.request(method, self.url + path, headers=headers, **options) as response:
            return Heard(response.status, response.headers, await response.read())


@contextmanager
def hub_process(folder: Path, **settings: str) -> Iterator[HubProcess]:
    """A hub with its private Redis that has announced itself; it trusts this machine as its proxy."""
    port = free_port()
    env = {"COMANDA_DATA_DIR": str(folder / "data"), "COMANDA_TRUSTED_PROXIES": "127.0.0.1", **settings}
    command = (COMANDA, "serve", "--port", str(port), "--no-agent", "--no-notifier")
    with Process(*command, env=env, cwd=folder, name="hub") as process:
        process.wait_for(lambda: "Redis: " in process.output(), READY_S, "it announces itself")
        yield HubProcess(process, f"http://127.0.0.1:{port}", folder, env)
