"""Pages that are opened again without a line, and errors that a person sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.line import Line
from tests.browser.people import becomes_true, log_in, online, order_tacos, see

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]

KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    for (const { url } of await (await caches.open(name)).keys()) found.push(url.replace(location.origin, ""));
  }
  return found;
}"""


@pytest.fixture
def line(hub: Hub) -> Iterator[Line]:
    with Line(hub.port) as line:
        yield line


def wait_until_kept(page: Any, shell: str) -> None:
    """Wait until the service worker could show the page by itself, with all that it has loaded."""
    becomes_true(
        page,
        f"""async (shell) => {{
          const kept = new Set(await ({KEPT})());
          const entries = performance.getEntriesByType("resource");
          const loaded = entries.map(({{ name }}) => name.replace(location.origin, ""));
          const files = loaded.filter((path) => path.startsWith("/static/") && path.includes("?v="));
          return navigator.serviceWorker.controller && kept.has(shell) && files.every((path) => kept.has(path));
        }}""",
        shell,
    )


def test_the_board_is_there_after_a_reload_without_a_line(hub: Hub, window: Window, line: Line) -> None:
    order_id, _ = order_tacos(window(PHONE), hub.url, "Rita")
    kitchen = window(DESK, service_workers="allow")
    log_in(kitchen, line.url, "/kitchen", hub.pin)
    see(kitchen, f'[data-test="card-{order_id}"]')
    wait_until_kept(kitchen, "/kitchen")
    line.go_dead()
    kitchen.reload()
    see(kitchen, f'[data-test="card-{order_id}"]')
    line.revive()
    kitchen.reload()
    online(kitchen)


def test_an_order_can_be_looked_at_without_a_line_and_its_link_is_kept_nowhere(
    hub: Hub, window: Window, line: Line
) -> None:
    customer = window(PHONE, service_workers="allow")
    _, link = order_tacos(customer, line.url, "Rafa")
    customer.goto(link.replace(hub.url, line.url))
    see(customer, '[data-test="order-title"]')
    wait_until_kept(customer, "/t/_")
    line.go_dead()
    customer.reload()
    assert "Rafa" in see(customer, '[data-test="order-title"]').text_content()
    kept = customer.evaluate(KEPT)
    assert kept
    assert not [path for path in kept if "/api/" in path or link.rpartition("/")[2] in path]


def test_a_page_that_is_not_here_says_so_in_our_look_and_comes_back_by_itself(hub: Hub, window: Window) -> None:
    customer = window(PHONE, service_workers="allow", locale="en-US")
    with Line(hub.port) as line:
        customer.goto(line.url)
        wait_until_kept(customer, "/")
    customer.goto(f"{line.url}/login")
    see(customer, '[data-test="error-page"] h1:has-text("No connection")')
    with Line(hub.port, at=line.port):
        see(customer, '[data-test="login-name"]')


def test_an_english_browser_is_spoken_to_in_english_and_so_is_its_title(hub: Hub, window: Window) -> None:
    customer = window(PHONE, locale="en-GB")
    customer.goto(hub.url)
    online(customer)
    assert customer.title() == "Taquería Doña Carmen: order online"
    see(customer, 'html[lang="en"] .foot a:has-text("Staff")')
    customer.locator('[data-test="lang-switch"]').click()
    see(customer, 'html[lang="es"]')
    assert customer.title() == "Taquería Doña Carmen: pide en línea"
    customer.goto(f"{hub.url}/nada")
    see(customer, 'html[lang="es"] [data-test="error-page"][data-status="404"]')
