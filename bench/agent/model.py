"""A model that streams as one does: its first word after a while, then so many a second, to any number at once.

`python -m bench.agent.model` prints the address at which it speaks OpenAI's protocol. A question ends in the number
of words that its answer shall have.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import uvloop
from aiohttp import web

from bench.agent.words import word
from bench.hub import HOST

FIRST_S, RATE = 0.3, 30.0
_BACKLOG = 1_024
_HEAD = 'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":'
_END = b"data: [DONE]\n\n"


class Streaming:
    """Answers every question, each word at its time."""

    def __init__(self, first_s: float, rate: float) -> None:
        self._first_s, self._rate = first_s, rate

    async def serve(self, request: web.Request) -> web.StreamResponse:
        asked: float | None = time.perf_counter()
        due = time.perf_counter() + self._first_s
        question = json.loads(await request.read())["messages"][-1]["content"]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(int(question.split()[-1])):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await response.write(_chunk({"role": "assistant", "content": word(asked)}))
            asked = None
            due += 1 / self._rate
        await response.write(_chunk({}, "stop") + _END)
        return response


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    return f'{_HEAD}{json.dumps(delta)},"finish_reason":{json.dumps(finish)}}}]}}\n\n'.encode()


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.agent.model", description=__doc__)
    parser.add_argument("--first", type=float, default=FIRST_S, help="seconds to the first word")
    parser.add_argument("--rate", type=float, default=RATE, help="words a second from there on")
    asked = parser.parse_args()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", Streaming(asked.first, asked.rate).serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, backlog=_BACKLOG).start()
    print(f"http://{HOST}:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
