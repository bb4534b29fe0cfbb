"""Customers with a chat open: each asks, and notes when every piece of the answer is on its screen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bench.agent.words import asked_at, moments
from bench.hub import HOST
from bench.sockets import Client

_PATIENCE_S = 120.0
_DELTA = b'["chat.delta"'
_ENDINGS = (b'["chat.completed"', b'["chat.failed"', b'["chat.stopped"')


class Unanswered(Exception):
    """A question to which there was no answer, or no end of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer: when it came, its place, and its words."""

    came: float
    index: int
    text: str


@dataclass(slots=True)
class Answer:
    """One answer, as the customer saw it.

    Attributes:
        asked: When the question was sent.
        words: How many the model was to say.
        before: What a join in the middle of it has shown, and the place of the piece after that.
        ending: The event that ended it.
    """

    asked: float
    words: int
    pieces: list[Piece] = field(default_factory=list)
    before: tuple[str, int] = ("", 0)
    ending: dict[str, Any] = field(default_factory=dict)

    @property
    def added_s(self) -> float:
        """From the question to the first word, less what the model took for it."""
        first = self.pieces[0]
        return first.came - self.asked - (next(moments(first.text)) - asked_at(first.text))

    @property
    def slower(self) -> float:
        """How long it came, to how long the model spoke."""
        said = list(moments(self.text))
        return (self.pieces[-1].came - self.pieces[0].came) / (said[-1] - said[0])

    @property
    def text(self) -> str:
        return self.before[0] + "".join(piece.text for piece in self.pieces)

    def gaps_s(self) -> Iterator[float]:
        return (after.came - before.came for before, after in pairwise(self.pieces))

    def model_gaps_s(self) -> Iterator[float]:
        return (after - before for before, after in pairwise(moments(self.text)))

    def faults(self) -> Iterator[str]:
        """What is wrong with it; nothing should be."""
        if self.ending["type"] != "chat.completed":
            yield f"an answer ended with {self.ending['type']}"
        if any(piece.index != place for place, piece in enumerate(self.pieces, start=self.before[1])):
            yield "an answer's pieces are not numbered without a hole"
        if self.text != self.ending["data"]["text"]:
            yield "an answer's pieces are not its whole text"
        if len(self.text.split()) != self.words:
            yield f"an answer has {len(self.text.split())} words of {self.words}"


class Customer:
    """One socket, in the room of one chat of its own.

    Attributes:
        answers: To every question so far; the last may be under way.
    """

    def __init__(self, client: Client, chat_id: str, token: str) -> None:
        self.chat_id, self.token = chat_id, token
        self.answers: list[Answer] = []
        self._client = client
        self._ended = asyncio.Event()
        self._enough: tuple[int, asyncio.Event] = (0, asyncio.Event())
        client.on_event = self._hear

    @classmethod
    async def arrive(cls, port: int) -> Customer:
        """Open a chat, and be in its room before anything is said."""
        client = await Client.open(HOST, port)
        opened = await client.command("chat.open", {})
        customer = cls(client, opened["chat_id"], opened["token"])
        await customer.join()
        return customer

    async def come_back(self, port: int) -> tuple[Customer, float]:
        """The same chat in another tab, in the middle of an answer; and how long its join took."""
        again = Customer(await Client.open(HOST, port), self.chat_id, self.token)
        began = time.perf_counter()
        answer = Answer(began, self.answers[-1].words)
        again.answers.append(answer)  # the rest of it may come with the join's answer
        shown = await again.join()
        took_s = time.perf_counter() - began
        turn = shown["snapshot"]["turn"]
        answer.before = (turn["text"], turn["next_index"])
        return again, took_s

    async def join(self) -> dict[str, Any]:
        return await self._client.command("room.join", {"room": f"chat:{self.chat_id}", "token": self.token})

    async def ask(self, words: int) -> Answer:
        """Ask for so many words, and wait for the answer's end."""
        self._ended.clear()
        answer = Answer(time.perf_counter(), words)
        self.answers.append(answer)
        question = {"chat_id": self.chat_id, "token": self.token, "text": f"cuéntame {words}"}
        await self._client.command("chat.send", question)
        await self.to_the_end()
        return answer

    async def to_the_end(self) -> None:
        await _in_time(self._ended)

    async def until(self, pieces: int) -> None:
        """Wait until the answer under way has so many pieces."""
        self._enough = (pieces, asyncio.Event())
        await _in_time(self._enough[1])

    def leave(self) -> None:
        self._client.close()

    def _hear(self, came: float, told: bytes) -> None:
        if not told.startswith((_DELTA, *_ENDINGS)):
            return
        event = json.loads(told)[1]
        answer = self.answers[-1]
        if told.startswith(_DELTA):
            answer.pieces.append(Piece(came, event["data"]["index"], event["data"]["text"]))
            if len(answer.pieces) == self._enough[0]:
                self._enough[1].set()
        else:
            answer.ending = event
            self._ended.set()


async def _in_time(happened: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await happened.wait()
    except TimeoutError:
        raise Unanswered(f"an answer did not come within {_PATIENCE_S:g} s") from None
