"""docker-compose.yml and the Dockerfile, read: what must be true of every service of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.processes import ROOT

pytestmark = pytest.mark.deploy

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"


def test_there_are_redis_two_hubs_an_agent_and_nginx_and_only_nginx_is_reached_from_outside() -> None:
    assert set(SERVICES) == {"redis", "hub-1", "hub-2", "agent", "nginx"}
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert SERVICES["redis"]["networks"] == ["data"]


def test_redis_writes_every_order_down_before_it_answers() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


@pytest.mark.parametrize("name", ["hub-1", "hub-2"])
def test_a_hub_has_a_volume_of_its_own_for_its_record_of_the_log(name: str) -> None:
    assert SERVICES[name]["volumes"] == [f"{name}:/data"]
    assert not [mount for mount in SERVICES[name]["tmpfs"] if mount.startswith("/data")]
    assert name in COMPOSE["volumes"]


@pytest.mark.parametrize("name", ["hub-1", "hub-2", "agent"])
def test_hubs_and_agent_share_one_secret_that_has_no_default(name: str) -> None:
    assert SERVICES[name]["environment"]["COMANDA_SECRET"].startswith("${COMANDA_SECRET:?")


def test_the_hubs_believe_nginx_and_nobody_else_about_addresses() -> None:
    nginx = SERVICES["nginx"]["networks"]["front"]["ipv4_address"]
    assert SERVICES["hub-1"]["environment"]["COMANDA_TRUSTED_PROXIES"] == nginx
    assert SERVICES["hub-2"]["environment"]["COMANDA_TRUSTED_PROXIES"] == nginx


def test_nginx_is_given_the_configuration_that_is_tested_here() -> None:
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["nginx"]["volumes"])
    for file in ("nginx.conf", "hubs.conf", "listen.conf"):
        assert mounts[f"./deploy/{file}"] == f"/etc/nginx/{file}"
        assert (ROOT / "deploy" / file).is_file()
    named = set(re.findall(r"^server ([\w-]+):8080", (ROOT / "deploy" / "hubs.conf").read_text(), re.MULTILINE))
    assert named == {"hub-1", "hub-2"}


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    last_stage = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\n.*python.*/healthz", last_stage, re.MULTILINE)


@pytest.mark.parametrize("secret", ["", "a-long-random-text"])
def test_docker_compose_accepts_the_file_once_the_secret_is_set(secret: str) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed; the file is read by the tests above all the same")
    asked = subprocess.run(
        [docker, "compose", "config", "--quiet"],
        cwd=ROOT,
        env={**os.environ, "COMANDA_SECRET": secret},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (asked.returncode == 0) == bool(secret), asked.stderr
    assert secret or "COMANDA_SECRET" in asked.stderr
