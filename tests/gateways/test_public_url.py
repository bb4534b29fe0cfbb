"""A hub that knows its public address: links, OpenAPI, origins, requests below a path, and a word about wrong links."""

from __future__ import annotations

from typing import Any

import pytest

from hub.config import Settings
from hub.gateways.public_url_watch import OTHER_URL
from hub.store.warnings import WarningBoard
from tests.gateways.conftest import Open
from tests.support.hub_harness import HubHarness, an_order

SITE = "https://example.org/tacos"


@pytest.mark.parametrize(
    ("url", "origin", "prefix"),
    [
        ("", "", ""),
        ("https://tacos.example", "https://tacos.example", ""),
        ("http://tacos.example:8080/", "http://tacos.example:8080", ""),
        (f"{SITE}/", "https://example.org", "/tacos"),
        ("https://[2001:db8::1]/a/b", "https://[2001:db8::1]", "/a/b"),
    ],
)
def test_an_address_has_an_origin_and_perhaps_a_path(url: str, origin: str, prefix: str) -> None:
    settings = Settings(_env_file=None, public_url=url)
    assert (settings.public_origin, settings.path_prefix) == (origin, prefix)


@pytest.mark.parametrize(
    "url", ["tacos.example", "ftp://x", "https://x/?a", "https://u:p@x/", "https://x//y", "https://"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write an address like"):
        Settings(_env_file=None, public_url=url)


async def placed(house: HubHarness, **headers: str) -> dict[str, Any]:
    async with house.http.post(f"{house.url}/api/orders", json=an_order(), headers=headers) as response:
        assert response.status == 201
        data: dict[str, Any] = (await response.json())["data"]
        return data


async def test_links_and_openapi_name_the_whole_address(open_hub: Open) -> None:
    async with open_hub(public_url=SITE) as house:
        tracking = (await placed(house))["tracking"]
        assert tracking["url"] == f"{SITE}/t/{tracking['token']}"
        async with house.http.get(f"{house.url}/openapi.json") as response:
            assert (await response.json())["servers"] == [{"url": SITE}]


async def test_without_an_address_links_are_paths(house: HubHarness) -> None:
    tracking = (await placed(house))["tracking"]
    assert tracking["url"] == f"/t/{tracking['token']}"
    async with house.http.get(f"{house.url}/openapi.json") as response:
        assert "servers" not in await response.json()


async def test_the_sites_own_pages_may_write_though_a_proxy_has_replaced_the_host(open_hub: Open) -> None:
    async with open_hub(public_url=SITE) as house:
        await placed(house, Origin="https://example.org")
        async with house.http.post(
            f"{house.url}/api/orders", json=an_order(), headers={"Origin": "https://evil.example"}
        ) as response:
            assert response.status == 403


@pytest.mark.parametrize("prefix", ["", "/tacos"], ids=["taken away", "passed on"])
async def test_a_proxy_may_pass_the_path_on_or_take_it_away(open_hub: Open, prefix: str) -> None:
    async with open_hub(public_url=SITE) as house:
        site = house.url + prefix
        for path in ("/", "/kitchen", "/static/js/root.js", "/api/menu?x=1", "/readyz"):
            async with house.http.get(site + path) as response:
                assert response.status == 200, path
        async with house.http.ws_connect(f"{site}/socket.io/?EIO=4&transport=websocket") as socket:
            assert (await socket.receive_str()).startswith("0{")
        async with house.http.get(
            f"{site}/api/rooms/promos/events", headers={"Accept": "text/event-stream"}
        ) as response:
            assert await response.content.readline()


async def test_the_bare_path_leads_to_the_one_with_a_slash(open_hub: Open) -> None:
    async with open_hub(public_url=SITE) as house:
        async with house.http.get(f"{house.url}/tacos", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (308, "/tacos/")
        async with house.http.get(f"{house.url}/tacosaurus") as response:
            assert response.status == 404


@pytest.mark.parametrize(
    ("headers", "differs"),
    [
        ({"Host": "example.org", "X-Forwarded-Proto": "https"}, ""),
        ({"Host": "example.org:443", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/tacos/"}, ""),
        ({"Host": "inner:8080", "X-Forwarded-Host": "example.org", "X-Forwarded-Proto": "https"}, ""),
        ({"Host": "192.168.1.5:8080"}, ""),
        ({"Host": "localhost:8080"}, ""),
        ({"Host": "example.org"}, "http://example.org/tacos"),
        ({"Host": "tacos.example", "X-Forwarded-Proto": "https"}, "https://tacos.example/tacos"),
        (
            {"Host": "example.org", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/other"},
            "https://example.org/other",
        ),
    ],
)
async def test_pages_opened_at_another_address_are_told_to_the_doctor(
    open_hub: Open, headers: dict[str, str], differs: str
) -> None:
    async with open_hub(public_url=SITE, trusted_proxies=("127.0.0.1",)) as house:
        async with house.http.get(f"{house.url}/", headers=headers) as response:
            assert response.status == 200
        await house.hub.gateways.look()
        noticed = await WarningBoard(house.hub.branch.log.calls, house.hub.branch.log.keys).read(OTHER_URL)
        expected = (
            f"customers open pages at {differs}, and links lead to {SITE} (COMANDA_PUBLIC_URL)" if differs else None
        )
        assert noticed == expected


async def test_a_stranger_cannot_claim_another_address(open_hub: Open) -> None:
    async with open_hub(public_url=SITE) as house:
        claims = {"Host": "127.0.0.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        async with house.http.get(f"{house.url}/", headers=claims):
            await house.hub.gateways.look()
        assert await WarningBoard(house.hub.branch.log.calls, house.hub.branch.log.keys).read(OTHER_URL) is None
