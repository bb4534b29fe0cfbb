"""The announcement of a hub whose Redis goes away just then: the hub serves already, and must not end with it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from hub.config import Settings
from hub.ops import announce as announcements
from hub.ops.announce import announce
from hub.ops.serve import Running
from tests.support.hub_harness import BRANCH, MENU, running_hub
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from structlog.typing import EventDict

SOON_S = 20.0


async def test_an_announcement_outlives_an_outage_of_redis_and_the_pin_that_it_tells_is_right(
    real_redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(announcements, "_PAUSE_S", 0.01)
    async with running_hub(real_redis_url, tmp_path) as house, Proxy(real_redis_url) as line:
        settings = Settings(_env_file=None, data_dir=tmp_path, branch=BRANCH, redis_deadline_s=0.1)
        line.drop_replies(float("inf"))
        running = Running(settings, house.url, line.url, "a Redis", durable=True, menu=MENU)
        with capture_logs() as logs:
            announcement = asyncio.create_task(announce(running))
            async with asyncio.timeout(SOON_S):
                while not (announcement.done() or _waits(logs)):  # noqa: ASYNC110 - a log tells nobody
                    await asyncio.sleep(0.01)
                line.heal()
                await announcement
        found = re.search(r"log in as (\w+) with the PIN in (\S+)", capsys.readouterr().out)
        assert found
        pin = settings.pin_file.read_text().strip()
        assert (await house.post("/api/login", {"name": found[1], "pin": pin})).status == 200


def _waits(logs: list[EventDict]) -> bool:
    return any(log["event"] == "hub.announcement_waits" for log in logs)
