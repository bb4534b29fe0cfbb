"""The hub's HTTP server: it refuses requests in the hub's form of errors, and reveals no library or version."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from hub.domain.errors import BadRequest, ComandaError, Internal, TooLarge
from hub.gateways.answers import refused

logger = structlog.get_logger(__name__)

SERVER_NAME = "comanda"


class HubRunner(web.AppRunner):
    """Runs an application, and answers requests that never reach it in the same form as all others.

    aiohttp answers an unreadable request with the request's text and its own version, and logs both with a
    traceback. The log would then hold a capability token of an over-long address.
    """

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        handler = made.request_handler

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPExpectationFailed as exc:  # raised before any middleware, with the header's text
                return unreadable(exc.status, exc)

        return _Server(
            handle,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that no handler answered, and end the connection."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("http.request_failed", exc_info=exc)
        else:
            logger.info("http.request_unreadable", status=status, reason=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is sent already")
        return unreadable(status, exc)


def unreadable(status: int, exc: BaseException | None) -> web.Response:
    """Return the answer to an unreadable request, without any of the request's text."""
    error: ComandaError
    if isinstance(exc, LineTooLong):
        error = TooLarge("the address or a header is too long")
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
        error = BadRequest("this is not an HTTP request that can be read")
    else:
        error = Internal("something went wrong on our side")
    response = web.json_response(refused(error), status=status)
    # The library sets its own name and version where there is none.
    response.headers["Server"] = SERVER_NAME
    response.force_close()
    return response
