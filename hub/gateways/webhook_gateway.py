"""The endpoints of webhooks and their dead letters, as managers read them. Commands change them."""

from __future__ import annotations

from aiohttp import web

from hub.domain.answers.webhook_answers import DeadLetters, WebhookDetail, WebhookList
from hub.gateways.envelope import answer
from hub.gateways.peer import PRINCIPAL
from hub.gateways.query import PageSize, WholeNumber
from hub.gateways.route_table import Audience, Route, Tag
from hub.services.build import Services

_LIMIT = PageSize(default=50, most=200)
_BEFORE = WholeNumber("before")


class WebhookGateway:
    """Reads endpoints and dead letters."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Return all routes of this gateway."""
        return [
            Route(
                method="GET",
                path="/api/webhooks",
                handler=self.list,
                tag=Tag.WEBHOOKS,
                summary="List the endpoints of webhooks",
                answer=WebhookList,
                audience=Audience.STAFF,
            ),
            Route(
                method="GET",
                path="/api/webhooks/{webhook_id}",
                handler=self.get,
                tag=Tag.WEBHOOKS,
                summary="Show one endpoint",
                answer=WebhookDetail,
                audience=Audience.STAFF,
            ),
            Route(
                method="GET",
                path="/api/webhooks/{webhook_id}/dead",
                handler=self.dead,
                tag=Tag.WEBHOOKS,
                summary="List the deliveries that were given up",
                answer=DeadLetters,
                audience=Audience.STAFF,
                query=(_LIMIT, _BEFORE),
            ),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Answer with all endpoints."""
        return answer(await self._services.webhooks.list(request[PRINCIPAL]))

    async def get(self, request: web.Request) -> web.Response:
        """Answer with one endpoint."""
        return answer(await self._services.webhooks.get(request[PRINCIPAL], request.match_info["webhook_id"]))

    async def dead(self, request: web.Request) -> web.Response:
        """Answer with a page of an endpoint's dead letters."""
        found = await self._services.dead_letters.list(
            request[PRINCIPAL], request.match_info["webhook_id"], _LIMIT.read(request), _BEFORE.read(request)
        )
        return answer(found)
