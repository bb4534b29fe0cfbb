"""Every setting, from the environment (`COMANDA_…`) or a `.env` file; every default is safe."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

STATIC_DIR = Path(__file__).resolve().parent.parent / "static"
MENU_FILE = Path(__file__).resolve().parent / "data" / "menu.toml"

PRIVATE_REDIS_MB = 1_024  # unless it is set; an operator's own Redis has the ceiling that it says it has

_REDIS = ("redis", "rediss", "unix")
_LEAST_SECRET = 16

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]
Wait = Annotated[float, Field(ge=0, le=60)]
Percent = Annotated[int, Field(ge=0, le=100)]
Words = Annotated[tuple[str, ...], NoDecode]
Provider = Literal["offline", "openai", "openai_like", "anthropic", "ollama"]


class Limits(BaseSettings):
    """How much one caller may take; 0 switches a count or a rate off."""

    model_config = SettingsConfigDict(env_prefix="COMANDA_LIMIT_", env_file=".env", extra="ignore", frozen=True)

    message_bytes: Count = 65_536
    attachments: Count = 0
    rooms: Count = 64
    commands_s: Rate = 20
    commands_burst: Count = 40
    pings_s: Rate = 5  # `hub.ping` on one connection; those past it count as commands
    pings_burst: Count = 20
    requests_s: Rate = 20
    requests_burst: Count = 60
    # What customers of one address read: rooms joined, resumed or paged, and their bytes.
    reads_s: Rate = 50
    reads_burst: Count = 1_000  # 200 connections come back within seconds when a hub restarts, each to 3–4 rooms
    read_bytes_s: Count = 1_048_576
    read_bytes_burst: Count = 16_777_216
    staff_requests_s: Rate = 500
    staff_requests_burst: Count = 1_000
    login_requests_s: Rate = 250  # by address; the tries below are what guessing is held to
    login_requests_burst: Count = 500
    login_tries: Count = 5  # at one name from one address, or from one known device; then one each …_wait_s
    login_wait_s: Wait = 30
    login_address_tries: Count = 50  # from one address, whatever the names
    login_address_wait_s: Wait = 10
    login_name_tries: Count = 30  # at one name, from devices that it does not know
    login_name_wait_s: Wait = 15
    login_devices: Count = 10  # known to one account, and as many addresses; 0 knows none
    login_hashes: Count = 8  # PINs that wait to be looked at
    token_days: Count = 90  # that a program's token is good at the most
    connections: Count = 200
    unsent_bytes: Count = 1_048_576
    connect_s: Rate = 10
    chat_chars: Count = 2_000
    turns: Count = 1
    turns_waiting: Count = 3
    room_events: Count = 1_000
    snapshot_bytes: Count = 262_144  # of documents in a room's snapshot, in a page of a list, of past events with it
    missed_bytes: Count = 1_048_576  # of events for a reader that comes back to a room; past it, a snapshot

    # Of Redis's memory: where staff are told, and where strangers begin nothing new.
    memory_high_percent: Percent = 75
    memory_nearly_full_percent: Percent = 90

    # One order of a customer; staff are held to its bytes alone.
    order_portions: Count = 100
    order_total: Count = 500_000  # minor units
    order_bytes: Count = 8_192  # its command as JSON
    # Past either of these an order waits for a person's acceptance, so long; and so long any order may be open.
    accept_portions: Count = 40
    accept_total: Count = 200_000
    accept_s: Count = 600
    open_order_s: Count = 43_200  # after its last change
    # The orders of one address: an office at lunch is one address.
    orders_minute: Count = 10
    orders_hour: Count = 60
    order_bytes_hour: Count = 131_072
    order_portions_hour: Count = 240
    open_orders_address: Count = 20
    # Past these an order waits for acceptance; those that wait, or waited, do not count.
    accept_portions_hour: Count = 40  # of one address
    accept_total_hour: Count = 200_000  # of one address, in minor units
    open_orders_phone: Count = 5

    # What the agent is asked. An address may be a family behind one router, or an office at lunch.
    chats_hour: Count = 60  # new chats an address; each is kept for a week
    # What customers say, to the agent or to a person. A chat is kept for a week after its last message.
    messages_minute: Count = 30  # an address
    messages_day: Count = 1_000  # an address
    messages_bytes_day: Count = 1_048_576  # of messages as JSON, an address
    chat_bytes_day: Count = 131_072  # of messages as JSON in one chat, from whatever address
    notify_hour: Count = 60  # changes of what an address wants to be told of
    turns_open: Count = 5  # questions of an address that have no answer yet
    turns_minute: Count = 20  # questions an address
    turns_day: Count = 300  # questions an address
    turns_order_day: Count = 100  # questions in the chats of one order, from whatever address
    turns_staff_day: Count = 2_000  # questions an account of staff, or a program's token
    # Tokens that models read and wrote. A question takes some 8,000: most of them are the instructions, read twice.
    tokens_day: Count = 2_000_000  # an address
    tokens_order_day: Count = 1_000_000  # an order
    tokens_branch_day: Count = 20_000_000  # the branch; past it the offline model answers


class AgentLimits(BaseSettings):
    """How the agent answers: its deadlines and budgets, and how its words come."""

    model_config = SettingsConfigDict(env_prefix="COMANDA_AGENT_", env_file=".env", extra="ignore", frozen=True)

    wait_s: Annotated[float, Field(ge=1, le=3_600)] = 20  # before a question that no worker looks at fails
    at_once: Annotated[int, Field(ge=1, le=1_000)] = 64  # answers side by side in one worker
    first_token_s: Annotated[float, Field(gt=0, le=600)] = 20  # of one try at one model
    idle_s: Annotated[float, Field(gt=0, le=600)] = 20  # between two words of a model
    turn_s: Annotated[float, Field(gt=0, le=3_600)] = 120
    turn_tokens: Annotated[int, Field(ge=1)] = 8_000  # that models may write in one turn, tool calls included
    tries: Annotated[int, Field(ge=1, le=10)] = 3  # at one model, before its first word
    pace: Annotated[float, Field(ge=0)] = 0  # characters a second; 0: as they come
    memory_tokens: Annotated[int, Field(ge=0)] = 3_000  # of the conversation that the model is shown
    interrupt: bool = False  # whether a new question ends the answer in the making


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model as the settings name it; `prefix` is that of its variables."""

    prefix: str
    provider: Provider
    model: str = ""
    base_url: str = ""
    key: str = field(default="", repr=False)


