"""The site as browsers get it: versioned files, pages in the visitor's language, errors that a person can read."""

from __future__ import annotations

import asyncio
import gzip
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import STATIC_DIR
from hub.core.errors import Unavailable
from hub.gateways.pages import PAGES
from hub.gateways.site.bundle import Linker, Unlinkable
from hub.gateways.site.joined_files import join_head
from hub.gateways.site.languages import translated
from hub.gateways.site.module_graph import ModuleGraph
from hub.gateways.site.site_build import APPS, build_site
from tests.gateways.conftest import Open
from tests.support.processes import lacking

if TYPE_CHECKING:
    from tests.support.hub_harness import HubHarness

PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
ADDRESSES = [address.replace("{token}", "PED222222.abc") for address in PAGES]


def linked(**modules: str) -> str:
    sources = {f"js/{name}.js": source for name, source in modules.items()}
    return Linker(ModuleGraph(sources), "?v=1").bundle("js/page.js")


def run(script: str) -> str:
    node = shutil.which("node")
    if node is None:
        lacking("there is no node on PATH")
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


# The bundle


def test_a_bundle_does_what_its_modules_do() -> None:
    script = linked(
        page="""import { double, Box as Crate } from "./maths.js";
import { two } from "./two.js";
console.log(double(two), new Crate().is);
""",
        maths="""import { two } from "./two.js";
export function double(n) {
  return n * two;
}
export class Box {
  is = "box";
}
""",
        two="const hidden = 2;\nexport const two = hidden;\n",
    )
    assert run(script) == "4 box"


def test_a_module_that_two_others_import_runs_once() -> None:
    script = linked(
        page='import { a } from "./a.js";\nimport { b } from "./b.js";\nconsole.log(a + b);\n',
        a='import { next } from "./count.js";\nexport const a = next();\n',
        b='import { next } from "./count.js";\nexport const b = next();\n',
        count="let n = 0;\nexport function next() {\n  return ++n;\n}\n",
    )
    assert run(script) == "3"


@pytest.mark.parametrize(
    "module",
    [
        "export let a = 1;\n",
        "export default 1;\n",
        'export * from "./b.js";\n',
        'export const a = await fetch("/");\n',
        'export const a = () => import("./b.js");\n',
        'import { page } from "./page.js";\nexport const a = 1;\n',
        'import { a } from "./missing.js";\n',
        'import "./b.js";\nexport const a = 1;\n',
    ],
)
def test_a_module_of_another_form_is_not_put_into_a_bundle(module: str) -> None:
    with pytest.raises(Unlinkable):
        linked(page='import { a } from "./a.js";\n', a=module, b="")


def test_every_page_of_this_site_has_a_bundle() -> None:
    files = build_site(STATIC_DIR).files
    pages = [page.body.decode() for page in build_site(STATIC_DIR).pages.values()]
    assert len(pages) == 2 * len(PAGES)
    for page in pages:
        assert f".bundle.js?v={files.version}" in page


# Files


