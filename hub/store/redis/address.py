"""The addresses by which an operator names a Redis: one server, a primary that Sentinels watch, or a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from redis.asyncio.connection import parse_url

if TYPE_CHECKING:
    from collections.abc import Mapping

SENTINEL_PORT = 26_379
REDIS_PORT = 6_379

_SCHEMES = {
    f"{name}{s}{suffix}": f"redis{s}{suffix}"
    for name in ("redis", "valkey")
    for s in ("", "s")
    for suffix in ("", "+sentinel", "+cluster")
} | {"unix": "unix"}
KNOWN_SCHEMES = "redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// (rediss+… with TLS; valkey… as well)"
_OF_POOLS = ("max_connections", "timeout")  # redis-py's URLs may carry these; they are no options of a connection
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")


class Engine(StrEnum):
    """The kinds of Redis that an address can name."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Node:
    """The host and port of a server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A parsed `COMANDA_REDIS_URL`.

    Attributes:
        engine: The kind of Redis.
        nodes: The Sentinels, or some nodes of the cluster; empty for a single server.
        primary_name: The name by which the Sentinels know the primary.
        options: Keyword arguments of redis-py's connections: user, password, database, TLS.
        sentinel_options: The same for connections to the Sentinels.
    """

    engine: Engine
    nodes: tuple[Node, ...] = ()
    primary_name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def parse_address(url: str) -> RedisAddress:
    """Parse a Redis URL.

    Args:
        url: For example `redis://user:password@host:6379/0`, `unix:///run/redis.sock`,
            `redis+sentinel://h1,h2,h3/mymaster/0` or `rediss+cluster://h1:7000,h2:7000?ssl_ca_certs=/etc/ca.pem`.

    Raises:
        ValueError: The URL is wrong; the message says how and never contains the password.
    """
    scheme, separator, rest = url.partition("://")
    known = _SCHEMES.get(scheme.lower())
    if not separator or known is None:
        raise ValueError(f"a Redis URL begins with one of {KNOWN_SCHEMES}")
    base, _, engine = known.partition("+")
    if engine == Engine.SENTINEL:
        return _sentinel(base, rest)
    if engine == Engine.CLUSTER:
        return _cluster(base, rest)
    return RedisAddress(Engine.SINGLE, options=_options(f"{base}://{rest}"))


def _sentinel(base: str, rest: str) -> RedisAddress:
    user, nodes, path, query = _split(rest, SENTINEL_PORT)
    name, _, db = path.strip("/").partition("/")
    if not name:
        raise ValueError("a Sentinel URL names the primary after the hosts: redis+sentinel://host1,host2/mymaster")
    own = {key: value for key, value in query if key in _SENTINEL_OPTIONS}
    shared = [(key, value) for key, value in query if key not in _SENTINEL_OPTIONS]
    options = _options(f"{base}://{user}host/{db}?{urlencode(shared)}")
    of_sentinels = {key: value for key, value in options.items() if key not in ("username", "password", "db")}
    of_sentinels |= {key.removeprefix("sentinel_"): value for key, value in own.items()}
    return RedisAddress(Engine.SENTINEL, nodes, unquote(name), _without_host(options), _without_host(of_sentinels))


def _cluster(base: str, rest: str) -> RedisAddress:
    user, nodes, path, query = _split(rest, REDIS_PORT)
    options = _options(f"{base}://{user}host{path}?{urlencode(query)}")
    if options.pop("db", 0):
        raise ValueError("a Redis Cluster only has database 0")
    return RedisAddress(Engine.CLUSTER, nodes, options=_without_host(options))


def _split(rest: str, default_port: int) -> tuple[str, tuple[Node, ...], str, list[tuple[str, str]]]:
    """Return user and password (with their `@`), the hosts, the path, and the query of a URL with several hosts."""
    parts = urlsplit(f"//{rest.partition('/')[0].partition('?')[0]}")  # for the user and the password
    tail = rest[len(parts.netloc) :]
    path, _, query = tail.partition("?")
    user, at, hosts = parts.netloc.rpartition("@")
    return user + at, tuple(_node(host, default_port) for host in hosts.split(",")), path, parse_qsl(query)


def _node(host: str, default_port: int) -> Node:
    try:
        parts = urlsplit(f"//{host.strip()}")
        name, port = parts.hostname, default_port if parts.port is None else parts.port
    except ValueError as exc:
        raise ValueError(f"{host.strip()!r} is no host and port") from exc
    if not name or port == 0:
        raise ValueError(f"{host.strip()!r} is no host and port")
    return Node(name, port)


def _options(url: str) -> dict[str, Any]:
    """Return redis-py's keyword arguments for a URL with one host, `connection_class` among them."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        _node(parts.netloc.rpartition("@")[2] or "localhost", REDIS_PORT)
        if not re.fullmatch(r"/?\d*", parts.path):
            raise ValueError(f"{quote(parts.path)} is not a database number, as in redis://host/0")
    elif not parts.path:
        raise ValueError("a unix:// URL names a socket, as in unix:///run/redis.sock")
    found = {key: value for key, value in parse_url(url).items() if key not in _OF_POOLS}
    return {"db": 0, **found}


def _without_host(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in ("host", "port")}
