"""The Socket.IO door: who is let in, what they are told first, and their commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from hub import __version__
from hub.config import Settings
from hub.domain.commands import Connect
from hub.domain.errors import NotFound
from hub.eventlog.log import EventLog
from hub.fanout.origins import Connections, Origins
from hub.fanout.relay import Relay
from hub.fanout.server import Accepted, Handshake, Server
from hub.fanout.session import Session
from hub.gateways.answers import as_error
from hub.gateways.caller import Caller, Desk
from hub.gateways.peer import Proxies
from hub.services.access import Access


class SocketIoDoor:
    """`/socket.io/`, namespace `/`.

    Args:
        websocket_only: Where several processes share a port, the requests of one long-polling client would land
            on any of them.
    """

    def __init__(
        self,
        settings: Settings,
        log: EventLog,
        relay: Relay,
        access: Access,
        desk: Desk,
        origins: Origins,
        connections: Connections,
        proxies: Proxies,
        *,
        websocket_only: bool = False,
    ) -> None:
        self._branch = settings.branch
        self._log = log
        self._relay = relay
        self._access = access
        self._desk = desk
        self.server = Server(
            limits=settings.limits,
            origins=origins,
            connections=connections,
            address=proxies.address,
            on_connect=self._connect,
            on_command=self._command,
            on_disconnect=self._disconnect,
            transports=("websocket",) if websocket_only else ("polling", "websocket"),
        )

    def attach(self, app: web.Application) -> None:
        self.server.attach(app)

    async def _connect(self, handshake: Handshake, payload: Mapping[str, Any]) -> Accepted:
        try:
            asked = Connect.model_validate(payload)
        except ValidationError as exc:
            raise as_error(exc) from exc
        if asked.branch not in (None, self._branch):
            raise NotFound("there is no such branch here")
        principal = await self._access.principal(asked.token)
        cursor = await self._log.position()
        welcome = {
            "branch": self._branch,
            "epoch": cursor.epoch,
            "principal": principal.public(),
            "server": {"name": "comanda", "version": __version__},
        }
        return Accepted(Caller(self._desk, principal, handshake.address), welcome, str(cursor))

    async def _command(self, session: Session, name: str, payload: Any) -> Any:
        caller: Caller = session.state
        return await caller.answer(session, name, payload)

    def _disconnect(self, session: Session) -> None:
        self._relay.leave_all(session.id)
