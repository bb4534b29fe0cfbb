"""The pages' headers, and what may not be had through them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from yarl import URL

from hub.gateways.pages import PAGES, SERVICE_WORKER

if TYPE_CHECKING:
    from tests.support.hub_harness import HubHarness

ADDRESSES = [address.replace("{token}", "PED222222.abc") for address in PAGES]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_page_is_asked_for_again_and_runs_nobody_elses_code(house: HubHarness, address: str) -> None:
    page = await house.get(address)
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Cache-Control"] == "no-cache"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    again = await house.get(address, headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status, again.raw) == (304, b"")


@pytest.mark.parametrize("path", ["/api/menu", "/nowhere", "/api/orders", "/healthz", "/static/js/nothing.js"])
async def test_every_answer_has_the_safe_headers(house: HubHarness, path: str) -> None:
    headers = (await house.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pyproject.toml",
        "/static/%2e%2e/pyproject.toml",
        "/static/..%2fpyproject.toml",
        "/static/..%5cpyproject.toml",
        "/static/%2e%2e%2fhub%2fconfig.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/js/../../pyproject.toml",
        "/static/%00",
        "/static/",
        "/static/js",
        "/static/js/",
    ],
)
async def test_nothing_outside_the_folder_is_served_nor_what_it_holds(house: HubHarness, path: str) -> None:
    async with house.http.get(URL(house.url + path, encoded=True)) as response:
        assert response.status == 404
        raw = await response.read()
        assert json.loads(raw)["error"]["code"] == "not_found"


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in references(value)]
    return [ref for value in node for ref in references(value)] if isinstance(node, list) else []


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


async def test_the_openapi_document_names_every_call_of_the_app(house: HubHarness) -> None:
    document = (await house.get("/openapi.json")).body
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, calls in document["paths"].items() for method in calls}
    served = {
        (route.method, route.resource.canonical)
        for route in house.hub.app().router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    apart = {("GET", path) for path in (*PAGES, SERVICE_WORKER, "/static/{path}", "/ws")}
    assert served - apart == described


async def test_the_openapi_document_holds_together(house: HubHarness) -> None:
    document = (await house.get("/openapi.json")).body
    for reference in references(document):
        assert isinstance(resolve(document, reference), dict)
    for path, calls in document["paths"].items():
        in_path = {part.strip("{}") for part in path.split("/") if part.startswith("{")}
        for method, operation in calls.items():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == in_path, path
            assert operation["responses"], path
            # A browser's endpoint is an address, which no path can hold.
            with_body = method in ("post", "patch") or (path, method) == ("/api/push/subscriptions", "delete")
            assert ("requestBody" in operation) == with_body, path
            for scheme in operation.get("security", ()):
                assert set(scheme) <= set(document["components"]["securitySchemes"])


async def test_the_asyncapi_document_holds_together(house: HubHarness) -> None:
    document = (await house.get("/asyncapi.json")).body
    assert document["asyncapi"].startswith("3.")
    assert references(document)
    for reference in references(document):
        assert isinstance(resolve(document, reference), dict)
