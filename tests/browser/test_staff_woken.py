"""The whole way: a manager switches it on, nobody sees an order, their phone is told; after signing out it is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.browser.conftest import PHONE, Hub
from tests.browser.people import DEADLINE_MS, becomes_true, log_in, order_by_call, see, tap
from tests.browser.test_notices import SUBSCRIBED, whole_browser
from tests.support.browser_keys import Browser
from tests.support.processes import Process

__all__ = ("whole_browser",)
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
# What became of the notice that was to wake staff.
SETTLED = """async ([path, token]) => {
  const answer = await (await fetch(path, { headers: { Authorization: `Bearer ${token}` } })).json();
  return answer.data.notices.some(({ to, detail }) => to === "staff" && detail === "nobody");
}"""


class PushService:
    """A push service on loopback, for threads: Playwright's own loop is busy here."""

    def __init__(self) -> None:
        self.bodies: Queue[bytes] = Queue()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.bodies.put(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def service() -> Iterator[PushService]:
    service = PushService()
    thread = threading.Thread(target=service.server.serve_forever)
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


class WakingHub(Hub):
    """A hub with its notifier, which wakes staff after two seconds."""

    def __init__(self, folder: Path, service: PushService) -> None:
        self._service = service
        super().__init__(folder, agent=False)

    def _made(self) -> Process:
        serve = ("serve", "--port", str(self.port), "--no-agent")
        return Process(*self.command, *serve, env=self.env, cwd=self._folder, name="hub")

    @property
    def env(self) -> dict[str, str]:
        return {
            **super().env,
            "COMANDA_PUSH_CONTACT": "mailto:hola@example.org",
            "COMANDA_PUSH_SERVICES": self._service.url,
            "COMANDA_OUTBOUND_ALLOW": "http://127.0.0.1",
            "COMANDA_NOTICE_UNSEEN_S": "2",
        }


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, service: PushService) -> Iterator[Hub]:
    hub = WakingHub(tmp_path_factory.mktemp("hub"), service)
    try:
        hub.open()
        yield hub
    finally:
        hub.close()


def test_an_order_that_nobody_sees_wakes_a_manager_until_they_sign_out(
    hub: Hub, window: Window, service: PushService
) -> None:
    phone = Browser(f"{service.url}/push/phone")
    page = window(PHONE, service_workers="allow")
    page.add_init_script(f"({SUBSCRIBED})({json.dumps([phone.endpoint, phone.keys, 'granted'])})")
    log_in(page, hub.url, "/manager", hub.pin)
    tap(page, "wake-me")
    see(page, '[data-test="wake-me"][aria-pressed="true"]:not([aria-busy])')
    order_by_call(page, hub.url, "Rita")
    told = json.loads(phone.read(service.bodies.get(timeout=30)))["notification"]
    assert "de Rita" in told["body"]
    assert (told["title"], told["navigate"]) == ("Pedido sin ver", "/kitchen")
    tap(page, "logout")
    page.wait_for_url("**/login*", timeout=DEADLINE_MS)
    order_id, _ = order_by_call(page, hub.url, "Luis")
    login = page.request.post(f"{hub.url}/api/login", data={"name": "Carmen", "pin": hub.pin}).json()
    becomes_true(page, SETTLED, [f"/api/orders/{order_id}/notices", login["data"]["token"]])
    assert service.bodies.empty()
