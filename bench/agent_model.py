"""A model that streams as one does: its first word after a while, then so many a second, to any number at once.

`python -m bench.agent_model --rate 30 --first 0.3 --tokens 60` prints the address it listens on.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from aiohttp import web

_HEAD = 'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":'


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    return f'{_HEAD}{json.dumps(delta)},"finish_reason":{json.dumps(finish)}}}]}}\n\n'.encode()


class Streaming:
    """Answers every question with the same number of words, each at its time."""

    def __init__(self, first_s: float, rate: float, tokens: int) -> None:
        self._first_s, self._rate, self._tokens = first_s, rate, tokens

    async def serve(self, request: web.Request) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._first_s
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(self._tokens):
            await asyncio.sleep(max(0.0, due - loop.time()))
            await response.write(chunk({"role": "assistant", "content": f"palabra{number % 10} "}))
            due += 1 / self._rate
        await response.write(chunk({}, "stop") + b"data: [DONE]\n\n")
        return response


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=float, default=0.3)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--tokens", type=int, default=60)
    asked = parser.parse_args()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", Streaming(asked.first, asked.rate, asked.tokens).serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
