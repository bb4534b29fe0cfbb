"""A real hub, a real Chromium, and windows that remember what went wrong in them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import COMANDA, ROOT, Process, environment, free_port, run_comanda
from tests.support.uncounted import UNCOUNTED

SHOTS = ROOT / "build" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
# What a container wants, and no word to anybody outside.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def lacking(reason: str) -> None:
    """A user without the part is told so; CI is not let off."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Hub:
    """`comanda serve`, on a port that stays the same when it is started again.

    Attributes:
        command: The program that is run at the next start; another version's, for example.
    """

    def __init__(self, folder: Path, *, agent: bool) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._options = () if agent else ("--no-agent", "--no-notifier")
        self.command: tuple[str, ...] = (COMANDA,)
        self.pin = ""  # told once, at the first start
        self.process = self._made()

    @property
    def env(self) -> dict[str, str]:
        """What makes `comanda` speak of this hub."""
        return {"COMANDA_DATA_DIR": str(self._folder / "data"), "COMANDA_LIMIT_REQUESTS_S": "0", **UNCOUNTED}

    def _made(self) -> Process:
        serve = ("serve", "--port", str(self.port), *self._options)
        return Process(*self.command, *serve, env=self.env, cwd=self._folder, name="hub")

    def open(self) -> None:
        self.process.start()
        self.process.wait_for(lambda: "Comanda is open" in self.process.output(), 30, "the links")
        told = re.search(r"log in as Carmen with the PIN in (\S+)", self.process.output())
        self.pin = Path(told[1]).read_text().strip() if told else self.pin

    def restart(self) -> None:
        """End it as a power cut would, and start it anew on the same port and data."""
        self.close(kill=True)
        self.process = self._made()
        self.open()

    def close(self, *, kill: bool = False) -> None:
        if kill:
            self.process.kill()
        self.process.__exit__(None, None, None)

    def comanda(self, *arguments: str) -> str:
        """What a command beside the hub prints."""
        done = run_comanda(*arguments, env={**environment(), **self.env}, cwd=self._folder, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def wait_for_agent(self) -> None:
        self.process.wait_for(lambda: "agent.ready" in self.process.output(), 60, "the agent")


@pytest.fixture(scope="module")
def with_agent() -> bool:
    """Whether the module's hub has an agent, which takes seconds to start; a module that needs one says True."""
    return False


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, with_agent: bool) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("hub"), agent=with_agent)
    try:
        hub.open()
        yield hub
    finally:
        hub.close()


# The headless shell is Chromium without its windows: the same pages take it a third of the processor's time.
WHOLE = ("chromium", "chromium-browser", "google-chrome")
SHELL = ("chromium-headless-shell",)


@contextmanager
def chromium(*flags: str, whole: bool = False, **options: Any) -> Iterator[Any]:
    """A Chromium, or a reason why there is none.

    Args:
        whole: Not the headless shell, which knows neither push notifications nor the cache of the back button.
    """
    found = filter(None, map(shutil.which, WHOLE if whole else (*SHELL, *WHOLE)))
    if (path := next(found, None)) is None:
        lacking("there is no Chromium on PATH")
    if not (ROOT / "static" / "vendor" / "socket.io.esm.min.js").is_file():
        lacking("the browser library is missing: run make setup")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags], **options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def whole_browser() -> bool:
    """Whether the module needs all of Chromium, and not only its headless shell."""
    return False


@pytest.fixture(scope="module")
def browser(whole_browser: bool) -> Iterator[Any]:
    """One Chromium a module, and not one for all: while Playwright's is open, no other event loop runs here."""
    with chromium(whole=whole_browser) as browser:
        yield browser


@pytest.fixture
def window(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a window of its own, as another person's device would be; fails the test that broke a page's script."""
    contexts: list[Any] = []
    broken: list[str] = []

    def opened(size: dict[str, int], **options: Any) -> Any:
        options.setdefault("locale", "es-MX")
        options.setdefault("service_workers", "block")  # it would answer before a test's routes do
        context = browser.new_context(viewport=size, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(f"{page.url}: {error}"))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not broken, broken


@pytest.fixture
def shot() -> Callable[[Any, str], None]:
    """Keeps what a window shows, as build output."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def keep(page: Any, name: str) -> None:
        page.screenshot(path=str(SHOTS / f"{name}.png"))

    return keep
