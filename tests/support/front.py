"""nginx under the very configuration that docker-compose.yml mounts, with other addresses beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT, Process, free_port, listening, program


@dataclass(frozen=True, slots=True)
class Front:
    url: str
    nginx: Process


@contextmanager
def front(folder: Path, hub_ports: Sequence[int]) -> Iterator[Front]:
    """nginx in front of hubs on loopback; `folder` is empty and its own."""
    nginx, port = program("nginx"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").symlink_to(ROOT / "deploy" / "nginx.conf")
    servers = (ROOT / "deploy" / "hubs.conf").read_text()
    for number, hub_port in enumerate(hub_ports, start=1):
        servers = servers.replace(f"hub-{number}:8080", f"127.0.0.1:{hub_port}")
    (folder / "hubs.conf").write_text(servers)
    listen = (ROOT / "deploy" / "listen.conf").read_text()
    (folder / "listen.conf").write_text(listen.replace("listen 8080;", f"listen 127.0.0.1:{port};"))
    with Process(nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), name="nginx") as process:
        process.wait_for(lambda: listening(port), 10, "it listens")
        yield Front(f"http://127.0.0.1:{port}", process)
