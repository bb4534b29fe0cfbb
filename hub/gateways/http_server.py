"""The HTTP server: it refuses unreadable requests in the hub's form of errors, and reveals no library or version.

It relies on private parts of aiohttp; `tests/gateways/test_http_server_internals.py` fails on a version that has
changed any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, _ErrInfo
from yarl import URL

from hub.core.errors import BadRequest, ComandaError, Internal, TooLarge
from hub.gateways.envelope import refused
from hub.gateways.safe_headers import SAFE_HEADERS
from hub.gateways.site.error_page import ErrorPages, is_navigation
from hub.gateways.site.request_head import RequestHead

logger = structlog.get_logger(__name__)

SERVER_NAME = "comanda"
_HEAD_BYTES = 65_536  # of a head that is remembered: eight times what one line of it may have
ERROR_PAGES = web.AppKey("error_pages", ErrorPages)
PATH_PREFIX = web.AppKey("path_prefix", str)  # of `COMANDA_PUBLIC_URL`; empty: the site is the whole host


class HubRunner(web.AppRunner):
    """Runs an application, and answers requests that never reach it in the same form as all others.

    aiohttp answers an unreadable request with the request's text and its own version, and logs both with a
    traceback. The log would then hold a capability token of an over-long address.
    """

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        handler, prefix, pages = made.request_handler, self.app.get(PATH_PREFIX, ""), self.app.get(ERROR_PAGES)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if prefix and request.path == prefix:  # files are relative to the path with a slash
                return web.Response(status=308, headers={"Location": f"{prefix}/"})
            try:
                return await handler(request)
            except web.HTTPExpectationFailed as exc:  # raised before any middleware, with the header's text
                return unreadable(exc.status, exc)

        server = _Server(
            handle,
            request_factory=_below(prefix, made.request_factory) if prefix else made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )
        server.pages, server.root = pages, f"{prefix}/"
        return server


def _below(prefix: str, factory: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
    """Return a factory of requests that takes the site's own path away where the proxy has left it."""
    whole = f"{prefix}/"

    def make(message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
        if message.path.startswith(whole):
            target = message.path[len(prefix) :]
            path, _, query = target.partition("?")
            message = message._replace(path=target, url=URL.build(path=path, query_string=query, encoded=True))
        return factory(message, *rest)

    return make


class _Server(web.Server):
    pages: ErrorPages | None = None
    root = "/"

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    __slots__ = ("_head", "_server")

    def __init__(self, manager: _Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._server = manager
        self._head = b""  # of a request that is not complete yet, or can't be read

    def data_received(self, data: bytes) -> None:
        """Read on, and remember the beginning of a request for as long as it is not complete."""
        super().data_received(data)
        if (not self._messages and self._current_request is None) or self._has_failed():
            self._head += data[: _HEAD_BYTES - len(self._head)]
        else:
            self._head = b""

    def _has_failed(self) -> bool:
        return bool(self._messages) and isinstance(self._messages[-1][0], _ErrInfo)

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
            raise ConnectionError("a part of the answer was sent already")
        status, error = _refusal(status, exc)
        head, pages = RequestHead.of(self._head), self._server.pages
        if pages is not None and is_navigation(head):
            return _last(pages.response(head, error, status, root=self._server.root))
        return _last(web.json_response(refused(error), status=status))


def unreadable(status: int, exc: BaseException | None) -> web.Response:
    """Return the answer to an unreadable request, without any of the request's text."""
    status, error = _refusal(status, exc)
    return _last(web.json_response(refused(error), status=status))


def _refusal(status: int, exc: BaseException | None) -> tuple[int, ComandaError]:
    if isinstance(exc, LineTooLong):
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TooLarge("the address or a header is too long")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return status, BadRequest("the request is not readable as HTTP")
    return status, Internal("internal error; the details are in the log of the hub")


def _last(response: web.Response) -> web.Response:
    """Return the answer with the headers that the middleware would add; the connection ends with it."""
    # The library sets its own name and version where there is none.
    response.headers.update({**SAFE_HEADERS, "Server": SERVER_NAME, "Cache-Control": "no-store"})
    response.force_close()
    return response
