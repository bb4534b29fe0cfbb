"""nginx under the very configuration that docker-compose.yml mounts, with other addresses beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT, Process, free_port, listening, program


@dataclass(frozen=True, slots=True)
class Front:
    url: str
    nginx: Process
    redirected: str = ""


@contextmanager
def front(folder: Path, hub_ports: Sequence[int], *, tls: Path | None = None) -> Iterator[Front]:
    """nginx in front of hubs on loopback.

    Args:
        folder: Empty, and nginx's own.
        tls: The folder with the certificate; with it, `redirected` is where plain HTTP listens.
    """
    nginx, port, plain = program("nginx"), free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").symlink_to(ROOT / "deploy" / "nginx.conf")
    site = folder / "site"
    site.mkdir()
    (site / ".refused").symlink_to(ROOT / "deploy" / "pages")
    (site / ".front").symlink_to(ROOT / "static")
    pages = (ROOT / "deploy" / "pages.conf").read_text()
    (folder / "pages.conf").write_text(pages.replace("root /etc/nginx/site;", f"root {site};"))
    servers = (ROOT / "deploy" / "hubs.conf").read_text()
    for number, hub_port in enumerate(hub_ports, start=1):
        servers = servers.replace(f"hub-{number}:8080", f"127.0.0.1:{hub_port}")
    (folder / "hubs.conf").write_text(servers)
    if tls is None:
        listen = (ROOT / "deploy" / "listen.conf").read_text()
        (folder / "listen.conf").write_text(listen.replace("listen 8080;", f"listen 127.0.0.1:{port};"))
    else:
        (folder / "tls").symlink_to(tls)
        listen = (ROOT / "deploy" / "listen-tls.conf").read_text()
        (folder / "listen.conf").write_text(listen.replace("listen 8443", f"listen 127.0.0.1:{port}"))
        redirect = (ROOT / "deploy" / "redirect.conf").read_text()
        (folder / "redirect.conf").write_text(redirect.replace("listen 8080;", f"listen 127.0.0.1:{plain};"))
    # The workers of root are nobody, who may not read a test's folder.
    same_user = ("-g", "user root;") if os.geteuid() == 0 else ()
    with Process(nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), *same_user, name="nginx") as process:
        process.wait_for(lambda: listening(port), 10, "it listens")
        scheme = "http" if tls is None else "https"
        yield Front(f"{scheme}://127.0.0.1:{port}", process, f"http://127.0.0.1:{plain}")
