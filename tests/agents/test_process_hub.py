"""An answer through a real hub: it outlives the hub, waits for nobody, is read whole on coming back, and stops at once.

The hub is a program of its own, without an agent; the worker is the test's, and its model says a word when it is told.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import Field
from redis import Redis

from hub.domain.roles import Kind, Principal, Role
from hub.socketio.send_buffer import DRAIN_TIMEOUT_S
from hub.store import connect
from tests.integration.cluster import ready
from tests.integration.test_recovery import Line, line
from tests.support.chat import ENDINGS, Branch, ending_of, running, text_of
from tests.support.processes import COMANDA, Process, free_port
from tests.support.redis import no_real_redis
from tests.support.scripted import ScriptedLLM
from tests.support.wire import frame, let_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from llama_index.core.base.llms.types import ChatResponse

    from hub.local_redis.embedded_redis import EmbeddedRedis
    from tests.support.chat import Event
from tests.support.uncounted import UNCOUNTED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
READY_S = 30.0
SECRET = "a secret for tests"
SOON_S = 10.0
UNSENT_BYTES = 131_072


class Hub:
    """A hub without an agent, over the tests' Redis; it has little patience with readers and with missing agents."""

    def __init__(self, redis_url: str, folder: Any) -> None:
        self.redis_url = redis_url
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        env = {
            "COMANDA_REDIS_URL": redis_url,
            "COMANDA_SECRET": SECRET,
            "COMANDA_DATA_DIR": str(folder),
            "COMANDA_AGENT_WAIT_S": "1",
            "COMANDA_LIMIT_UNSENT_BYTES": str(UNSENT_BYTES),
            "COMANDA_LIMIT_COMMANDS_S": "0",
            **UNCOUNTED,
        }
        self.process = Process(
            COMANDA, "serve", "--port", str(port), "--no-agent", "--no-notifier", env=env, cwd=folder
        )

    def start(self) -> None:
        self.process.start()
        self.process.wait_for(lambda: ready(self.url), READY_S, "it is ready")