async def test_a_page_names_every_script_and_style_in_this_version(house: HubHarness) -> None:
    page = (await house.get("/")).raw.decode()
    named = re.findall(r'(?:href|src)="(static/(?:css|js|vendor|i18n|apps)/[^"]+)"', page)
    assert len(named) > 5
    for path in named:
        file = await house.get(f"/{path}")
        assert file.status == 200, path
        assert "immutable" in file.headers["Cache-Control"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_what_a_page_is_drawn_by_fits_a_browsers_six_connections(house: HubHarness, address: str) -> None:
    """Over HTTP/1.1 a seventh file waits for another one's end: half a second on Slow 4G."""
    page = (await house.get(address)).raw.decode()
    styles = re.findall(r'<link rel="stylesheet"', page)
    blocking = re.findall(r'<script src="', page)
    preloads = re.findall(r'<link rel="(?:module)?preload"', page)
    assert (len(styles), len(blocking)) == (1, 1)
    assert len(styles) + len(blocking) + len(preloads) <= 6
    assert 'fetchpriority="high"' not in page  # a picture would take the place of one of them


async def test_the_menus_page_needs_few_bytes_before_its_first_dish(house: HubHarness) -> None:
    """At 90 KB, half a second of the time on Slow 4G is the line's; the limit leaves little room for growth."""
    page = (await house.get("/")).raw.decode()
    named = re.findall(r'<(?:link rel="(?:stylesheet|preload|modulepreload)"|script)[^>]* (?:href|src)="([^"]+)"', page)
    assert "api/menu" in named
    sizes = {}
    for path in {"", *named}:
        headers = {"Accept-Encoding": "gzip", "Accept-Language": "es"}
        async with house.http.get(f"{house.url}/{path}", headers=headers, auto_decompress=False) as response:
            assert response.headers["Content-Encoding"] == "gzip", path
            sizes[path] = len(await response.read())
    assert sum(sizes.values()) < 85_000, sizes


def test_a_page_with_several_styles_and_scripts_gets_one_of_each_in_their_order() -> None:
    html = """<head>
  <link rel="stylesheet" href="static/css/a.css">
  <link rel="icon" href="static/favicon.svg">
  <link rel="stylesheet" href="static/css/b.css">
  <script src="static/js/c.js"></script>
  <script src="static/js/d.js"></script>
  <script type="module" src="static/js/pages/e.js"></script>
</head>"""
    joined = join_head("menu.html", html, {"css/a.css": b"1", "css/b.css": b"2", "js/c.js": b"3", "js/d.js": b"4"})
    assert joined.files == {"css/menu.bundle.css": b"1\n2", "js/menu.head.js": b"3\n4"}
    assert (
        joined.html
        == """<head>
  <link rel="stylesheet" href="static/css/menu.bundle.css">
  <link rel="icon" href="static/favicon.svg">
  <script src="static/js/menu.head.js"></script>
  <script type="module" src="static/js/pages/e.js"></script>
</head>"""
    )


def test_a_bundle_has_no_line_that_is_only_a_comment_and_loses_nothing_else() -> None:
    script = linked(
        page="""/** What this is. */

// More about it.
import { two } from "./two.js";

/**
 * Several lines
 * @param {string} url
 */
const url = "http://a"; // stays
//
console.log(`${url} // stays too`, two);
""",
        two="/** Two. */\nexport const two = 2;\n",
    )
    assert "What this is" not in script
    assert "More about it" not in script
    assert "@param" not in script
    assert run(script) == "http://a // stays too 2"


async def test_a_file_of_another_version_is_not_there_so_that_versions_never_mix(house: HubHarness) -> None:
    assert (await house.get("/static/js/root.js?v=another")).status == 404


async def test_a_file_without_a_version_is_asked_for_again_and_costs_nothing_if_it_is_the_same(
    house: HubHarness,
) -> None:
    file = await house.get("/static/css/base.css")
    assert file.headers["Cache-Control"] == "no-cache"
    again = await house.get("/static/css/base.css", headers={"If-None-Match": file.headers["ETag"]})
    assert (again.status, again.raw) == (304, b"")


async def test_a_file_is_compressed_for_those_who_can_read_that(house: HubHarness) -> None:
    plain = await house.get("/static/js/root.js", headers={"Accept-Encoding": "identity"})
    async with house.http.get(
        f"{house.url}/static/js/root.js", headers={"Accept-Encoding": "gzip"}, auto_decompress=False
    ) as response:
        packed = await response.read()
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["ETag"] != plain.headers["ETag"]
    assert gzip.decompress(packed) == plain.raw
    assert len(packed) < len(plain.raw)


async def test_the_service_worker_is_asked_for_each_time_and_knows_its_version(house: HubHarness) -> None:
    worker = await house.get("/sw.js")
    assert worker.headers["Cache-Control"] == "no-cache"
    assert worker.headers["Content-Type"].startswith("text/javascript")
    page = await house.get("/")
    assert f'VERSION = "{page.headers["Comanda-Version"]}"' in worker.raw.decode()


async def test_a_service_worker_that_is_switched_off_takes_itself_away(open_hub: Open) -> None:
    async with open_hub(service_worker=False) as house:
        assert "unregister" in (await house.get("/sw.js")).raw.decode()


# Languages


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({}, "es"),
        ({"Accept-Language": "en-GB,en;q=0.9"}, "en"),
        ({"Accept-Language": "de,es;q=0.3,en;q=0.7"}, "en"),
        ({"Accept-Language": "de-AT"}, "es"),
        ({"Accept-Language": "en;q=0"}, "es"),
        ({"Accept-Language": "en;q=much,;,"}, "es"),
        ({"Accept-Language": "en", "Cookie": "lang=es"}, "es"),
        ({"Accept-Language": "es", "Cookie": "lang=en"}, "en"),
        ({"Accept-Language": "en", "Cookie": "lang=xx"}, "en"),
    ],
)
async def test_a_page_comes_in_the_visitors_language(house: HubHarness, asked: dict[str, str], language: str) -> None:
    page = await house.get("/kitchen", headers=asked)
    assert page.headers["Content-Language"] == language
    assert f'<html lang="{language}">' in page.raw.decode()
    assert {"es": ">Cocina · ", "en": ">Kitchen · "}[language] in page.raw.decode()
    assert {"Accept-Language", "Cookie"} <= {name.strip() for name in page.headers["Vary"].split(",")}


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("app", APPS)
async def test_each_place_of_work_is_an_application_of_its_own(house: HubHarness, app: str, language: str) -> None:
    page = (await house.get(f"/{APPS[app]}", headers={"Accept-Language": language})).raw.decode()
    named = re.search(r'rel="manifest" href="([^"]+)"', page)
    assert named
    manifest = (await house.get(f"/{named[1]}")).body
    assert (manifest["start_url"], manifest["lang"]) == (f"../../{APPS[app]}", language)


