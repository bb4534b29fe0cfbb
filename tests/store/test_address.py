"""The URLs by which an operator names a Redis."""

from __future__ import annotations

import pytest
from redis.asyncio import SSLConnection
from redis.asyncio.connection import UnixDomainSocketConnection

from hub.store.redis.address import Engine, Node, parse_address
from hub.store.redis.connect import check_url


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_single_server_has_its_host_user_password_and_database(scheme: str) -> None:
    address = parse_address(f"{scheme}://ana:p%40ss@redis.internal:7000/3")
    assert address.engine is Engine.SINGLE
    assert address.options == {
        "host": "redis.internal",
        "port": 7000,
        "username": "ana",
        "password": "p@ss",
        "db": 3,
    }


@pytest.mark.parametrize("scheme", ["rediss", "valkeys", "rediss+sentinel", "valkeys+sentinel", "rediss+cluster"])
def test_two_letters_s_mean_tls(scheme: str) -> None:
    path = "/mymaster" if "sentinel" in scheme else ""
    address = parse_address(f"{scheme}://a,b{path}?ssl_cert_reqs=none" if "+" in scheme else f"{scheme}://a")
    assert address.options["connection_class"] is SSLConnection


def test_a_socket_is_named_by_its_path() -> None:
    address = parse_address("unix:///run/redis.sock?db=2")
    assert address.options["connection_class"] is UnixDomainSocketConnection
    assert (address.options["path"], address.options["db"]) == ("/run/redis.sock", 2)


def test_sentinels_have_ports_and_a_password_of_their_own() -> None:
    address = parse_address("redis+sentinel://ana:pw@h1,h2:26380,[::1]/my-master/2?sentinel_password=s&client_name=hub")
    assert address.engine is Engine.SENTINEL
    assert address.nodes == (Node("h1", 26379), Node("h2", 26380), Node("::1", 26379))
    assert address.primary_name == "my-master"
    assert address.options == {"username": "ana", "password": "pw", "db": 2, "client_name": "hub"}
    assert address.sentinel_options == {"password": "s", "client_name": "hub"}


def test_a_cluster_has_nodes_and_no_database() -> None:
    address = parse_address("valkey+cluster://:pw@h1:7000,h2")
    assert address.engine is Engine.CLUSTER
    assert address.nodes == (Node("h1", 7000), Node("h2", 6379))
    assert address.options == {"password": "pw"}


WRONG = {
    "localhost:6379": "begins with one of",
    "http://localhost": "begins with one of",
    "redis://host:port": "is no host and port",
    "redis://host:0": "is no host and port",
    "redis://host/orders": "is not a database number",
    "redis://host?colour=red": "no option 'colour'",
    "redis://host?ssl_ca_certs=/ca.pem": "no option 'ssl_ca_certs'",
    "rediss://host?ssl_cert_reqs=maybe": "Invalid SSL",
    "unix://": "names a socket",
    "redis+sentinel://h1,h2": "names the primary",
    "redis+sentinel://h1,h2/": "names the primary",
    "redis+sentinel://h1,/mymaster": "is no host and port",
    "redis+sentinel://h1:x/mymaster": "is no host and port",
    "redis+sentinel://h1/mymaster/orders": "is not a database number",
    "redis+cluster://h1/2": "only has database 0",
    "redis+cluster://h1?colour=red": "no option 'colour'",
}


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_url_is_told_in_one_line(url: str) -> None:
    with pytest.raises(ValueError, match=WRONG[url]) as told:
        check_url(url)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("url", ["redis://ana:hunter2@host:port", "redis+sentinel://ana:hunter2@h1:x/m"])
def test_a_wrong_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="no host and port") as told:
        check_url(url)
    assert "hunter2" not in str(told.value)
