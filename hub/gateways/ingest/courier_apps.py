"""The doors for the couriers' own apps: Traccar Client, OsmAnd and OwnTracks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from hub.config.limit_settings import RequestLimits
from hub.core.errors import BadRequest, Forbidden, TooLarge, Unauthorized
from hub.domain.answers.branch_answers import PositionsTaken
from hub.domain.positions import Verdict
from hub.domain.roles import Principal
from hub.gateways.envelope import answer
from hub.gateways.ingest import osmand, owntracks
from hub.gateways.ingest.osmand import Batch
from hub.gateways.peer import PRINCIPAL
from hub.gateways.query import Text
from hub.gateways.rate_limits import Buckets
from hub.gateways.request_body import read_bytes
from hub.gateways.route_table import Audience, RateClass, Route, Tag
from hub.services.auth.access import Access
from hub.services.courier_positions import CourierPositions
from hub.telemetry import Metrics

_ERRORS = (BadRequest, Forbidden, TooLarge)
_OSMAND_FIELDS = tuple(
    Text(name) for name in ("id", "lat", "lon", "timestamp", "speed", "bearing", "altitude", "accuracy", "batt")
)


class CourierApps:
    """Takes positions from apps that send them while the phone's screen is off.

    The token is that of `comanda token courier`. It is the password of HTTP Basic, a Bearer token, or, with the OsmAnd
    protocol, the device's id. Only a position that is malformed or out of range is refused: an app sends what
    was refused again and again. One that is old, or makes no sense, is accepted and not passed on.
    """

    def __init__(
        self,
        access: Access,
        positions: CourierPositions,
        limits: RequestLimits,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._access = access
        self._positions = positions
        self._metrics = metrics
        self._clock = clock
        self._by_token = Buckets(limits.positions_s, limits.positions_burst)

    def routes(self) -> list[Route]:
        """Return the routes of the apps."""
        return [
            self._osmand_route("POST", "Report positions by Traccar Client"),
            self._osmand_route("GET", "Report a position by OsmAnd"),
            Route(
                method="POST",
                path="/ingest/owntracks",
                handler=self.owntracks,
                tag=Tag.POSITIONS,
                summary="Report a position by OwnTracks",
                foreign_body="A message as OwnTracks sends it in its HTTP mode.",
                audience=Audience.CAPABILITY,
                errors=_ERRORS,
                rate=RateClass.CREDENTIAL,
            ),
        ]

    def _osmand_route(self, method: str, summary: str) -> Route:
        return Route(
            method=method,
            path="/ingest/osmand",
            handler=self.osmand,
            tag=Tag.POSITIONS,
            summary=summary,
            foreign_body="" if method == "GET" else "One position or several, in the JSON form of Traccar Client.",
            answer=PositionsTaken,
            audience=Audience.CAPABILITY,
            query=_OSMAND_FIELDS,
            errors=_ERRORS,
            rate=RateClass.CREDENTIAL,
            head=False,
        )

    async def osmand(self, request: web.Request) -> web.Response:
        """Take the positions of a request of the OsmAnd protocol."""
        sent = osmand.read(request.query, await read_bytes(request))
        courier = await self._courier(request, _token(request) or sent.device)
        batch = sent.fixes(self._clock())
        return answer(self._take(courier, batch))

    async def owntracks(self, request: web.Request) -> web.Response:
        """Take the position of a message of OwnTracks; the answer is the list of messages for the app, always empty."""
        raw = await read_bytes(request)
        courier = await self._courier(request, _token(request))
        if (fix := owntracks.read(raw)) is not None:
            self._take(courier, Batch((fix,)))
        return web.json_response([])

    async def _courier(self, request: web.Request, token: str) -> Principal:
        """Return the courier of a request, and count the request.

        Raises:
            Unauthorized: There is no token, or it is not good.
            Forbidden: The account's owner is no courier any more.
            RateLimited: The token has sent too much.
        """
        if not token:
            raise Unauthorized("send the courier's token as the password, or as the device's id")
        courier = request[PRINCIPAL] = await self._access.courier(token)
        self._by_token.of(courier.token_id).take()
        return courier

    def _take(self, courier: Principal, batch: Batch) -> PositionsTaken:
        verdicts = [Verdict.MALFORMED] * batch.malformed + self._positions.take(courier, batch.fixes)
        for verdict in verdicts:
            self._metrics.positions.labels(str(verdict)).inc()
        return PositionsTaken.of(verdicts)


def _token(request: web.Request) -> str:
    """Return the token of the `Authorization` header; an empty text if there is none.

    Raises:
        Unauthorized: The header is malformed.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "":
            return ""
        case "bearer":
            return value.strip()
        case "basic":
            return _password(value.strip())
    raise Unauthorized("send the token by Basic or Bearer")


def _password(encoded: str) -> str:
    try:
        _, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Unauthorized("the Authorization header is malformed") from None
    return password
