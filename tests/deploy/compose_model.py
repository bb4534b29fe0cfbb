"""The part of the compose specification that docker-compose.yml uses, as models: a misspelt key is an error.

The specification's own schema is not carried by a package, and is much larger.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Size = Annotated[str, Field(pattern=r"^(\$\{\w+:-)?\d+[kmg]\}?$")]
Duration = Annotated[str, Field(pattern=r"^\d+(s|m|h)$")]
# Two or three parts of a path; the first may be a variable without a default.
Volume = Annotated[str, Field(pattern=r"^(\./[\w./-]+|[a-z][\w-]*|\$\{\w+:\?[^}]+\}):/[\w./-]+(:ro)?$")]
Port = Annotated[str, Field(pattern=r"^\$\{\w+:-\d+\}:\d+$")]
Address = Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,3}){3}$")]
Image = Annotated[str, Field(pattern=r"^[a-z]+(:\d+\.\d+\.\d+-[a-z]+)?$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Build(_Part):
    context: str
    args: dict[str, str] = {}


class EnvFile(_Part):
    path: str
    required: bool


class LogOptions(_Part):
    max_size: Annotated[Size, Field(alias="max-size")]
    max_file: Annotated[str, Field(alias="max-file", pattern=r"^\d+$")]


class Logging(_Part):
    driver: Literal["json-file"]
    options: LogOptions


class HealthCheck(_Part):
    test: Annotated[list[str], Field(min_length=2)]
    interval: Duration
    timeout: Duration
    retries: Annotated[int, Field(ge=1)]
    start_period: Duration | None = None


class Condition(_Part):
    condition: Literal["service_healthy", "service_started"]


class Attached(_Part):
    ipv4_address: Address


class Service(_Part):
    image: Image
    build: Build | None = None
    user: str
    init: bool = False
    restart: Literal["unless-stopped"]
    read_only: Literal[True]
    cap_drop: list[Literal["ALL"]]
    security_opt: list[str]
    pids_limit: Annotated[int, Field(ge=1)]
    mem_limit: Size
    logging: Logging
    stop_grace_period: Duration | None = None
    command: list[str] = []
    entrypoint: list[str] = []
    env_file: list[EnvFile] = []
    environment: dict[str, str] = {}
    volumes: list[Volume] = []
    tmpfs: list[str] = []
    ports: list[Port] = []
    ulimits: dict[str, int] = {}
    networks: list[str] | dict[str, Attached | None]
    depends_on: dict[str, Condition] = {}
    healthcheck: HealthCheck


class Subnet(_Part):
    subnet: str


class Ipam(_Part):
    config: list[Subnet]


class Network(_Part):
    internal: bool = False
    ipam: Ipam | None = None


class Compose(_Part):
    name: str
    services: dict[str, Service]
    networks: dict[str, Network]
    volumes: dict[str, None]


class OverriddenService(_Part):
    volumes: list[Volume]
    ports: list[Port]


class Override(_Part):
    services: dict[str, OverriddenService]