@pytest.fixture(scope="module")
def hub(private_redis: EmbeddedRedis | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One for all tests here, each of which has a chat of its own."""
    if private_redis is None:
        no_real_redis("neither redis-server nor valkey-server on PATH, and no wheel with one")
        raise AssertionError
    with Redis.from_url(private_redis.url) as redis:
        redis.flushall()
    hub = Hub(private_redis.url, tmp_path_factory.mktemp("hub"))
    with hub.process:
        hub.process.wait_for(lambda: ready(hub.url), READY_S, "it is ready")
        yield hub


@pytest.fixture
async def branch(hub: Hub) -> AsyncIterator[Branch]:
    branch = Branch(connect(hub.redis_url))
    yield branch
    await branch.log.aclose()
    await branch.redis.aclose()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


class Prompted(ScriptedLLM):
    """Says what it is given, when it is given it; nothing ends the answer."""

    @property
    def words(self) -> asyncio.Queue[str]:
        queue: asyncio.Queue[str] = self._scripts[0]  # type: ignore[assignment]
        return queue

    dropped: asyncio.Event = Field(default_factory=asyncio.Event)

    async def _say(self, script: Any) -> AsyncIterator[ChatResponse]:
        text = ""
        try:
            while word := await self.words.get():
                text += word
                yield self._response(text, [], word)
        except asyncio.CancelledError:
            self.dropped.set()
            raise


class Talk:
    """A chat at the hub, and the model that answers in it."""

    def __init__(self, http: aiohttp.ClientSession, hub: Hub, branch: Branch, opened: Any) -> None:
        self.chat = (opened["chat_id"], opened["token"])
        self.token = {"token": opened["token"]}
        self.room = f"chat:{opened['chat_id']}"
        llm = Prompted.saying(asyncio.Queue())  # type: ignore[arg-type]
        assert isinstance(llm, Prompted)
        self.llm = llm
        self._http, self._hub, self._branch = http, hub, branch

    @property
    def path(self) -> str:
        return f"{self._hub.url}/api/chats/{self.chat[0]}"

    async def ask(self) -> str:
        """Ask, whatever was asked before."""
        question = {"text": "hola", "command_id": uuid.uuid4().hex}
        turn_id: str = (await self.post("messages", question))["turn_id"]
        return turn_id

    async def post(self, what: str, body: Any) -> Any:
        return await said(self._http, "POST", f"{self.path}/{what}", json=body, params=self.token)

    async def says(self, word: str) -> None:
        """The model says this; it is in the room."""
        self.llm.words.put_nowait(word)
        await self._branch.until(self.chat, lambda event: word in event["data"].get("text", ""))

    async def answers(self, words: str) -> None:
        """The model says this, if it is anything, and its answer is over."""
        for part in (words, "")[not words :]:
            self.llm.words.put_nowait(part)


@asynccontextmanager
async def talking(http: aiohttp.ClientSession, hub: Hub, branch: Branch) -> AsyncIterator[Talk]:
    """A chat, and a worker that answers in it."""
    talk = Talk(http, hub, branch, await said(http, "POST", f"{hub.url}/api/chats", json={}))
    worker = branch.worker(talk.llm, grace_s=0.1)
    async with running(worker):
        yield talk


async def said(http: aiohttp.ClientSession, method: str, url: str, **more: Any) -> Any:
    async with http.request(method, url, **more) as answer:
        body = await answer.json()
        assert body["ok"], body
        return body["data"]


def staff(branch: Branch) -> dict[str, str]:
    who = Principal(Kind.SERVICE, id="token:test", name="Sole", roles=frozenset({Role.SUPPORT}))
    token = branch.services.tokens.issue(who, branch.services.clock(), timedelta(hours=1))
    return {"Authorization": f"Bearer {token}"}


async def heard(reader: Line, until: str) -> list[Event]:
    """What comes of chats on a line, until this type has come."""
    events: list[Event] = []
    while not events or events[-1]["type"] != until:
        name, *arguments = await reader.event()
        if name.startswith("chat."):
            events.append(arguments[0])
    return events


async def test_a_question_that_no_agent_takes_is_told_so_before_long(
    hub: Hub, branch: Branch, http: aiohttp.ClientSession
) -> None:
    talk = Talk(http, hub, branch, await said(http, "POST", f"{hub.url}/api/chats", json={}))
    turn_id = await talk.ask()
    ended = await branch.until(talk.chat, lambda event: event["type"] == "chat.failed")
    assert ended["data"]["turn_id"] == turn_id
    assert ended["data"]["error"]["code"] == "no_agent"
    shown = await said(http, "GET", f"{talk.path}/turns", headers=staff(branch))
    assert [(turn["state"], turn["error"]) for turn in shown["turns"]] == [("failed", "no_agent")]
    async with http.get(f"{talk.path}/turns", params=talk.token) as refused:
        assert refused.status == 403
    async with http.get(f"{hub.url}/metrics", headers=staff(branch)) as metrics:
        assert 'comanda_turns_total{code="no_agent",ending="failed",provider=""} 1.0' in await metrics.text()
    await talk.post("forget", {})
    read = await said(http, "GET", f"{hub.url}/api/rooms/{talk.room}/events", params=talk.token)
    assert [event["type"] for event in read["events"]] == ["chat.forgotten"]


async def test_an_answer_outlives_its_hub_and_its_readers_come_back_to_every_word_once(
    hub: Hub, branch: Branch, http: aiohttp.ClientSession
) -> None:
    """Killed between two words; more are said while there is no hub. One reader comes back as stock clients do, with
    its session's id; one joins anew with its cursor; one was never there. Then the answer is stopped, while its model
    says nothing more."""
    async with talking(http, hub, branch) as talk:
        async with line(http, hub.url) as stock, line(http, hub.url) as careful:
            for reader in (stock, careful):
                await reader.join(talk.room, **talk.token)
            turn_id = await talk.ask()
            await talk.says("uno ")
            before = {reader: await heard(reader, "chat.delta") for reader in (stock, careful)}
            hub.process.kill()
        await talk.says("dos ")
        await asyncio.to_thread(hub.start)
        async with (
            line(http, hub.url, pid=stock.pid, offset=stock.cursor) as stock_again,
            line(http, hub.url) as careful_again,
            line(http, hub.url) as new,
        ):
            missed = await careful_again.join(talk.room, after=careful.cursor, **talk.token)
            assert missed["recovered"] is True
            shown = (await new.join(talk.room, **talk.token))["snapshot"]["turn"]
            assert shown["text"] == "uno dos "
            await talk.says("tres")
            await talk.post("stop", {"turn_id": turn_id})
            await talk.llm.dropped.wait()
            rest = {one: await heard(one, "chat.stopped") for one in (stock_again, careful_again, new)}
    whole = await branch.of_turn(talk.chat, turn_id)
    assert ending_of(whole)["data"]["text"] == text_of(whole) == "uno dos tres"
    assert [event["data"]["attempt"] for event in whole if event["type"] == "chat.started"] == [1]
    types = [event["type"] for event in whole]
    for heard_so_far in (
        before[stock] + rest[stock_again],
        before[careful] + missed["events"] + rest[careful_again],
    ):
        mine = [event for event in heard_so_far if event["data"].get("turn_id") == turn_id]
        assert [event["type"] for event in mine] == types
        assert text_of(mine) == "uno dos tres"
    indexes = [event["data"]["index"] for event in rest[new] if event["type"] == "chat.delta"]
    assert indexes == list(range(shown["next_index"], len(types) - 2))


async def test_a_page_reloaded_in_mid_answer_has_all_the_words_in_one_piece_and_goes_on(
    hub: Hub, branch: Branch, http: aiohttp.ClientSession
) -> None:
    """Again and again, at a moment of no choice, while the model talks on."""
    async with talking(http, hub, branch) as talk:
        turn_id = await talk.ask()
        words = [f"palabra{number} " for number in range(120)]
        async with asyncio.TaskGroup() as group:
            reads = []
            await talk.says(words[0])
            for number, word in enumerate(words[1:]):
                if number % 20 == 0:
                    reads.append(group.create_task(reload(http, hub, talk)))
                talk.llm.words.put_nowait(word)
                await asyncio.sleep(0.005)  # a quick model's speed
            talk.llm.words.put_nowait("")
        whole = "".join(words)
        assert text_of(await branch.of_turn(talk.chat, turn_id)) == whole
        seen = [read.result() for read in reads]
        assert [text for _, text in seen] == [whole] * 6
        assert sorted(at_once for at_once, _ in seen) == [at_once for at_once, _ in seen]
        assert seen[-1][0] > len(whole) // 2


async def reload(http: aiohttp.ClientSession, hub: Hub, talk: Talk) -> tuple[int, str]:
    """Come, and read to the end; how much was there at once, and all that was read."""
    async with line(http, hub.url) as page:
        shown = (await page.join(talk.room, **talk.token))["snapshot"]["turn"]
        events = await heard(page, "chat.completed")
    text, index = shown["text"], shown["next_index"]
    for event in events:
        if event["type"] == "chat.delta":
            assert event["data"]["index"] == index
            index, text = index + 1, text + event["data"]["text"]
    assert text == events[-1]["data"]["text"]
    return len(shown["text"]), text


async def test_a_reader_who_leaves_in_mid_answer_does_not_end_it(
    hub: Hub, branch: Branch, http: aiohttp.ClientSession
) -> None:
    async with talking(http, hub, branch) as talk:
        asked = {"messages": [{"role": "user", "content": "hola"}], "chat_id": talk.chat[0]}
        async with http.post(f"{hub.url}/api/chat/stream", json=asked, params=talk.token) as answer:
            talk.llm.words.put_nowait("uno ")
            while b"uno" not in await answer.content.readline():
                pass
            answer.close()
        await talk.says("dos")
        await talk.answers("")
        ended = await branch.until(talk.chat, lambda event: event["type"] in ENDINGS)
    assert (ended["type"], ended["data"]["text"]) == ("chat.completed", "uno dos")
    assert not talk.llm.dropped.is_set()


async def test_a_member_who_does_not_read_keeps_neither_the_model_nor_the_others_waiting(
    hub: Hub, branch: Branch, http: aiohttp.ClientSession
) -> None:
    """What waits for it grows past what the hub keeps for anybody, and it is cut off, while the others read on."""
    async with (
        talking(http, hub, branch) as talk,
        let_in(hub.url) as slow,
        line(http, hub.url) as quick,
        line(http, hub.url) as other,
    ):
        for reader in (quick, other):
            await reader.join(talk.room, **talk.token)
        await talk.ask()
        await talk.answers("ñ" * 9_000)
        for reader in (quick, other):
            await heard(reader, "chat.completed")
        # Each answer to this holds all that was said. Nobody takes them: soon there is no room on their way.
        asking = frame(f"421{json.dumps(['room.join', {'room': talk.room, **talk.token}])}".encode())
        await slow.send(asking)
        assert "ñññ" in await slow.text()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await slow.send(asking * 400)
        for number in range(12):
            turn_id = await talk.ask()
            for piece in range(6):
                # The hub gives a member that does not read this long: nobody waits for the end of that.
                async with asyncio.timeout(DRAIN_TIMEOUT_S):
                    await talk.says(f"{number}.{piece} " + "ñ" * 1_400)
                    await asyncio.gather(*(heard(reader, "chat.delta") for reader in (quick, other)))
            await talk.answers("")
            for reader in (quick, other):
                await heard(reader, "chat.completed")
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await slow.closing(SOON_S) is None  # cut off
    assert text_of(await branch.of_turn(talk.chat, turn_id)).startswith("11.0 ")
