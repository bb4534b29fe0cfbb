"""The move of a connection from long polling to a WebSocket."""

from __future__ import annotations

import asyncio
from typing import Protocol

from hub.relay.frames import text_frame
from hub.socketio.packets import PING, PONG, UPGRADE
from hub.socketio.websocket import WebSocket

_TIMEOUT_S = 10.0
_PROBE = "probe"


class Upgradable(Protocol):
    """The connection that moves."""

    @property
    def closed(self) -> bool:
        """True once the connection is over."""

    def end_poll(self) -> None:
        """Answer the poll under way."""

    def move_to(self, websocket: WebSocket) -> None:
        """Use the WebSocket from now on."""

    def upgrade_failed(self, upgrade: Upgrade) -> None:
        """Go on with polling."""


class Upgrade:
    """The handshake of an upgrade: a probe and its answer, then the client's word that it has moved.

    Until the WebSocket has carried a probe, polls go on as before: a proxy may let the handshake through and
    nothing after it. Then the poll under way is ended with a NOOP; what is sent meanwhile waits, and goes over
    the WebSocket.

    Attributes:
        works: The WebSocket has carried a probe.
    """

    def __init__(self, connection: Upgradable, websocket: WebSocket) -> None:
        self.works = False
        self._websocket = websocket
        self._connection = connection
        self._deadline = asyncio.get_running_loop().call_later(_TIMEOUT_S, self._give_up)

    def end(self, code: int, reason: bytes) -> None:
        """Close the WebSocket; the connection stays with polling."""
        self._deadline.cancel()
        self._websocket.close(code, reason)
        self._connection.upgrade_failed(self)

    # The handler of the WebSocket

    def text_received(self, text: str) -> None:
        """Answer the probe, or move the connection; anything else ends the upgrade."""
        if self._connection.closed:
            return
        if not self.works and text == PING + _PROBE:
            self.works = True
            self._websocket.transport.write(text_frame(PONG + _PROBE))
            self._connection.end_poll()
        elif self.works and text == UPGRADE:
            self._deadline.cancel()
            self._connection.move_to(self._websocket)
        else:
            self._give_up()

    def binary_received(self, data: bytes) -> None:
        """End the upgrade: no binary message belongs to it."""
        self._give_up()

    def pong_received(self) -> None:
        """Do nothing: the upgrade sends no pings."""

    def protocol_violated(self, code: int) -> None:
        """End the upgrade with this close code."""
        self._give_up(code)

    def pause_writing(self) -> None:
        """Do nothing: the upgrade sends next to nothing."""

    def resume_writing(self) -> None:
        """Do nothing: the upgrade sends next to nothing."""

    def disconnected(self) -> None:
        """End the upgrade; polls go on."""
        self._give_up()

    def _give_up(self, code: int = 1000) -> None:
        self.end(code, b"")
