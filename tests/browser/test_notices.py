"""Being told while no page is open: the button that asks, what the hub keeps, what the service worker shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PHONE, Hub
from tests.browser.people import order_tacos, see, tap
from tests.support.browser_keys import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]
ENDPOINT = "https://fcm.googleapis.com/fcm/send/a-phone"
# Subscribing needs a push service on the internet: it gives out what one would. Everything else is the page's own.
SUBSCRIBED = """([endpoint, keys, permission]) => {
  const unsubscribe = async () => sessionStorage.setItem("unsubscribed", "yes");
  const subscription = { endpoint, toJSON: () => ({ endpoint, keys }), unsubscribe };
  window.subscribedWith = [];
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    window.subscribedWith.push([applicationServerKey, userVisibleOnly]);
    return subscription;
  };
  PushManager.prototype.getSubscription = async () => subscription;
  Notification.requestPermission = async () => permission;
}"""


class PushingHub(Hub):
    """A hub that may push."""

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "COMANDA_PUSH_CONTACT": "mailto:hola@example.org"}


@pytest.fixture(scope="module")
def whole_browser() -> bool:
    return True


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder: Path = tmp_path_factory.mktemp("hub")
    hub = PushingHub(folder, agent=False)
    try:
        hub.open()
        yield hub
    finally:
        hub.close()


def customer_of(window: Window, hub: Hub, permission: str = "granted", **options: Any) -> Any:
    page = window(PHONE, service_workers="allow", **options)
    keys = json.dumps([ENDPOINT, Browser(ENDPOINT).keys, permission])
    page.add_init_script(f"({SUBSCRIBED})({keys})")
    order_tacos(page, hub.url, "Rita")
    return page


def test_a_customer_asks_to_be_told_and_may_change_their_mind(hub: Hub, window: Window, shot: Shot) -> None:
    page = customer_of(window, hub)
    assert "Avísame" in see(page, '[data-test="notify-me"]').text_content()
    shot(page, "notify-me")
    with page.expect_response("**/api/notifications") as chosen:
        tap(page, "notify-me")
    assert chosen.value.json()["data"]["preferences"]["channels"] == ["page", "push"]
    see(page, '[data-test="notify-me"][aria-pressed="true"]:not([disabled])')
    ((key, visible_only),) = page.evaluate("() => window.subscribedWith")
    assert key == page.request.get(f"{hub.url}/api/push/key").json()["data"]["key"]
    assert visible_only
    page.reload()
    see(page, '[data-test="notify-me"][aria-pressed="true"]')
    with page.expect_response(lambda response: response.request.method == "DELETE") as ended:
        tap(page, "notify-me")
    assert ended.value.ok
    see(page, '[data-test="notify-me"][aria-pressed="false"]')


def test_whoever_says_no_is_told_how_to_change_that(hub: Hub, window: Window) -> None:
    page = customer_of(window, hub, "denied")
    tap(page, "notify-me")
    assert "permisos" in see(page, '[data-test="toasts"] .toast-bad').text_content()
    see(page, '[data-test="notify-me"][aria-pressed="false"]')


def test_an_iphone_is_told_that_it_needs_the_home_screen(hub: Hub, window: Window) -> None:
    page = window(PHONE, user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15")
    page.add_init_script("delete window.PushManager; delete window.Notification")
    order_tacos(page, hub.url, "Rosa")
    assert "Agregar a inicio" in see(page, '[data-test="notify-hint"]').text_content()


def test_no_soy_yo_ends_what_would_still_be_told_on_this_device(hub: Hub, window: Window) -> None:
    page = customer_of(window, hub)
    tap(page, "notify-me")
    see(page, '[data-test="notify-me"][aria-pressed="true"]')
    page.on("dialog", lambda dialog: dialog.accept())
    with page.expect_navigation():
        page.locator(".not-me:visible").first.click()
    assert page.evaluate("() => sessionStorage.getItem('unsubscribed')") == "yes"


MESSAGE = {
    "web_push": 8030,
    "id": "e.1.push",
    "notification": {
        "title": "Está listo",
        "body": "Tu pedido 7K3 está listo.",
        "navigate": "/t/PED1.mac",
        "tag": "PED1",
        "lang": "es",
    },
}
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({ title, body, tag, data }) => ({ title, body, tag, url: data.url }))"""


def deliver(page: Any, origin: str, data: str) -> None:
    """Hand a message to the service worker, as the browser's push service would."""
    cdp = page.context.new_cdp_session(page)
    registrations: list[str] = []
    cdp.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: registrations.extend(r["registrationId"] for r in told["registrations"]),
    )
    cdp.send("ServiceWorker.enable")
    page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
    cdp.send("ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": registrations[-1], "data": data})
    cdp.detach()


def test_the_service_worker_shows_a_notice_unless_its_page_is_looked_at(hub: Hub, window: Window) -> None:
    page = window(PHONE, service_workers="allow", permissions=["notifications"])
    page.goto(f"{hub.url}/login")
    page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
    deliver(page, hub.url, "no JSON")
    deliver(page, hub.url, json.dumps(MESSAGE))
    shown = wait_for_notices(page, 1)
    expected = {
        "title": "Está listo",
        "body": "Tu pedido 7K3 está listo.",
        "tag": "PED1",
        "url": f"{hub.url}/t/PED1.mac",
    }
    assert shown == [expected]
    page.goto(hub.url)
    another = {**MESSAGE, "notification": {**MESSAGE["notification"], "tag": "PED2"}}  # type: ignore[dict-item]
    deliver(page, hub.url, json.dumps(another))
    page.goto(f"{hub.url}/login")
    deliver(page, hub.url, json.dumps({**MESSAGE, "notification": {**MESSAGE["notification"], "tag": "PED3"}}))  # type: ignore[dict-item]
    assert [notice["tag"] for notice in wait_for_notices(page, 2)] == ["PED1", "PED3"]


def wait_for_notices(page: Any, count: int) -> Any:
    """Wait until so many notices are shown."""
    return page.evaluate(
        f"""async (count) => {{
          const shown = {SHOWN};
          for (;;) {{
            const now = await shown();
            if (now.length >= count) return now;
            await new Promise((next) => setTimeout(next, 20));
          }}
        }}""",
        count,
    )
