"""Another process with the private Redis open: it says what it has, and waits.

`python -m tests.support.hub_process FOLDER [--outlive]`: with `--outlive` the server does not end with its owner,
as on a system without Linux's parent-death signal.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from hub.local_redis.embedded_redis import EmbeddedRedis


async def main() -> None:
    ends_with_owner = "--outlive" not in sys.argv and sys.platform == "linux"
    async with EmbeddedRedis(Path(sys.argv[1]), ends_with_owner=ends_with_owner) as redis:
        print(json.dumps({"pid": redis.pid, "owned": redis.owned, "url": redis.url}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
