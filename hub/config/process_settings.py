"""The settings of a hub process: its data folder, its Redis, its gateways."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field, SecretStr, field_validator

from hub.config.environment import EnvironmentSettings, Words, split_words
from hub.config.secret_key import MIN_SECRET_CHARS

_PACKAGE = Path(__file__).resolve().parent.parent

# The wheel carries the pages inside the package; in a checkout they lie beside it.
STATIC_DIR = next(path for path in (_PACKAGE / "static", _PACKAGE.parent / "static") if path.is_dir())

PRIVATE_REDIS_MB = 1_024  # the default for the private Redis; an operator's Redis reports its own maxmemory


_PUBLIC_URL = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?(/[A-Za-z0-9._~-]+)*/?")


class DataSettings(EnvironmentSettings):
    """The data folder and the keys that sign tokens.

    Attributes:
        secret: The key; None: one that is generated in the data folder.
        secret_previous: The key before it.
        secret_rotated_at: The time from which on tokens are signed with `secret`; until then with the previous one.
        secret_previous_s: Seconds after that time during which tokens of the previous one are accepted. A week
            is longer than any link to an open order, any chat and any login; programs' tokens may last longer.
    """

    data_dir: Path = Path("data")
    secret: SecretStr | None = None
    secret_previous: SecretStr | None = None
    secret_rotated_at: AwareDatetime | None = None
    secret_previous_s: Annotated[int, Field(ge=0, le=31_622_400)] = 604_800

    @property
    def pin_file(self) -> Path:
        """The file to which the first start writes the manager's PIN if it has no terminal to show it on."""
        return self.data_dir / "manager-pin"

    @field_validator("secret_rotated_at", mode="before")
    @classmethod
    def _time_or_unset(cls, value: object) -> object:
        """Treat an empty value as unset."""
        return value or None

    @field_validator("secret", "secret_previous")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        """Treat an empty secret as unset, and refuse a short one: whoever guesses it makes managers' tokens."""
        if not value:
            return None
        if len(value) < MIN_SECRET_CHARS:
            raise ValueError(f"a secret has at least {MIN_SECRET_CHARS} characters")
        return value


class RedisSettings(EnvironmentSettings):
    """Redis: its address, the wait for an answer, its memory.

    Attributes:
        redis_url: Empty for a private Redis in the data folder. `hub.store.redis.address` parses it.
        redis_deadline_s: Seconds until a call without an answer fails.
        redis_memory_mb: The ceiling; 0: none. None: `PRIVATE_REDIS_MB` for the private Redis, and for another Redis
            its own.
        redis_wait_replicas: The number of replicas that have to confirm a commit before it is acknowledged.
        redis_wait_ms: Milliseconds that their confirmations are waited for.
    """

    redis_url: str = ""
    redis_deadline_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    redis_memory_mb: Annotated[int, Field(ge=0)] | None = None
    redis_wait_replicas: Annotated[int, Field(ge=0, le=100)] = 0
    redis_wait_ms: Annotated[int, Field(ge=1, le=60_000)] = 500

    @property
    def private_redis_mb(self) -> int:
        """The private Redis's memory ceiling in MB; 0: none."""
        return PRIVATE_REDIS_MB if self.redis_memory_mb is None else self.redis_memory_mb

    @field_validator("redis_memory_mb", mode="before")
    @classmethod
    def _number_or_unset(cls, value: object) -> object:
        """Treat an empty value as unset."""
        return None if value == "" else value


class ServerSettings(EnvironmentSettings):
    """The settings of the gateways: the public address, origins, proxies, and how long a client may be away.

    Attributes:
        public_url: The address under which customers open the site, which may have a path: `https://example.org/tacos`.
            Links are whole then. Empty: links are paths.
        origins: Whose pages may connect and write; `*`: all; empty: the page's own host.
        trusted_proxies: Addresses and networks whose `X-Forwarded-For` is believed.
        recovery_s: Seconds that a Socket.IO client may be away and still recover; 0: none.
        metrics_on_loopback: True to let programs on this machine read `/metrics` without a token. Only where no proxy
            runs on it: through one that names nobody, everybody comes from here.
        drain_s: Seconds from SIGTERM on during which the hub reports that it is not ready, and serves on, until load
            balancers have seen it.
        service_worker: False to have browsers remove the pages' service worker.
    """

    public_url: str = ""
    origins: Words = ()
    trusted_proxies: Words = ()
    recovery_s: Annotated[float, Field(ge=0, le=86_400)] = 120
    metrics_on_loopback: bool = False
    drain_s: Annotated[float, Field(ge=0, le=600)] = 1.0
    service_worker: bool = True

    @property
    def public_origin(self) -> str:
        """Scheme and host of the public address; empty if none is set."""
        return "/".join(self.public_url.split("/", 3)[:3])

    @property
    def path_prefix(self) -> str:
        """The path of the public address, without a slash at its end: `/tacos`; empty if it has none."""
        return self.public_url.removeprefix(self.public_origin)

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        whole = _PUBLIC_URL.fullmatch(value)
        if value and whole is None:
            raise ValueError("write an address like https://tacos.example or https://example.org/tacos")
        return value.rstrip("/")

    @field_validator("origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split_words(value)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if origin != "*" and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path):
                raise ValueError(f"{origin!r} is no origin; write it like https://tacos.example")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            if proxy != "unix":
                ip_network(proxy, strict=False)
        return value
