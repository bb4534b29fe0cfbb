"""A page that slept is correct, or says that it is not connected, within two seconds of waking."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.asleep import POLL_S, Device, SleepyPage
from tests.browser.conftest import DESK, PHONE, Hub, chromium
from tests.browser.line import Line
from tests.browser.people import log_in, online, order_by_call, see, see_status, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

Window = Callable[..., Any]
SOON_MS = 2000
SLACK_MS = 500  # of a machine that does other things as well

IS_ONLINE = """document.querySelector('[data-test="connection"][data-state="online"]') !== null"""
# The empty page before it is complete, too, and has no storage.
LOGIN_IS_THERE = "location.pathname === '/login' && document.readyState === 'complete'"
# Notes when the page woke, and when it first said that it has no connection: by the dot, and in words.
NOTE = """(() => {
  const seen = (window.seen = { woke: null, told: null, said: null, froze: false });
  const woke = () => (seen.woke ??= Date.now());
  document.addEventListener("freeze", () => (seen.froze = true));
  document.addEventListener("resume", woke, true);
  addEventListener("pageshow", (event) => event.persisted && woke(), true);
  addEventListener("offline", woke, true);
  const [dot, band] = ["connection", "connection-band"].map((test) => document.querySelector(`[data-test="${test}"]`));
  const look = () => {
    if (seen.woke && dot.dataset.state !== "online") seen.told ??= Date.now();
    if (seen.woke && band.dataset.kind === "lost" && band.textContent) seen.said ??= Date.now();
  };
  addEventListener("pageshow", look);
  new MutationObserver(look).observe(document.body, { attributes: true, childList: true, subtree: true });
})()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium with the back/forward cache that people have, and that Playwright switches off."""
    with chromium(whole=True, ignore_default_args=["--disable-back-forward-cache"]) as browser:
        yield browser


@pytest.fixture
def device(browser: Any) -> Iterator[Device]:
    device = Device(browser)
    yield device
    device.close()


@pytest.fixture
def line(hub: Hub) -> Iterator[Line]:
    with Line(hub.port) as line:
        yield line


def shows(status: str) -> str:
    return f"""document.querySelector('[data-test="order-status"][data-status="{status}"]') !== null"""


def in_time(seen: dict[str, Any]) -> None:
    assert seen["told"] - seen["woke"] < SOON_MS + SLACK_MS, seen
    assert seen["said"] - seen["woke"] < SOON_MS + SLACK_MS, seen


def asleep(device: Device, url: str) -> SleepyPage:
    page = device.open(url)
    page.until(IS_ONLINE)
    page.evaluate(NOTE)
    page.freeze()
    return page


def test_a_page_that_wakes_on_a_dead_line_says_so_and_then_shows_what_it_missed(
    hub: Hub, window: Window, device: Device, line: Line
) -> None:
    kitchen = window(DESK)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_by_call(kitchen, hub.url, "Rosa")
    page = asleep(device, link.replace(hub.url, line.url))
    line.go_dead()
    tap(kitchen, f"advance-{order_id}")
    see(kitchen, f'#column-preparing [data-test="card-{order_id}"]')
    page.wake()
    page.until("seen.said")
    in_time(page.evaluate("seen"))
    assert page.evaluate(f"seen.froze && {shows('received')}")
    line.revive(silent=True)
    page.until(f"{IS_ONLINE} && {shows('preparing')}")


def test_every_page_says_so_when_it_wakes_on_a_dead_line(hub: Hub, window: Window, device: Device, line: Line) -> None:
    staff = window(DESK)
    log_in(staff, hub.url, "/kitchen", hub.pin)
    session = staff.evaluate("() => localStorage['comanda.session']")
    door = device.open(f"{line.url}/login")
    door.until(LOGIN_IS_THERE)
    door.evaluate(f"localStorage['comanda.session'] = {session!r}")
    pages = [asleep(device, f"{line.url}{path}") for path in ("/", "/kitchen", "/manager", "/support")]
    line.go_dead()
    for page in pages:
        page.wake()
    for page in pages:
        page.until("seen.said")
        in_time(page.evaluate("seen"))
    line.revive()
    for page in pages:
        page.until(IS_ONLINE)


SIGNS = {
    "is seen again": 'document.dispatchEvent(new Event("visibilitychange"))',
    "is unfrozen": 'document.dispatchEvent(new Event("resume"))',
    "has a network again": 'dispatchEvent(new Event("online"))',
}


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
def test_a_page_whose_connection_died_unnoticed_finds_out_when_it(
    hub: Hub, window: Window, line: Line, sign: str
) -> None:
    customer = window(PHONE)
    customer.goto(line.url)
    online(customer)
    customer.evaluate(NOTE)
    line.go_dead()
    customer.evaluate(f"() => {{ seen.woke = Date.now(); {sign}; }}")
    customer.wait_for_function("() => seen.said")
    in_time(customer.evaluate("seen"))
    line.revive()
    online(customer)
    customer.close()


def test_a_page_whose_connection_lives_keeps_it(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.goto(hub.url)
    online(customer)
    customer.evaluate(NOTE)
    sent: list[str] = []
    protocol = customer.context.new_cdp_session(customer)
    protocol.on("Network.webSocketFrameSent", lambda event: sent.append(event["response"]["payloadData"]))
    protocol.send("Network.enable")
    customer.evaluate(f"() => {{ seen.woke = Date.now(); {'; '.join(SIGNS.values())}; }}")
    customer.wait_for_function("() => Date.now() - seen.woke > 2500")
    assert customer.evaluate("seen.told") is None
    assert sum("hub.ping" in packet for packet in sent) == 1


def test_a_page_that_slept_while_the_order_moved_shows_it_at_once(hub: Hub, window: Window, device: Device) -> None:
    kitchen = window(DESK)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_by_call(kitchen, hub.url, "Beto")
    page = asleep(device, link)
    tap(kitchen, f"advance-{order_id}")
    see(kitchen, f'#column-preparing [data-test="card-{order_id}"]')
    page.wake()
    page.until(shows("preparing"))
    assert page.evaluate("Date.now() - seen.woke") < SOON_MS + SLACK_MS


@pytest.mark.parametrize("is_dead", [False, True])
def test_a_page_back_from_the_cache_of_the_back_button_is_right_or_says_so(
    hub: Hub, window: Window, line: Line, is_dead: bool
) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_by_call(kitchen, hub.url, "Ana")
    customer.goto(link.replace(hub.url, line.url))
    online(customer)
    customer.evaluate(NOTE)
    customer.goto(f"{hub.url}/login")
    if is_dead:
        line.go_dead()
    tap(kitchen, f"advance-{order_id}")
    see(kitchen, f'#column-preparing [data-test="card-{order_id}"]')
    customer.go_back(wait_until="commit")
    customer.wait_for_function("() => window.seen?.woke")  # it was in the cache, and has not been loaded anew
    if is_dead:
        customer.wait_for_function("() => seen.said")
        in_time(customer.evaluate("seen"))
        line.revive()
    see_status(customer, "preparing")
    online(customer)
    customer.close()


def test_staff_whose_token_expired_while_the_page_slept_are_asked_to_log_in(
    hub: Hub, window: Window, device: Device
) -> None:
    token = hub.comanda("token", "--role", "kitchen", "--ttl", "8s")
    door = device.open(f"{hub.url}/login")
    door.until(
        "location.pathname === '/login' && document.readyState === 'complete'"
    )  # not of the empty page before it
    session = json.dumps({"token": token, "principal": {"kind": "service", "id": "board", "roles": ["kitchen"]}})
    door.evaluate(f"localStorage['comanda.session'] = {json.dumps(session)}")
    page = asleep(device, f"{hub.url}/kitchen")
    request, headers = window(DESK).request, {"Authorization": f"Bearer {token}"}
    while request.get(f"{hub.url}/api/orders?limit=1", headers=headers).status != 401:
        time.sleep(POLL_S)
    page.wake()
    page.until("document.querySelector('[data-test=session-ended] [name=pin]') !== null")


def test_a_page_whose_computer_slept_without_a_word_notices_by_the_clock(hub: Hub, window: Window, line: Line) -> None:
    customer = window(DESK)
    customer.goto(line.url)
    online(customer)
    customer.evaluate(NOTE)
    debugger = customer.context.new_cdp_session(customer)
    debugger.send("Debugger.enable")
    paused: list[Any] = []
    debugger.on("Debugger.paused", lambda event: paused.append(event))
    debugger.send("Debugger.pause")
    line.go_dead()
    while not paused:
        debugger.send("Browser.getVersion")
    customer.context.new_page().wait_for_timeout(5_000)  # the sleep itself
    debugger.send("Debugger.resume")
    customer.evaluate("() => (seen.woke = Date.now())")
    customer.wait_for_function("() => seen.said")
    in_time(customer.evaluate("seen"))
    customer.close()


def test_a_page_without_a_network_says_so_at_once_and_asks_at_once_when_it_is_back(
    hub: Hub, window: Window, line: Line
) -> None:
    customer = window(PHONE)
    customer.goto(line.url)
    online(customer)
    customer.evaluate(NOTE)
    line.go_dead()
    customer.context.set_offline(True)
    see(customer, '[data-test="connection"][data-state="offline"]')
    seen = customer.evaluate("() => seen")
    assert seen["told"] - seen["woke"] < SLACK_MS, seen
    assert seen["said"] - seen["woke"] < SLACK_MS, seen
    line.revive()
    customer.context.set_offline(False)
    online(customer)
    customer.close()


def test_a_page_whose_browser_knows_no_network_says_so_until_the_hub_answers_all_the_same(
    hub: Hub, window: Window
) -> None:
    customer = window(PHONE)
    customer.goto(hub.url)
    online(customer)
    customer.evaluate(NOTE)
    customer.evaluate('() => { dispatchEvent(new Event("offline")); }')
    customer.wait_for_function("() => seen.said")
    seen = customer.evaluate("() => seen")
    assert seen["said"] - seen["woke"] < SLACK_MS, seen
    online(customer)
