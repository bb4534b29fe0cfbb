"""The process that reads WhatsApp's inbox is killed in the middle of a burst: nothing is lost, nothing said twice."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from hub.bootstrap import open_services
from hub.config import Settings
from hub.domain.rooms import Room
from hub.services.document_names import WHATSAPP, WHATSAPP_READER
from hub.store.inbox_stream import InboxStream
from tests.support.processes import Process
from tests.support.whatsapp_payloads import APP_SECRET, PHONE_ID, VERIFY_TOKEN, payload, text

if TYPE_CHECKING:
    from hub.services.build import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NUMBERS, MESSAGES = 40, 15  # six hundred messages
ROOT = Path(__file__).resolve().parents[2]
UNLIMITED = ("TURNS", "TURNS_WAITING", "TURNS_OPEN", "TURNS_MINUTE", "TURNS_DAY", "MESSAGES_MINUTE", "CHATS_HOUR")


def number(of: int) -> str:
    return f"52155{of:08d}"


def environment(redis_url: str, folder: Path) -> dict[str, str]:
    return {
        "COMANDA_REDIS_URL": redis_url,
        "COMANDA_DATA_DIR": str(folder),
        "COMANDA_SECRET": "a secret of sixteen bytes or more",
        "COMANDA_WHATSAPP_TOKEN": "a token",
        "COMANDA_WHATSAPP_PHONE_ID": PHONE_ID,
        "COMANDA_WHATSAPP_APP_SECRET": APP_SECRET,
        "COMANDA_WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
        **{f"COMANDA_LIMIT_{name}": "0" for name in UNLIMITED},
    }


def a_reader(env: dict[str, str], folder: Path, name: str) -> Process:
    path = {**env, "PYTHONPATH": str(ROOT)}
    return Process(sys.executable, "-m", "tests.support.whatsapp_reader", env=path, cwd=folder, name=name)


async def test_of_a_burst_none_is_lost_and_none_is_said_twice_when_readers_are_killed(
    real_redis_url: str, tmp_path: Path
) -> None:
    env = environment(real_redis_url, tmp_path)
    settings = Settings(
        _env_file=None, redis_url=real_redis_url, data_dir=tmp_path, secret=SecretStr(env["COMANDA_SECRET"])
    )
    async with open_services(settings, real_redis_url) as services:
        inbox = InboxStream(services.log.calls, services.log.keys, WHATSAPP)
        with ExitStack() as stack:
            readers = [stack.enter_context(a_reader(env, tmp_path, f"reader-{number}")) for number in range(3)]
            await put(inbox)
            total = NUMBERS * MESSAGES
            for share in (4, 2):  # a quarter, then half of them
                await said(services, total // share)
                await kill_owner(services, readers)
                assert await count_said(services) < total
                await put(inbox)  # Meta sends again what it has sent
            await emptied(inbox)
            for of in range(NUMBERS):
                assert await said_by(services, number(of)) == [f"mensaje {each}" for each in range(MESSAGES)]


async def put(inbox: InboxStream) -> None:
    """Each number's messages in their order, those of all numbers mixed, several in one payload."""
    for each in range(MESSAGES):
        messages = [text(f"{of}.{each}", f"mensaje {each}", wa_id=number(of)) for of in range(NUMBERS)]
        for start in range(0, NUMBERS, 8):
            some = messages[start : start + 8]
            assert await inbox.add(json.dumps(payload(*some, names=dict.fromkeys((m["from"] for m in some), "Ana"))))


async def kill_owner(services: Services, readers: list[Process]) -> None:
    """Kill the process that has the lease."""
    async with asyncio.timeout(60):
        while True:
            name = str(await services.log.calls.call("GET", services.log.keys.reader_lease(WHATSAPP_READER)))
            if found := [each for each in readers if name == f"reader-{each.pid}"]:
                found[0].kill()
                readers.remove(found[0])
                return
            await asyncio.sleep(0.02)


async def said_by(services: Services, wa_id: str) -> list[str]:
    known = await services.whatsapp.get(wa_id)
    if known is None:
        return []
    entries = await services.log.read(str(Room.chat(known.chat_id)), 0, limit=1_000)
    return [json.loads(each.body)["data"]["text"] for each in entries if each.type == "chat.message"]


async def said(services: Services, count: int) -> None:
    """Wait until so many messages are said."""
    async with asyncio.timeout(90):
        while await count_said(services) < count:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.02)


async def count_said(services: Services) -> int:
    return sum([len(await said_by(services, number(of))) for of in range(NUMBERS)])


async def emptied(inbox: InboxStream) -> None:
    async with asyncio.timeout(90):
        while await inbox.waiting():  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.05)
