"""A process that sends what is due in WhatsApp's outboxes, and waits less long for a status than a notifier.

`python -m tests.support.whatsapp_sender`, with the settings in the environment.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hub.bootstrap import open_services, read_settings
from hub.domain import whatsapp_outbox
from hub.outbound.whatsapp import outbox_runner
from hub.outbound.whatsapp.graph_client import open_graph_client
from hub.outbound.whatsapp.outbox_runner import OutboxRunner

DOUBT = timedelta(seconds=2)


async def main() -> None:
    settings = read_settings()
    async with open_services(settings, settings.redis_url) as services, open_graph_client(settings) as client:
        await OutboxRunner(services.outboxes, services.whatsapp, client, services.clock).run()


if __name__ == "__main__":
    setattr(whatsapp_outbox, "DOUBT", DOUBT)  # noqa: B010 - mypy takes it for a constant
    setattr(outbox_runner, "DOUBT", DOUBT)  # noqa: B010
    asyncio.run(main())
