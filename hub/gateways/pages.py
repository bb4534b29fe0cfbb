"""The pages and what they are made of: plain files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGES: Mapping[str, str] = {
    "/": "index.html",
    "/t/{token}": "track.html",
    "/kitchen": "kitchen.html",
    "/manager": "manager.html",
    "/support": "support.html",
    "/login": "login.html",
}


class Pages:
    """Serves `static/`: each page at its address, everything else under `/static/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def routes(self) -> list[web.AbstractRouteDef]:
        pages = [web.get(address, self._page(name)) for address, name in PAGES.items()]
        return [*pages, web.static("/static", self._folder)]

    def _page(self, name: str) -> Handler:
        path = self._folder / name

        async def page(_request: web.Request) -> web.FileResponse:
            # Asked again each time (a 304 if nothing changed): a new version is seen at the next reload.
            return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

        return page
