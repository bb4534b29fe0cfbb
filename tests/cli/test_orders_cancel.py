"""`comanda orders cancel`: the orders of one address are counted, then cancelled."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Served

ORDER = {"customer": {"name": "Ana"}, "items": [{"sku": "agua", "qty": 1}], "delivery": {"kind": "pickup"}}


def place(hub: Served, address: str) -> str:
    body = json.dumps(ORDER).encode()
    headers = {"X-Forwarded-For": address, "Idempotency-Key": uuid.uuid4().hex}
    request = Request(f"{hub.url}/api/orders", data=body, headers=headers, method="POST")
    with urlopen(request, timeout=10) as response:
        return str(json.loads(response.read())["data"]["order"]["id"])


def test_what_came_from_one_address_is_counted_and_then_cancelled(serve: Serve) -> None:
    hub = serve(COMANDA_TRUSTED_PROXIES="127.0.0.1")
    theirs, other = {place(hub, "203.0.113.66") for _ in range(2)}, place(hub, "203.0.113.7")
    wanted = ("orders", "cancel", "--from-address", "203.0.113.66", "--unseen", "--placed-after", "1h")
    counted = hub.folder.run(*wanted, "--dry-run")
    assert (counted.code, counted.err) == (0, "")
    assert set(counted.out.split("\n")[:-2]) == theirs
    assert counted.out.endswith("2 orders found\n")
    assert hub.folder.run(*wanted).out.endswith("2 orders cancelled\n")
    assert hub.folder.run("orders", "cancel", "--status", "received").out == f"{other}\n1 order cancelled\n"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--phone", "abc"),
        ("--phone", "-------"),
        ("--unseen", "--phone", ""),
        ("--unseen", "--origin", ""),
        ("--unseen", "--from-address", ""),
        ("--unseen", "--placed-after", ""),
        ("--from-address", "nowhere"),
        ("--from-address", "203.0.113.66", "--origin", "fcb010a85a55"),
        ("--placed-after", "yesterday"),
        ("--placed-before", "2026-11-20T21:30:00"),
    ],
)
def test_a_filter_that_makes_no_sense_is_a_usage_error_and_cancels_nothing(
    served: Served, options: tuple[str, ...]
) -> None:
    said = served.folder.run("orders", "cancel", *options)
    assert (said.code, said.out) == (2, "")
    assert said.err


def test_a_usage_error_names_the_option(served: Served) -> None:
    said = served.folder.run("orders", "cancel", "--unseen", "--phone", "-------")
    assert said.err.startswith("comanda: --phone: ")
