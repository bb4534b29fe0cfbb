"""A process that reads the inbox of WhatsApp's webhook; what it sends is noted in Redis.

`python -m tests.support.whatsapp_reader`, with the settings in the environment.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime

from hub.bootstrap import open_services, read_settings
from hub.domain.whatsapp_port import ButtonsMessage, ListMessage, TextMessage
from hub.outbound.whatsapp_inbox.inbox_reader import build_inbox_reader
from hub.store.log import EventLog

NOTED = "test:whatsapp:sent"


class NotedOutbox:
    """Notes how often each message was added."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def add(self, wa_id: str, message_id: str, message: TextMessage | ButtonsMessage | ListMessage) -> None:
        await self._log.calls.call("HINCRBY", f"{self._log.keys.prefix}{NOTED}", f"{wa_id} {message_id}", 1)


class NotedStatuses:
    """Notes statuses in the same way."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def apply(
        self, wa_id: str, wamid: str, status: str, timestamp: datetime, data: str, error_code: int | None
    ) -> None:
        await self._log.calls.call("HINCRBY", f"{self._log.keys.prefix}{NOTED}", f"{wa_id} {wamid} {status}", 1)


async def main() -> None:
    settings = read_settings()
    async with open_services(settings, settings.redis_url) as services:
        log = services.log
        owner = f"reader-{os.getpid()}"
        await build_inbox_reader(services, settings, NotedOutbox(log), NotedStatuses(log), owner, lease_s=1.0).run()


if __name__ == "__main__":
    asyncio.run(main())
