"""What every HTTP request passes through: the limits, who it is, errors as PROTOCOL words them, safe headers."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hub.config import Limits
from hub.domain.errors import BadRequest, ComandaError, Forbidden, NotFound, TooLarge
from hub.domain.roles import Principal
from hub.fanout.origins import Origins
from hub.gateways.answers import as_error, refused
from hub.gateways.event_source import come_back
from hub.gateways.http_server import SERVER_NAME
from hub.gateways.limits import Buckets
from hub.gateways.peer import ADDRESS, PRINCIPAL, Proxies, principal_of
from hub.services.access import Access
from hub.telemetry import Metrics

# 'self' covers WebSockets of the page's own host; a browser that does not know that stays on long-polling.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    # What the pages may ask the browser for: a courier's place, a call's camera and microphone, a board that stays lit.
    "Permissions-Policy": (
        "camera=(self), geolocation=(self), microphone=(self), screen-wake-lock=(self), "
        "bluetooth=(), browsing-topics=(), display-capture=(), hid=(), midi=(), payment=(), serial=(), usb=()"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a tracking page's address is a capability
}
Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_HTTPS_ONLY = "max-age=31536000"  # a year; only said where the caller came by HTTPS
_LOGIN = "/api/login"
_FREE = ("/static/", "/healthz", "/readyz", "/socket.io/")


def as_response(error: ComandaError) -> web.Response:
    response = web.json_response(refused(error), status=error.status)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    return response


def errors_as_answers(metrics: Metrics) -> Middleware:
    """Outermost: whatever goes wrong inside becomes an answer with a code."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPRequestEntityTooLarge as exc:
            response = as_response(_too_large(exc))
        except web.HTTPMethodNotAllowed as exc:
            response = as_response(BadRequest(f"{request.method} is not allowed here"))
            response.set_status(405)
            response.headers["Allow"] = ", ".join(sorted(exc.allowed_methods))
        except (web.HTTPNotFound, web.HTTPForbidden):  # the second is a folder of /static
            response = as_response(NotFound("there is nothing at this address"))
        except web.HTTPException:
            raise
        except Exception as exc:  # the request's root
            error = as_error(exc, route=_route(request))
            metrics.requests.labels(request.method, _route(request), error.status).inc()
            return come_back(request, error) or as_response(error)
        metrics.requests.labels(request.method, _route(request), response.status).inc()
        return response

    return middleware


def no_foreign_writes(origins: Origins) -> Middleware:
    """Refuse writes that a page of another origin makes through its visitor's browser.

    It runs before the rate limits, so that a foreign page does not use up the visitor's requests. A request
    without an `Origin` comes from a program.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in _READS and not origins.allow_request(request):
            raise Forbidden("pages of this origin may not write here; see COMANDA_ORIGINS")
        return await handler(request)

    return middleware


def who_and_how_often(access: Access, proxies: Proxies, by_address: Buckets, limits: Limits) -> Middleware:
    """Identify the caller, and limit its rate: staff have a higher one than an address has.

    A request with an invalid token counts against the address, so guessing costs the guesser. Logins have a rate of
    their own, because their tries are counted later by name and device. So a flood of logins does not lock out
    everybody behind its address.
    """
    by_staff = Buckets(limits.staff_requests_s, limits.staff_requests_burst)
    logins = Buckets(limits.login_requests_s, limits.login_requests_burst)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_FREE):
            return await handler(request)
        address = request[ADDRESS] = proxies.address(request)
        bucket = (logins if request.path == _LOGIN else by_address).of(address)
        if "Authorization" not in request.headers:
            bucket.take()
        principal = request[PRINCIPAL] = await _principal(request, access, bucket.take)
        if principal.is_staff:
            by_staff.of(principal.id).take()
        return await handler(request)

    return middleware


async def _principal(request: web.Request, access: Access, count: Callable[[], None]) -> Principal:
    try:
        principal = await principal_of(request, access, request[ADDRESS])
    except ComandaError:
        if "Authorization" in request.headers:
            count()
        raise
    if "Authorization" in request.headers and not principal.is_staff:
        count()
    return principal


async def add_safe_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal: on every answer, also those of files and streams."""
    headers = response.headers
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers["Server"] = SERVER_NAME  # instead of the libraries' names and versions
    if not isinstance(response, web.FileResponse):
        headers.setdefault("Cache-Control", "no-store")
    if request.headers.get("X-Forwarded-Proto") == "https":
        headers.setdefault("Strict-Transport-Security", _HTTPS_ONLY)


def close_while(draining: Callable[[], bool]) -> Signal:
    """Return a signal that closes each connection after its answer while the process is stopping.

    A client or proxy then sends its next request over a new connection, which a load balancer can route elsewhere. No
    request is on its way when the process closes the remaining connections.
    """

    async def close(_request: web.Request, response: web.StreamResponse) -> None:
        if draining() and response.status != 101:
            response.headers["Connection"] = "close"
            response.force_close()

    return close


def _too_large(exc: web.HTTPRequestEntityTooLarge) -> TooLarge:
    return TooLarge(exc.text or "the body is too large")


def _route(request: web.Request) -> str:
    """The route's pattern, never the path: a path may hold a token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
