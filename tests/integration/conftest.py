"""Two hubs on one Redis for all tests here; each test has rooms of its own, or looks at what is past its cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.integration.cluster import Cluster, HubClient, open_cluster
from tests.integration.screens import SCREENS, NodeScreen, PythonScreen

AnyScreen = PythonScreen | NodeScreen


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with open_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture
def clients(cluster: Cluster, http: aiohttp.ClientSession) -> tuple[HubClient, HubClient]:
    """A manager's program at each of the two hubs."""
    a, b = (HubClient(http, url, cluster.token) for url in cluster.urls)
    return a, b


@pytest.fixture
async def new_screen() -> AsyncIterator[Callable[[str], AnyScreen]]:
    """Makes clients that are closed with the test."""
    async with AsyncExitStack() as stack:

        def make(kind: str) -> AnyScreen:
            screen = SCREENS[kind]()
            stack.push_async_callback(screen.close)
            return screen

        yield make


@pytest.fixture(params=list(SCREENS))
def kind(request: pytest.FixtureRequest) -> str:
    """Python's client, then npm's."""
    kind: str = request.param
    return kind


@pytest.fixture
def screen(kind: str, new_screen: Callable[[str], AnyScreen]) -> AnyScreen:
    """A client that is not connected yet."""
    return new_screen(kind)
