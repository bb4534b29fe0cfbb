"""A live scoreboard: another hub, built on hub.core, hub.store, hub.relay and hub.socketio alone.

A match is a room, a goal is an event in it, and the score is a document. Any number of these processes may share a
Redis. A stock Socket.IO client that loses its connection gets the goals that it missed, in order, from any of them:

    python examples/scoreboard.py redis://127.0.0.1:6379 8081

    const socket = io("http://127.0.0.1:8081");
    socket.on("goal", ({ data }) => draw(data.score));
    const { score } = await socket.emitWithAck("watch", { match: "final" });
    await socket.emitWithAck("goal", { id: crypto.randomUUID(), match: "final", team: "home" });
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from hub.core.cursor import Cursor
from hub.core.times import format_time
from hub.relay.relay import Relay
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.handler import Accepted, Answer, Then
from hub.socketio.limits import ServerLimits
from hub.socketio.origins import Origins
from hub.socketio.recovery import Recovery, ResumeOutcome
from hub.socketio.server import SocketIoServer
from hub.socketio.session import Session
from hub.store import DocKey, Document, EventLog, IdempotencyKey, NewEvent, SessionStore, ViewQuery, Write, connect
from hub.store.conflicts import retry_on_conflict


@dataclass(frozen=True)
class Match:
    """A match as of one place in the log: `snapshot` is its score, goals by team."""

    cursor: Cursor
    snapshot: Mapping[str, int]


class Scoreboard:
    """Handles the sessions of its Socket.IO server."""

    def __init__(self, redis_url: str) -> None:
        self.redis = connect(redis_url)
        self.log = EventLog(self.redis, "scoreboard")
        self.relay = Relay(self.log, self.redis, view=self.read)
        self.recovery = Recovery(SessionStore(self.log.calls, self.log.keys), self.relay, 120, lambda outcome: None)
        self.server = SocketIoServer(
            self, ServerLimits(), Origins(), ConnectionCounter(0), address=lambda request: request.remote or ""
        )

    async def connect(self, session: Session, payload: Mapping[str, Any]) -> Accepted:
        """Accept a client; bring it back into its matches if it was here before."""
        session.identify({})
        stored, offset = await self.recovery.find(payload.get("pid")), payload.get("offset")
        if isinstance(stored, ResumeOutcome) or not offset:
            return Accepted({"pid": session.pid}, str(await self.log.position()), lambda: None)
        resumed = await self.recovery.resume(session, stored, payload["pid"], Cursor.parse(offset))
        return Accepted({"pid": session.pid}, offset, resumed.begin)

    async def command(self, session: Session, name: str, payload: Any) -> tuple[Answer, Then | None]:
        """Carry out `watch` or `goal`."""
        room = f"match:{payload['match']}"
        if name == "goal":
            return {"score": await self.add_goal(payload["id"], room, payload["team"])}, None
        joined = await self.relay.join(session, room, read=lambda: self.read(room))
        await self.recovery.save(session)
        return {"score": joined.view.snapshot}, joined.release

    def disconnected(self, session: Session) -> None:
        """Take a client out of its matches."""
        self.relay.leave_all(session.id)
        if session.parted:
            self.recovery.forget(session)

    async def read(self, room: str) -> Match:
        """Return a match as of now."""
        found = await self.log.view(ViewQuery(room, None, None, limit=0, documents=(DocKey("score", room),)))
        [score] = found.documents
        return Match(found.cursor, json.loads(score.body) if score else {})

    async def add_goal(self, goal_id: str, room: str, team: str) -> Mapping[str, int]:
        """Count a goal, once for each id, and return the score after it."""
        key = DocKey("score", room)

        async def attempt() -> Mapping[str, int]:
            found = await self.log.document(key)
            version, score = (found.version, json.loads(found.body)) if found else (0, {})
            score = Counter(score) + Counter([team])
            body = json.dumps({"type": "goal", "at": format_time(datetime.now(UTC)), "data": {"score": score}})
            write = Write(
                events=(NewEvent("goal", body, (room,)),),
                expects=((key, version),),
                documents=(Document(key, version + 1, json.dumps(score)),),
                idempotency=IdempotencyKey.of(goal_id, room, team),
                result=json.dumps(score),
            )
            counted: Mapping[str, int] = json.loads((await self.log.commit(write)).result)
            return counted

        return await retry_on_conflict(attempt)

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """Hear the rooms and keep the sessions for as long as the application lives."""
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(each) for each in (self.relay.run(), self.recovery.run(self.server.sessions))]
            yield
            for task in work:
                task.cancel()
        await self.log.aclose()
        await self.redis.aclose()


def create_app(redis_url: str) -> web.Application:
    """Return a scoreboard as an aiohttp application."""
    board, app = Scoreboard(redis_url), web.Application()
    board.server.attach(app)
    app.cleanup_ctx.append(board.run)
    return app


if __name__ == "__main__":
    web.run_app(create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]))
