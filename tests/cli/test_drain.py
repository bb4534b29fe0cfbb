"""`comanda serve` stops: load balancers have time to notice, unless a second signal comes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import get
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Served

LONG_S = "600"
ENDS_S = 10.0


def ends(hub: Served) -> None:
    wait_until(lambda: not hub.process.running, ENDS_S, "it has ended")
    assert hub.process.stop() == 0


@pytest.fixture
def draining(serve: Serve) -> Served:
    hub = serve(COMANDA_DRAIN_S=LONG_S)
    hub.process.signal(signal.SIGTERM)
    wait_until(lambda: get(f"{hub.url}/readyz") == 503, ENDS_S, "it is not ready any more")
    return hub


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_hub_that_drains_serves_until_a_second_signal(draining: Served, sign: signal.Signals) -> None:
    for path in ("/healthz", "/api/menu", "/", "/socket.io/?EIO=4&transport=polling"):
        assert get(draining.url + path) == 200
    assert get(f"{draining.url}/readyz") == 503
    draining.process.signal(sign)
    ends(draining)


def test_ctrl_c_waits_for_no_load_balancer(serve: Serve) -> None:
    hub = serve(COMANDA_DRAIN_S=LONG_S)
    hub.process.signal(signal.SIGINT)
    ends(hub)


def test_a_hub_that_has_drained_long_enough_ends(serve: Serve) -> None:
    hub = serve(COMANDA_DRAIN_S="0.2")
    hub.process.signal(signal.SIGTERM)
    ends(hub)