class Settings(BaseSettings):
    """What an operator may choose; see the README's table."""

    model_config = SettingsConfigDict(env_prefix="COMANDA_", env_file=".env", extra="ignore", frozen=True)

    branch: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] = "centro"
    data_dir: Path = Path("data")
    redis_url: str = ""
    secret: SecretStr | None = None
    origins: Words = ()
    trusted_proxies: Words = ()
    menu: Path = MENU_FILE
    lang: Literal["es", "en"] = "es"
    timezone: str = "America/Mexico_City"
    recovery_s: Annotated[float, Field(ge=0, le=86_400)] = 120
    redis_deadline_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    # Only where no proxy runs on this machine: through one that names nobody, everybody comes from here.
    metrics_on_loopback: bool = False
    # From SIGTERM on: not ready, and serving, until the load balancers have seen it.
    drain_s: Annotated[float, Field(ge=0, le=600)] = 1.0
    redis_memory_mb: Annotated[int, Field(ge=0)] | None = None  # None: see PRIVATE_REDIS_MB

    llm: Provider = "offline"
    llm_model: str = ""
    llm_base_url: str = ""
    llm_api_key: SecretStr | None = None
    # Asked where the first one does not answer; and whether the offline model answers where nobody else does.
    llm_second: Provider | None = None
    llm_second_model: str = ""
    llm_second_base_url: str = ""
    llm_second_api_key: SecretStr | None = None
    llm_offline_last: bool = False

    limits: Limits = Field(default_factory=Limits)
    agent: AgentLimits = Field(default_factory=AgentLimits)

    @property
    def pin_file(self) -> Path:
        """The file to which the first start writes the manager's PIN if it has no terminal to show it on."""
        return self.data_dir / "manager-pin"

    @property
    def witness_dir(self) -> Path:
        """The folder where hubs record how far they have seen the branch's log."""
        return self.data_dir / "witness" / self.branch

    @property
    def models(self) -> list[NamedModel]:
        """The models that may answer, the one to ask first at the front."""
        found = [NamedModel("COMANDA_LLM", self.llm, self.llm_model, self.llm_base_url, _text(self.llm_api_key))]
        if self.llm_second is not None:
            prefix, key = "COMANDA_LLM_SECOND", _text(self.llm_second_api_key)
            second = NamedModel(prefix, self.llm_second, self.llm_second_model, self.llm_second_base_url, key)
            found.append(second)
        if self.llm_offline_last and all(model.provider != "offline" for model in found):
            found.append(NamedModel("COMANDA_LLM", "offline"))
        return found

    @property
    def private_redis_mb(self) -> int:
        """The private Redis's memory ceiling in MB; 0: none."""
        return PRIVATE_REDIS_MB if self.redis_memory_mb is None else self.redis_memory_mb

    @field_validator("redis_memory_mb", mode="before")
    @classmethod
    def _number_or_unset(cls, value: object) -> object:
        """Treat an empty value as unset."""
        return None if value == "" else value

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError("there is no such time zone") from exc
        return value

    @field_validator("llm_second", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """Treat an empty value as unset."""
        return value or None

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in _REDIS or urlsplit(value).port == 0):  # .port raises ValueError
            raise ValueError(f"a Redis URL begins with one of {', '.join(_REDIS)}")
        return value

    @field_validator("secret")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        """Whoever guesses it makes managers' tokens. Set to nothing, it is not set."""
        if not value:
            return None
        if len(value) < _LEAST_SECRET:
            raise ValueError(f"a secret has at least {_LEAST_SECRET} characters")
        return value

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

    @field_validator("origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def load_secret(settings: Settings) -> bytes:
    """The key that signs every token: the configured one, else one generated once in the data folder.

    Raises:
        OSError: The data folder cannot be written, or holds no secret where it should.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    path = settings.data_dir / "secret"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # Linked into place whole, so that of several processes starting at once all read the same one.
    draft = path.with_name(f"secret.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    secret = path.read_bytes().strip()
    if len(secret) < _LEAST_SECRET:
        raise OSError(f"{path} holds no secret; remove it, and everyone logs in again")
    return secret
