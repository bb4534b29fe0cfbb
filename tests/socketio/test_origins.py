"""Who may connect."""

from __future__ import annotations

import pytest

from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.origins import Origins


@pytest.mark.parametrize(
    ("allowed", "origin", "host", "passes"),
    [
        ((), None, "tacos.example", True),
        ((), "https://tacos.example", "tacos.example", True),
        ((), "http://tacos.example:8080", "tacos.example:8080", True),
        ((), "https://tacos.example", "tacos.example:443", True),
        ((), "HTTPS://Tacos.Example", "tacos.example", True),
        ((), "http://[::1]:8080", "[::1]:8080", True),
        ((), "https://tacos.example:444", "tacos.example", False),
        ((), "https://evil.example", "tacos.example", False),
        ((), "https://tacos.example.evil.example", "tacos.example", False),
        ((), "null", "tacos.example", False),
        ((), "", "tacos.example", False),
        ((), "https://tacos.example", None, False),
        ((), "http://[", "tacos.example", False),
        ((), "http://a:b", "a:b", False),
        (("https://tacos.example",), "https://tacos.example", "other", True),
        (("https://tacos.example/",), "https://tacos.example", "other", True),
        (("https://tacos.example",), "http://tacos.example", "tacos.example", False),
        (("https://tacos.example",), "https://other", "other", False),
        (("https://tacos.example",), "null", "other", False),
        (("*",), "https://any.example", "tacos.example", True),
    ],
)
def test_an_origin_passes_if_it_is_known(
    allowed: tuple[str, ...], origin: str | None, host: str | None, passes: bool
) -> None:
    assert Origins(allowed).allow(origin, host) is passes


def test_an_address_has_so_many_connections_and_no_more() -> None:
    connections = ConnectionCounter(2)
    assert [connections.take("a"), connections.take("a"), connections.take("a")] == [True, True, False]
    assert connections.take("b")
    connections.give_back("a")
    assert connections.take("a")
    assert connections.total == 3
    for address in "aab":
        connections.give_back(address)
    assert connections.total == 0


def test_zero_is_no_limit() -> None:
    connections = ConnectionCounter(0)
    assert all(connections.take("a") for _ in range(1_000))
