"""The pages and their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from hub.gateways.route_table import Handler, Mount, RateClass, Route, Tag
from hub.gateways.site.error_page import VERSION_HEADER
from hub.gateways.site.languages import VARY, language_of
from hub.gateways.site.site_build import Site

PAGES: Mapping[str, str] = {
    "/": "index.html",
    "/t/{token}": "track.html",
    "/kitchen": "kitchen.html",
    "/manager": "manager.html",
    "/support": "support.html",
    "/login": "login.html",
    "/docs": "docs.html",
}
SERVICE_WORKER = "/sw.js"
# Browsers revalidate each time (304 if nothing changed), so a new version shows at the next reload.
_REVALIDATED = "no-cache"

_CUSTOMERS = frozenset({"index.html", "track.html"})


class Pages:
    """Serves a site: each page at its address, everything else under `/static/`.

    Args:
        default_language: For visitors whose browsers ask for none of the pages' languages.
        opened: Called with every request for a page of customers.
        has_worker: False: browsers are given a service worker that removes itself.
    """

    def __init__(
        self,
        site: Site,
        default_language: str,
        opened: Callable[[web.BaseRequest], None] = lambda request: None,
        *,
        has_worker: bool = True,
    ) -> None:
        self._site = site
        self._default_language = default_language
        self._opened = opened
        self._worker = site.workers["sw.js" if has_worker else "sw-removal.js"]

    def routes(self) -> list[Route]:
        """Return the routes of the pages and of the service worker."""
        pages = [
            Route(
                method="GET",
                path=path,
                handler=self._page(name),
                tag=Tag.PAGES,
                summary=f"Show {name}",
                media_type="text/html",
                described=False,
            )
            for path, name in PAGES.items()
        ]
        worker = Route(
            method="GET",
            path=SERVICE_WORKER,
            handler=self._service_worker,
            tag=Tag.PAGES,
            summary="Show the service worker",
            media_type="text/javascript",
            rate=RateClass.UNCOUNTED,
            described=False,
        )
        return [*pages, worker]

    def mount(self) -> Mount:
        """Return the files below `/static/`. They are not counted: one page loads many."""
        return Mount(
            "/static/", RateClass.UNCOUNTED, lambda app: app.router.add_get("/static/{path:.*}", self._site.files.serve)
        )

    def _page(self, name: str) -> Handler:
        async def page(request: web.Request) -> web.Response:
            if name in _CUSTOMERS:
                self._opened(request)
            language = language_of(request, self._default_language)
            headers = {
                hdrs.CONTENT_LANGUAGE: language,
                hdrs.VARY: f"{hdrs.ACCEPT_ENCODING}, {VARY}",
                VERSION_HEADER: self._site.files.version,
            }
            return self._site.pages[name, language].response(request, _REVALIDATED, headers)

        return page

    async def _service_worker(self, request: web.Request) -> web.Response:
        return self._worker.response(request, _REVALIDATED)
