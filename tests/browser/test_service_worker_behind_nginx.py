"""The service worker of a real Chromium behind deploy/nginx.conf: without a hub, then with one of another version."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import becomes_true, log_in, online, order_tacos, see
from tests.browser.test_service_worker import wait_until_kept
from tests.support.front import Front, front
from tests.support.processes import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.deploy, pytest.mark.timeout(180)]

Window = Callable[..., Any]

MARK = 'data-version="next"'
CACHES = "async () => (await caches.keys()).join()"


@pytest.fixture
def nginx(hub: Hub, tmp_path: Path) -> Iterator[Front]:
    with front(tmp_path / "nginx", [hub.port, hub.port]) as nginx:
        yield nginx


@pytest.fixture
def next_version(tmp_path: Path) -> tuple[str, ...]:
    """The command of another version: a copy with a changed page, stylesheet and script."""
    for part in ("hub", "static"):
        shutil.copytree(ROOT / part, tmp_path / "next" / part)
    changes = {
        "kitchen.html": ("<html ", f"<html {MARK} "),
        "css/base.css": (":root {", ":root { --version: next;"),
        "js/root.js": ("const here", "globalThis.isNext = true;\nconst here"),
    }
    for name, (old, new) in changes.items():
        path = tmp_path / "next" / "static" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'next')!r}); from hub.cli import app; app()"
    return sys.executable, "-c", program


def test_a_page_outlives_its_hub_and_another_version_takes_over(
    hub: Hub, nginx: Front, window: Window, next_version: tuple[str, ...]
) -> None:
    order_id, _ = order_tacos(window(PHONE), nginx.url, "Rita")
    kitchen = window(DESK, service_workers="allow")
    log_in(kitchen, nginx.url, "/kitchen", hub.pin)
    see(kitchen, f'[data-test="card-{order_id}"]')
    wait_until_kept(kitchen, "/kitchen")
    first = kitchen.evaluate(CACHES)

    hub.close(kill=True)
    kitchen.reload()
    see(kitchen, f'[data-test="card-{order_id}"]')
    assert kitchen.locator('[data-test="error-page"]').count() == 0

    hub.command = next_version
    hub.restart()
    kitchen.reload()
    online(kitchen)
    assert kitchen.locator(f"html[{MARK}]").count() == 1
    becomes_true(kitchen, f"async (old) => !(await ({CACHES})()).includes(old)", first)
    wait_until_kept(kitchen, "/kitchen")

    hub.close(kill=True)
    kitchen.reload()
    see(kitchen, f'html[{MARK}] [data-test="card-{order_id}"]')
    style = "() => getComputedStyle(document.documentElement).getPropertyValue('--version').trim()"
    assert kitchen.evaluate(f"() => [globalThis.isNext, ({style})()]") == [True, "next"]