def test_texts_are_put_into_elements_and_attributes_and_cannot_break_out_of_them() -> None:
    page = '<html lang="es"><b data-i18n="a">x</b><i data-i18n-attr="title:b;alt:c" title="x" alt="y"></i>'
    texts = {"a": "1 < 2", "b": 'say "hi"', "c": "z"}
    assert translated(page, "en", texts) == (
        '<html lang="en"><b data-i18n="a">1 &lt; 2</b>'
        '<i data-i18n-attr="title:b;alt:c" title="say &quot;hi&quot;" alt="z"></i>'
    )


# Errors


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nada", "GET", 404), ("/nada/de/nada", "GET", 404), ("/", "POST", 405)]
)
async def test_a_person_sees_a_page_and_a_program_json(house: HubHarness, path: str, method: str, status: int) -> None:
    seen = await house.ask(method, path, headers=PERSON | {"Accept-Language": "en"})
    assert (seen.status, seen.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert f'data-status="{status}"' in seen.raw.decode()
    assert '<html lang="en">' in seen.raw.decode()
    assert "{{" not in seen.raw.decode()
    for heads in ({}, {"Accept": "application/json"}, {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}):
        program = await house.ask(method, path, headers=heads)
        assert program.status == status
        assert program.body["ok"] is False


async def test_a_person_who_asks_too_often_sees_when_the_page_comes_back(open_hub: Open) -> None:
    async with open_hub(requests_s=0.25, requests_burst=1) as house:
        assert (await house.get("/", headers=PERSON)).status == 200
        refused = await house.get("/", headers=PERSON)
        assert refused.status == 429
        wait_s = int(refused.headers["Retry-After"])
        assert f'data-retry-s="{wait_s}"' in refused.raw.decode()
        assert (await house.get("/")).body["error"]["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("target", "more"),
    [("/t/" + "x" * 9_000, ""), ("/", f"Cookie: lang=en; big={'x' * 9_000}\r\n")],
    ids=["address", "cookie"],
)
@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_person_whose_request_is_too_long_sees_a_page_and_a_program_json(
    house: HubHarness, target: str, more: str, pieces: int
) -> None:
    for accept, kind in (("text/html,*/*", "text/html"), ("application/json", "application/json")):
        head = f"GET {target} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\nAccept-Language: en\r\n{more}\r\n"
        answer = await spoken(house, head.encode(), pieces)
        assert answer.split(b" ")[1] == b"431"
        assert f"Content-Type: {kind}".encode() in answer
        assert b"Content-Security-Policy: default-src 'self'" in answer
        page, body = kind == "text/html", answer.partition(b"\r\n\r\n")[2]
        assert (b'data-status="431"' in body, b'"code":"too_large"' in body.replace(b" ", b"")) == (page, not page)
        assert (b'<html lang="en">' in body, b'href="/static/css/base.css?v=' in body) == (page, page)


async def spoken(house: HubHarness, request: bytes, pieces: int) -> bytes:
    """Send a request in pieces of 40 bytes and a last one with the rest; return the whole answer."""
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for number in range(pieces - 1):
        writer.write(request[number * 40 : number * 40 + 40])
        await writer.drain()
        await house.get("/healthz")  # the hub has read it: it reads what came before it
    writer.write(request[(pieces - 1) * 40 :])
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_person_whose_form_is_too_large_sees_a_page(house: HubHarness) -> None:
    async with house.http.post(f"{house.url}/api/orders", data=b"x" * 200_000, headers=PERSON) as seen:
        assert (seen.status, seen.content_type) == (413, "text/html")
        assert 'data-status="413"' in await seen.text()


async def test_a_person_sees_a_page_also_when_redis_is_away_or_the_hub_has_a_fault(
    house: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[tuple[Exception, int]] = [(Unavailable("Redis does not answer"), 503), (RuntimeError("broken"), 500)]
    token = house.token()
    for fault, status in faults:

        async def failing(*_: Any, _fault: Exception = fault, **__: Any) -> Any:
            raise _fault

        with monkeypatch.context() as patch:
            patch.setattr(house.hub.branch.log.calls, "_call", failing)
            seen = await house.get("/api/orders/PED222222", headers=PERSON | {"Authorization": f"Bearer {token}"})
        assert seen.status == status
        assert f'data-status="{status}"' in seen.raw.decode()


async def test_the_files_of_an_error_page_are_found_from_any_depth(house: HubHarness) -> None:
    page = (await house.get("/a/b/c", headers=PERSON)).raw.decode()
    assert 'href="../../static/css/base.css' in page


async def test_the_page_for_no_line_can_be_had_in_both_languages(house: HubHarness) -> None:
    for language in ("es", "en"):
        page = (await house.get(f"/static/offline.{language}.html")).raw.decode()
        assert f'<html lang="{language}">' in page
        assert set(re.findall(r"\{\{\w+\}\}", page)) == {"{{root}}"}
