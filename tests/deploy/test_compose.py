"""docker-compose.yml and the Dockerfile, read: what must be true of every service of it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError

from scripts.write_env_example import env_example
from tests.deploy.compose_model import Compose, Override, Service
from tests.support.processes import ROOT, Process, free_port, listening, program

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


def test_there_are_redis_two_hubs_an_agent_a_notifier_and_nginx_and_only_nginx_is_reached_from_outside() -> None:
    assert set(SERVICES) == {"redis", "hub-1", "hub-2", "agent", "notifier", "nginx"}
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert SERVICES["redis"]["networks"] == ["data"]


def test_the_file_has_no_key_or_form_that_the_compose_specification_lacks() -> None:
    used = {key: value for key, value in COMPOSE.items() if not key.startswith("x-")}
    composed = Compose.model_validate(used)
    named = {name for service in composed.services.values() for name in service.networks}
    assert named == set(composed.networks)
    assert {name for service in composed.services.values() for name in service.depends_on} <= set(composed.services)
    override = Override.model_validate(yaml.safe_load((ROOT / "docker-compose.tls.yml").read_text()))
    assert set(override.services) <= set(composed.services)


def test_a_misspelt_key_is_noticed() -> None:
    wrong = {**SERVICES["nginx"], "mem_limits": "1g"}
    with pytest.raises(ValueError, match="mem_limits"):
        Service.model_validate(wrong)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """The Redis of the compose file, by its own command; only the place differs."""
    server, port = program("redis-server"), free_port()
    interpreter, option, script = SERVICES["redis"]["command"]
    script = script.replace("$$", "$").replace("${COMANDA_REDIS_MEMORY_MB:-1024}", "512")
    script = script.replace("redis-server -", f"{server} - --port {port} --bind 127.0.0.1 --dir {tmp_path}")
    with Process(interpreter, option, script, env={"PASSWORD": "s3cret"}, cwd=tmp_path, name="redis") as process:
        process.wait_for(lambda: listening(port), 10, "it listens")
        with Redis(port=port, password="s3cret", decode_responses=True) as client:
            yield client


def test_redis_asks_for_the_password_which_its_command_line_does_not_show(redis: Redis) -> None:
    assert redis.ping()
    port = redis.connection_pool.connection_kwargs["port"]
    with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    arguments = Path(f"/proc/{redis.info('server')['process_id']}/cmdline")
    assert not arguments.exists() or b"s3cret" not in arguments.read_bytes()


def test_redis_writes_every_order_down_before_it_answers_and_evicts_none(redis: Redis) -> None:
    wanted = {
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory": str(512 * 1_048_576),
        "maxmemory-policy": "noeviction",
        "stream-node-max-bytes": "1024",
    }
    assert {name: redis.config_get(name)[name] for name in wanted} == wanted
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


def test_the_health_check_of_a_hub_is_its_readiness() -> None:
    answers = [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 503 Service Unavailable\r\n\r\n"]
    command, *options, script = SERVICES["hub-1"]["healthcheck"]["test"][1:]
    assert (command, options) == ("python", ["-SIc"])
    for answer in answers:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with subprocess.Popen([sys.executable, *options, script.replace("8080", str(port))]) as check:
                connection, _ = server.accept()
                with connection:
                    assert connection.recv(1_000).startswith(b"GET /readyz HTTP/1.0\r\n")
                    connection.sendall(answer)
                assert (check.wait(10) == 0) == (b" 200 " in answer)


def test_every_setting_of_env_reaches_the_hubs_and_the_worker() -> None:
    for name in ("hub-1", "hub-2", "agent", "notifier"):
        assert SERVICES[name]["env_file"] == [{"path": ".env", "required": False}]
        assert SERVICES[name]["environment"]["COMANDA_DATA_DIR"] == "/data"
    assert (ROOT / ".env.example").read_text() == env_example(), "run scripts/write_env_example.py .env.example"


def test_every_variable_of_the_compose_files_is_in_the_example() -> None:
    files = (ROOT / "docker-compose.yml", ROOT / "docker-compose.tls.yml")
    used = {name for file in files for name in re.findall(r"(?<!\$)\$\{(\w+)", file.read_text())}
    assert used - set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)) == set()


def test_no_two_settings_of_the_example_have_one_name() -> None:
    names = re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(names) == len(set(names)) > 80


@pytest.mark.parametrize("extras", ["models", "agent", "hub"])
def test_the_image_is_built_from_a_lock_that_exists(extras: str) -> None:
    text = (ROOT / "Dockerfile").read_text()
    script = text.partition("RUN case")[2].partition("esac")[0].replace("\\\n", "\n")
    shell = f"case{script}esac; echo $file"
    said = subprocess.run(["sh", "-c", shell], env={"EXTRAS": extras}, capture_output=True, text=True, timeout=10)
    assert (ROOT / said.stdout.strip()).is_file(), said
    assert f'EXTRAS: "${{EXTRAS:-{"models"}}}"' in (ROOT / "docker-compose.yml").read_text()


def test_the_images_have_exact_versions() -> None:
    images = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    images += [service["image"] for service in SERVICES.values() if "build" not in service]
    assert [image for image in images if not re.search(r":\d+\.\d+\.\d+-\w+$", image)] == []


@pytest.mark.parametrize("name", ["hub-1", "hub-2"])
def test_a_hub_has_a_volume_of_its_own_for_its_record_of_the_log(name: str) -> None:
    assert SERVICES[name]["volumes"] == [f"{name}:/data"]
    assert not [mount for mount in SERVICES[name]["tmpfs"] if mount.startswith("/data")]
    assert name in COMPOSE["volumes"]


@pytest.mark.parametrize("name", ["hub-1", "hub-2", "agent", "notifier"])
def test_hubs_agent_and_notifier_share_one_secret_that_has_no_default(name: str) -> None:
    assert SERVICES[name]["environment"]["COMANDA_SECRET"].startswith("${COMANDA_SECRET:?")


def test_the_hubs_believe_nginx_and_nobody_else_about_addresses() -> None:
    nginx = SERVICES["nginx"]["networks"]["front"]["ipv4_address"]
    assert SERVICES["hub-1"]["environment"]["COMANDA_TRUSTED_PROXIES"] == nginx
    assert SERVICES["hub-2"]["environment"]["COMANDA_TRUSTED_PROXIES"] == nginx


def test_nginx_is_given_the_configuration_that_is_tested_here() -> None:
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["nginx"]["volumes"])
    with_tls = yaml.safe_load((ROOT / "docker-compose.tls.yml").read_text())["services"]["nginx"]["volumes"]
    assert "./deploy/listen-tls.conf:/etc/nginx/listen.conf:ro" in with_tls
    assert "./deploy/redirect.conf:/etc/nginx/redirect.conf:ro" in with_tls
    assert mounts["./deploy/pages"] == "/etc/nginx/site/.refused"
    assert mounts["./static"] == "/etc/nginx/site/.front"
    for file in ("nginx.conf", "hubs.conf", "listen.conf", "pages.conf"):
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
        env={**os.environ, "COMANDA_SECRET": secret, "COMANDA_REDIS_PASSWORD": "a-random-text"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (asked.returncode == 0) == bool(secret), asked.stderr
    assert secret or "COMANDA_SECRET" in asked.stderr
