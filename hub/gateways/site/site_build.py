"""Build what browsers are served from the folder `static/`: files, pages in each language, the service worker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog

from hub.gateways.site.bundle import FOLDER, Linker, Unlinkable
from hub.gateways.site.error_words import offline_page
from hub.gateways.site.joined_files import join_head
from hub.gateways.site.languages import LANGUAGES, translated
from hub.gateways.site.module_graph import LIBRARIES, ModuleGraph, with_query
from hub.gateways.site.static_files import VERSION, StaticFile, StaticFiles, read_folder, version_of

logger = structlog.get_logger(__name__)

# The applications that can be installed, and where each of them starts.
APPS: Mapping[str, str] = {"order": "", "kitchen": "kitchen", "manager": "manager", "support": "support"}
_WORKERS = ("sw.js", "sw-removal.js")
_PARTS = (*_WORKERS, "manifest.webmanifest")  # served under addresses of their own, or only a mark
_QUERY = f"?{VERSION}=@"  # stands for the query with the version, which the bundles are a part of
_SCRIPT = re.compile(r'<script type="module" src="(/|(?:\.\./)*)static/(js/[^"]+)"></script>')
_PRELOAD = re.compile(r'\n *<link rel="modulepreload"[^>]*>')
_VERSIONED = re.compile(r'((?:href|src)="(?:/|\{\{root\}\}|(?:\.\./)*)static/(?:css|js)/[^"?]+)(")')
_MANIFEST = re.compile(r'(href="(?:/|(?:\.\./)*)static/)(?:manifest|apps/(\w+))\.webmanifest(")')


@dataclass(frozen=True, slots=True)
class Site:
    """The files and pages that browsers are served.

    Attributes:
        pages: HTML by file name and language.
        errors: The error page by language, with its placeholders.
        workers: The service worker, and the one that removes it, by their file names.
        texts: The pages' texts by language.
    """

    files: StaticFiles
    pages: Mapping[tuple[str, str], StaticFile]
    errors: Mapping[str, str]
    workers: Mapping[str, StaticFile]
    texts: Mapping[str, Mapping[str, str]]


@cache
def build_site(folder: Path) -> Site:
    """Read the folder and build the site, once a process."""
    contents = read_folder(folder)
    texts = {language: json.loads(contents[f"i18n/{language}.json"]) for language in LANGUAGES}
    graph = ModuleGraph({path: body.decode() for path, body in contents.items() if path.endswith(".js")})
    html = {path: body.decode() for path, body in contents.items() if "/" not in path and path.endswith(".html")}
    joined = {name: join_head(name, page, contents) for name, page in html.items() if _SCRIPT.search(page)}
    html |= {name: page.html for name, page in joined.items()}
    bundles = _bundles(graph, [match[2] for page in html.values() if (match := _SCRIPT.search(page))])
    version = version_of(contents | {entry: text.encode() for entry, text in bundles.items()})
    query = f"?{VERSION}={version}"

    files = {path: body for path, body in contents.items() if path not in (*_PARTS, *html)}
    files |= {path: with_query(graph.sources[path], query).encode() for path in files if graph.imports.get(path)}
    files |= {_bundle_path(entry): text.replace(_QUERY, query).encode() for entry, text in bundles.items()}
    files |= {path: body for page in joined.values() for path, body in page.files.items()}
    files |= _manifests(texts)
    pages = {
        (name, language): _page(translated(page, language, texts[language]), language, graph, bundles, query)
        for name, page in html.items()
        for language in LANGUAGES
    }
    errors = {language: pages.pop(("error.html", language)) for language in LANGUAGES}
    for language in LANGUAGES:
        files[f"offline.{language}.html"] = offline_page(errors[language], texts[language]).encode()
    return Site(
        StaticFiles({path: StaticFile(body, Path(path).suffix) for path, body in files.items()}, version),
        {key: StaticFile(page.encode(), ".html") for key, page in pages.items()},
        errors,
        {name: StaticFile(graph.sources[name].replace("__VERSION__", version).encode(), ".js") for name in _WORKERS},
        texts,
    )


def _bundles(graph: ModuleGraph, entries: Iterable[str]) -> dict[str, str]:
    """Return the bundles of pages, without those of pages whose modules have to be loaded one by one."""
    linker = Linker(graph, _QUERY)
    bundles = {}
    for entry in entries:
        try:
            bundles[entry] = linker.bundle(entry)
        except Unlinkable as exc:
            logger.warning("pages.modules_not_bundled", entry=entry, reason=str(exc))
    return bundles


def _bundle_path(entry: str) -> str:
    return f"{FOLDER}/{Path(entry).stem}.bundle.js"


def _page(page: str, language: str, graph: ModuleGraph, bundles: Mapping[str, str], query: str) -> str:
    """Return a page's HTML that names every file in this version, and asks at once for all that it will need."""

    def script(match: re.Match[str]) -> str:
        root, entry = match[1], match[2]
        needed = [path for path in graph.in_order(entry)[:-1] if entry not in bundles or path.startswith(LIBRARIES)]
        source = _bundle_path(entry) if entry in bundles else entry
        texts = (
            f'<link rel="preload" as="fetch" crossorigin href="{root}static/i18n/{language}.json{query}" data-texts>'
        )
        preloads = [f'<link rel="modulepreload" href="{root}static/{path}{query}">' for path in (source, *needed)]
        main = f'<script type="module" src="{root}static/{source}{query}"></script>'
        return "\n  ".join([texts, *preloads, main])

    page = _SCRIPT.sub(script, _PRELOAD.sub("", page))
    page = _VERSIONED.sub(rf"\g<1>{query}\g<2>", page)
    return _MANIFEST.sub(
        lambda match: f"{match[1]}apps/{match[2] or 'order'}.{language}.webmanifest{query}{match[3]}", page
    )


def _manifests(texts: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
    """Return the manifest of each application in each language. Addresses in it are relative to `static/apps/`."""
    return {
        f"apps/{app}.{language}.webmanifest": json.dumps(
            {
                "name": words[f"app.{app}.name"],
                "short_name": words[f"app.{app}.short"],
                "description": words[f"app.{app}.description"],
                "lang": language,
                "start_url": f"../../{path}",
                "scope": "../../",
                "display": "standalone",
                "background_color": "#fff8ea" if app == "order" else "#17100d",
                "theme_color": "#c4105e" if app == "order" else "#17100d",
                "icons": [
                    {"src": "../favicon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
                    {"src": "../img/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "maskable"},
                ],
            },
            ensure_ascii=False,
        ).encode()
        for app, path in APPS.items()
        for language, words in texts.items()
    }
