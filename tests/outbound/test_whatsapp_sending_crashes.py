"""Processes that send by WhatsApp are killed amid a thousand messages: none is lost, none that arrived comes again."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from hub.bootstrap import open_services
from hub.config import Settings
from hub.domain.whatsapp_port import TextMessage
from tests.support.graph_api import GraphApi, Sent, graph_api
from tests.support.processes import Process
from tests.support.whatsapp_payloads import WHATSAPP_SETTINGS

if TYPE_CHECKING:
    from hub.services.build import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

NUMBERS, MESSAGES = 50, 20
ROOT = Path(__file__).resolve().parents[2]


def number(of: int) -> str:
    return f"52155{of:08d}"


async def queued(services: Services) -> None:
    """What is to be sent: to each number in order, all of it within a burst."""
    for of in range(NUMBERS):
        await services.whatsapp.heard(number(of), "Ana", services.clock(), "wamid.heard")
        named = [(f"{of}.{each}", TextMessage(text=str(each))) for each in range(MESSAGES)]
        await services.outboxes.take(number(of), [services.outboxes.new(*each) for each in named])


async def test_of_a_thousand_messages_none_is_lost_and_none_that_arrived_comes_again(
    real_redis_url: str, tmp_path: Path
) -> None:
    async with graph_api() as api:
        secrets = {
            name: getattr(value, "get_secret_value", str)() or value for name, value in WHATSAPP_SETTINGS.items()
        }
        env = {f"COMANDA_{name.upper()}": value for name, value in secrets.items()} | {
            "COMANDA_REDIS_URL": real_redis_url,
            "COMANDA_DATA_DIR": str(tmp_path),
            "COMANDA_SECRET": "a secret of sixteen bytes or more",
            "COMANDA_WHATSAPP_API_URL": api.url,
            "PYTHONPATH": str(ROOT),
        }
        settings = Settings(
            _env_file=None, redis_url=real_redis_url, data_dir=tmp_path, secret=SecretStr(env["COMANDA_SECRET"])
        )
        async with open_services(settings, real_redis_url) as services, asyncio.TaskGroup() as statuses:

            def arrived(sent: Sent) -> None:
                status = services.outboxes.apply(sent.to, sent.wamid, "delivered", services.clock(), sent.id, None)
                statuses.create_task(status)

            api.on_sent = arrived
            await queued(services)
            with ExitStack() as stack:
                for share in (5, 2, 1):  # killed after a fifth of them, and after half
                    command = (sys.executable, "-m", "tests.support.whatsapp_sender")
                    sender = stack.enter_context(Process(*command, env=env, cwd=tmp_path, name=f"sender-{share}"))
                    await arrive(api, NUMBERS * MESSAGES // share)
                    sender.kill()
        names = Counter(sent.id for sent in api.sent)
        assert len(names) == NUMBERS * MESSAGES
        assert [name for name, times in names.items() if times > 1] == []
        for of in range(NUMBERS):
            assert api.texts(number(of)) == [str(each) for each in range(MESSAGES)]


async def arrive(api: GraphApi, count: int) -> None:
    """Wait until so many different messages have arrived."""
    async with asyncio.timeout(60), api.came:
        await api.came.wait_for(lambda: len({sent.id for sent in api.sent}) >= count)


def plain(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
