"""What is logged, by us and by libraries, has one format."""

from __future__ import annotations

import json
import subprocess
import sys

LOGS = """
import logging, structlog
from hub.telemetry import configure_logging
configure_logging(to_terminal=False)
configure_logging(to_terminal=False)
structlog.get_logger("hub").info("hub.stopping", sid="s1")
logging.getLogger("aiohttp.server").warning("slow by %d s", 3)
logging.getLogger("redis").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("asyncio").exception("Task exception was never retrieved")
"""


def test_what_libraries_warn_of_is_one_line_of_json_like_our_own() -> None:
    done = subprocess.run([sys.executable, "-c", LOGS], capture_output=True, text=True, check=True)
    ours, slow, broken = [json.loads(line) for line in done.stderr.splitlines()]
    assert (ours["event"], ours["sid"], ours["level"]) == ("hub.stopping", "s1", "info")
    assert (slow["event"], slow["logger"], slow["level"]) == ("slow by 3 s", "aiohttp.server", "warning")
    assert (broken["logger"], broken["level"]) == ("asyncio", "error")
    assert "ZeroDivisionError" in broken["exception"]
    assert ours["timestamp"] <= slow["timestamp"]
    assert done.stdout == ""
