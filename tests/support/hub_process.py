"""Another process with the private Redis open: it says what it has, and waits.

`python -m tests.support.hub_process FOLDER [--outlive]`: with `--outlive` the server does not end with its owner,
as on a system without Linux's parent-death signal.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from hub.eventlog import embedded


async def main() -> None:
    if "--outlive" in sys.argv:
        embedded._LAUNCH = "import os, sys; os.execv(sys.argv[2], sys.argv[2:])"
    async with embedded.EmbeddedRedis(Path(sys.argv[1])) as redis:
        print(json.dumps({"pid": redis.pid, "owned": redis.owned, "url": redis.url}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
