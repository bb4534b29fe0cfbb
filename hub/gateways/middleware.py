"""The middleware of every HTTP request: errors as answers, foreign pages, the caller and its rate, safe headers."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hub.config.limit_settings import AuthLimits, RequestLimits
from hub.core.errors import BadRequest, ComandaError, Forbidden, NotFound, TooLarge
from hub.domain.roles import Principal
from hub.gateways.envelope import as_error, refused
from hub.gateways.event_source import come_back
from hub.gateways.http_server import SERVER_NAME
from hub.gateways.openai_errors import refused_openai
from hub.gateways.peer import ADDRESS, PRINCIPAL, Proxies, principal_of
from hub.gateways.rate_limits import Bucket, Buckets
from hub.gateways.route_table import ROUTE, ErrorShape, RateClass, Route, RouteTable, error_shape_of
from hub.gateways.safe_headers import SAFE_HEADERS
from hub.gateways.site.error_page import ErrorPages, is_navigation
from hub.services.auth.access import Access
from hub.socketio.origins import Origins
from hub.telemetry import Metrics

Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
_KEPT = ("Retry-After",)  # of the answer to a program
_HTTPS_ONLY = "max-age=31536000"  # a year; only sent if the caller used HTTPS


def as_response(error: ComandaError, shape: ErrorShape = ErrorShape.COMANDA) -> web.Response:
    """Return the HTTP answer for an error."""
    is_openai = shape is ErrorShape.OPENAI
    response = web.json_response(refused_openai(error) if is_openai else refused(error), status=error.status)
    if is_openai and not error.retryable:
        response.headers["x-should-retry"] = "false"  # their clients repeat 409, 429 and 5xx
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    return response


def errors_as_answers(table: RouteTable, metrics: Metrics, pages: ErrorPages) -> Middleware:
    """Turn every exception into an answer with a code. It is the outermost middleware, and also finds the route.

    A person who opens an address in a browser gets a page with the same status.
    """

    def answer(request: web.Request, error: ComandaError, status: int | None = None) -> web.Response:
        response = as_response(error, error_shape_of(request))
        response.set_status(status or error.status)
        if is_navigation(request):
            page = pages.response(request, error, response.status)
            page.headers.update({name: response.headers[name] for name in _KEPT if name in response.headers})
            return page
        return response

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (route := table.route_of(request)) is not None:
            request[ROUTE] = route
        try:
            response = await handler(request)
        except web.HTTPRequestEntityTooLarge as exc:
            response = answer(request, _too_large(exc))
        except web.HTTPMethodNotAllowed as exc:
            response = answer(request, BadRequest(f"{request.method} is not allowed here"), 405)
            response.headers["Allow"] = ", ".join(sorted(exc.allowed_methods))
        except (web.HTTPNotFound, web.HTTPForbidden):  # the second is a folder of /static
            response = answer(request, NotFound("there is nothing at this address"))
        except web.HTTPException:
            raise
        except Exception as exc:  # the request's root
            error = as_error(exc, route=_route(request))
            metrics.requests.labels(request.method, _route(request), error.status).inc()
            return come_back(request, error) or answer(request, error)
        metrics.requests.labels(request.method, _route(request), response.status).inc()
        return response

    return middleware


def refuse_foreign_writes(origins: Origins) -> Middleware:
    """Refuse writes that a page of another origin makes through its visitor's browser.

    It runs before the rate limits, so that a foreign page does not use up the visitor's requests. A request
    without an `Origin` comes from a program.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_foreign_write(request, origins):
            raise Forbidden("pages of this origin may not write here; see COMANDA_ORIGINS")
        return await handler(request)

    return middleware


def _is_foreign_write(request: web.Request, origins: Origins) -> bool:
    if request.method not in _READS:
        return not origins.allow_request(request)
    route: Route | None = request.get(ROUTE)
    if route is None or not route.writes:
        return False
    # A GET that a page makes without its script, such as that of an image, has no Origin.
    return request.headers.get("Sec-Fetch-Site") in _FOREIGN_SITES or not origins.allow_request(request)


def identify_and_limit(
    table: RouteTable,
    access: Access,
    proxies: Proxies,
    by_address: Buckets,
    *,
    requests: RequestLimits,
    logins: AuthLimits,
) -> Middleware:
    """Identify the caller, and limit its rate: staff have a higher one than an address has, an API key one of its own.

    A request with an invalid token counts against the address, so guessing costs the guesser. Logins have a rate of
    their own, because their tries are counted later by name and device. So a flood of logins does not lock out
    everybody behind its address.
    """
    staff_rates = Buckets(requests.staff_requests_s, requests.staff_requests_burst)
    login_rates = Buckets(logins.login_requests_s, logins.login_requests_burst)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        rate = table.rate_class_of(request)
        if rate is RateClass.UNCOUNTED:
            return await handler(request)
        address = request[ADDRESS] = proxies.address(request)
        bucket = (login_rates if rate is RateClass.LOGIN else by_address).of(address)
        if rate is RateClass.CREDENTIAL:
            return await _by_credential(request, handler, bucket)
        if "Authorization" not in request.headers:
            bucket.take()
        principal = request[PRINCIPAL] = await _principal(request, access, bucket.take)
        if principal.is_staff:
            staff_rates.of(principal.id).take()
        elif principal.is_partner:
            by_address.of(principal.address).take()
        return await handler(request)

    return middleware


async def _by_credential(request: web.Request, handler: Handler, bucket: Bucket) -> web.StreamResponse:
    """Handle a request whose handler checks a credential of its own kind, and sets `PRINCIPAL` once it is good.

    All other requests count against the address: guessing costs the guesser. An address that has none left is refused
    only after its credential was found wrong, because many phones share the address of their network.
    """
    try:
        return await handler(request)
    finally:
        if PRINCIPAL not in request:
            bucket.take()


async def _principal(request: web.Request, access: Access, count: Callable[[], None]) -> Principal:
    try:
        principal = await principal_of(request, access, request[ADDRESS])
    except ComandaError:
        if "Authorization" in request.headers:
            count()
        raise
    if "Authorization" in request.headers and not principal.is_staff and not principal.is_partner:
        count()
    return principal


async def add_safe_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers to an answer; a signal, so that files and streams have them as well."""
    headers = response.headers
    for name, value in SAFE_HEADERS.items():
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
    """Return the pattern of the route, never the path: a path may contain a token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
