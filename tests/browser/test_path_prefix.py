"""The site below a path of its host, behind a proxy that serves other things too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import log_in, order_tacos, reads, see, see_status, tap
from tests.support.processes import Process, free_port, listening, program

pytestmark = [pytest.mark.browser, pytest.mark.deploy]

# The proxy takes the path away, as most do; `tests/gateways/test_public_url.py` has the other kind.
FRONT = """
daemon off;
pid nginx.pid;
error_log /dev/stderr crit;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    map $http_upgrade $connection_upgrade {{ "" ""; default upgrade; }}
    server {{
        listen 127.0.0.1:{port};
        absolute_redirect off;
        location = /tacos {{ return 308 /tacos/; }}
        location /tacos/ {{
            proxy_pass http://127.0.0.1:{hub}/;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
        location / {{ return 404 "another application"; }}
    }}
}}
"""


class HubBelowAPath(Hub):
    """A hub that knows its public address."""

    def __init__(self, folder: Path) -> None:
        self.front_port = free_port()
        self.site = f"http://127.0.0.1:{self.front_port}/tacos"
        super().__init__(folder, agent=False)

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "COMANDA_PUBLIC_URL": self.site, "COMANDA_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubBelowAPath]:
    nginx, hub = program("nginx"), HubBelowAPath(tmp_path)
    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "nginx.conf").write_text(FRONT.format(port=hub.front_port, hub=hub.port))
    try:
        hub.open()
        with Process(nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), name="nginx") as process:
            process.wait_for(lambda: listening(hub.front_port), 10, "it listens")
            yield hub
    finally:
        hub.close()


def test_an_order_is_placed_cooked_and_followed_below_a_path(hub: HubBelowAPath, window: Callable[..., Any]) -> None:
    missed: list[str] = []
    customer, kitchen = window(PHONE), window(DESK)
    for page in (customer, kitchen):
        page.on("response", lambda answer: missed.append(answer.url) if answer.status >= 400 else None)
    _, link = order_tacos(customer, hub.site, "Ana")
    log_in(kitchen, hub.site, "/kitchen", hub.pin)
    see(kitchen, '[data-test^="ticket-"], [data-test="board"] article')
    tap(customer, "track-link")
    customer.wait_for_url(re.compile(re.escape(hub.site) + r"/t/PED"))
    assert customer.url == link
    see_status(customer, "received")
    reads(customer, "body", "Taco al pastor")
    customer.goto(hub.site)  # without the slash
    see_status(customer, "received")
    assert f"{hub.site}/kitchen" in hub.process.output()
    assert missed == []
