"""Closes the connections of staff and partners who lost their rights."""

from __future__ import annotations

from hub.core.errors import Unauthorized
from hub.domain.roles import Principal
from hub.gateways.streams import Streams
from hub.services.auth.access import Access
from hub.socketio.close_reason import CloseReason
from hub.socketio.server import SocketIoServer


class FormerStaff:
    """Finds connections whose token ended, whose account was removed, or whose roles changed since they were let in.

    A client may reconnect; the hub then checks its token and its rooms again.
    """

    def __init__(self, access: Access, server: SocketIoServer, streams: Streams) -> None:
        self._access = access
        self._server = server
        self._streams = streams

    async def disconnect(self) -> None:
        """Close the connections of former staff, on every gateway.

        Raises:
            Unavailable: Redis did not answer; the connections that were not checked stay.
        """
        for session in self._server.sessions:
            if not await self._is_current(session.state.principal):
                session.connection.close(CloseReason.SERVER)
        for stream in self._streams.open:
            if not await self._is_current(stream.principal):
                stream.close(CloseReason.SERVER)

    async def _is_current(self, principal: Principal) -> bool:
        if (
            not principal.is_staff and not principal.is_partner
        ):  # most connections are customers', and have no rights to revoke
            return True
        try:
            return await self._access.current(principal) == principal
        except Unauthorized:
            return False
