"""Tokens, roles and PINs at the HTTP gateway."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now
from tests.support.hub_harness import BRANCH, SECRET, SKU

if TYPE_CHECKING:
    from tests.support.hub_harness import HubHarness


def unsigned(token: str) -> str:
    """The same claims, by the algorithm "none"."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    return f"{header}.{token.split('.')[1]}."


def promoted(token: str) -> str:
    """Other claims under the same signature."""
    head, claims, mac = token.split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**read, "roles": ["manager"]}).encode()).decode().rstrip("=")
    return f"{head}.{forged}.{mac}"


def foreign(secret: bytes = b"another hub's secret altogether", branch: str = BRANCH) -> str:
    who = Principal(Kind.SERVICE, id="x", name="x", roles=frozenset({Role.MANAGER}))
    return Tokens(secret, branch).issue(who, utc_now(), timedelta(hours=1))


def test_the_forgeries_are_of_the_tokens_shape() -> None:
    assert unsigned(foreign()).count(".") == promoted(foreign()).count(".") == 2


@pytest.mark.parametrize(
    "kind", ["expired", "unsigned", "promoted", "foreign", "other-branch", "raw-secret", "short", "words", "half"]
)
async def test_a_token_that_is_not_good_is_unauthorized_everywhere(house: HubHarness, kind: str) -> None:
    kitchen = house.token("kitchen")
    claims = jwt.decode(kitchen, options={"verify_signature": False})
    token = {
        "expired": house.token(ttl=timedelta(seconds=-1)),
        "unsigned": unsigned(kitchen),
        "promoted": promoted(kitchen),
        "foreign": foreign(),
        "other-branch": foreign(SECRET, "norte"),
        "raw-secret": jwt.encode(claims, SECRET, algorithm="HS256"),
        "short": "a.b.c",
        "words": "let me in",
        "half": kitchen[: len(kitchen) // 2],
    }[kind]
    position = await house.position()
    for method, path in (
        ("GET", "/api/menu"),
        ("GET", "/api/orders"),
        ("POST", "/api/promos"),
        ("GET", "/api/rooms/kitchen/events"),
        ("GET", "/ws"),
    ):
        answer = await house.ask(method, path, token=token)
        assert (answer.status, answer.code) == (401, "unauthorized"), (kind, path)
    assert await house.position() == position


async def test_a_token_for_one_order_that_was_changed_opens_nothing(house: HubHarness) -> None:
    mine, other = await house.placed(), await house.placed()
    id, mac = mine["tracking"]["token"].split(".")
    stolen = f"{other['order']['id']}.{mac}"
    for token in (stolen, f"{id}.{mac[:-1]}", f"{id}.{mac}A", f"{id}.{mac.swapcase()}", f"{id}.", f".{mac}"):
        answer = await house.get(f"/api/orders/{token.split('.')[0] or id}", token=token)
        assert (answer.status, answer.code) == (401, "unauthorized"), token
        answer = await house.get(f"/api/orders/{other['order']['id']}?token={token}")
        assert (answer.status, answer.code) == (404, "not_found"), token


async def test_anothers_order_looks_like_one_that_there_is_not(house: HubHarness) -> None:
    mine, other = await house.placed(), (await house.placed())["order"]["id"]
    link = mine["tracking"]["token"]
    for path in ("/api/orders/{}", "/api/rooms/order:{}/events"):
        theirs = await house.get(path.format(other), token=link)
        nobodys = await house.get(path.format("PED999999"), token=link)
        assert (theirs.status, theirs.code) == (404, "not_found")
        assert theirs.raw.replace(other.encode(), b"") == nobodys.raw.replace(b"PED999999", b"")
    theirs = await house.post(f"/api/orders/{other}/cancel", {"reason": "x"}, token=link)
    nobodys = await house.post("/api/orders/PED999999/cancel", {"reason": "x"}, token=link)
    assert theirs.status == nobodys.status == 404
    assert theirs.raw.replace(other.encode(), b"") == nobodys.raw.replace(b"PED999999", b"")


FOR_STAFF: list[tuple[str, str, Any]] = [
    ("GET", "/api/orders", None),
    ("GET", "/api/staff", None),
    ("GET", "/api/rooms/kitchen/events", None),
    ("GET", "/api/rooms/floor/events", None),
    ("POST", "/api/promos", {"title": "x", "message": "y"}),
    ("POST", "/api/stock", {"sku": SKU, "left": 3}),
]


@pytest.mark.parametrize(("method", "path", "body"), FOR_STAFF, ids=str)
async def test_what_is_for_staff_is_forbidden_to_others(house: HubHarness, method: str, path: str, body: Any) -> None:
    link = (await house.placed())["tracking"]["token"]
    position = await house.position()
    for token in ("", link):
        answer = await house.ask(method, path, body=body, token=token)
        assert (answer.status, answer.code) == (403, "forbidden")
    assert await house.position() == position


@pytest.mark.parametrize("action", ["advance", "recall", "delay", "acknowledge", "items", "courier"])
async def test_a_customer_moves_no_order_not_even_their_own(house: HubHarness, action: str) -> None:
    bodies = {
        "advance": {"to": "preparing"},
        "recall": {"reason": "x"},
        "delay": {"reason": "x", "minutes": 5},
        "acknowledge": {},
        "items": {"item": 1, "done": True},
        "courier": {"courier_id": "beto"},
    }
    placed = await house.placed()
    position = await house.position()
    path = f"/api/orders/{placed['order']['id']}/{action}"
    for token in ("", placed["tracking"]["token"]):
        answer = await house.post(path, bodies[action], token=token)
        assert (answer.status, answer.code) == (403, "forbidden")
    assert await house.position() == position


@pytest.mark.parametrize("role", ["kitchen", "courier", "support"])
async def test_promotions_are_the_managers(house: HubHarness, role: str) -> None:
    answer = await house.post("/api/promos", {"title": "x", "message": "y"}, token=house.token(role))
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_a_scheme_that_is_not_bearer_is_unauthorized(house: HubHarness) -> None:
    answer = await house.get("/api/menu", headers={"Authorization": "Basic Y2FybWVuOjEyMzQ="})
    assert (answer.status, answer.code) == (401, "unauthorized")


async def test_a_staff_token_is_no_good_in_an_address(house: HubHarness) -> None:
    answer = await house.get(f"/api/orders?token={house.token()}")  # addresses end up in logs
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_a_wrong_pin_is_slowed_down_and_the_right_one_is_kept_waiting_too(house: HubHarness) -> None:
    await house.hub.branch.services.staff.add("Carmen", [Role.MANAGER], "13572468")
    position = await house.position()
    codes, waits = [], []
    for number in range(6):
        answer = await house.post("/api/login", {"name": "Carmen", "pin": f"{number:04d}"})
        codes.append((answer.status, answer.code))
        if answer.status == 429:
            waits.append(int(answer.headers["Retry-After"]))
            assert 0 < answer.body["error"]["retry_after_s"] <= waits[-1]
    assert codes[0] == (401, "unauthorized")
    assert codes[-1] == (429, "rate_limited")
    assert waits
    right = await house.post("/api/login", {"name": "Carmen", "pin": "13572468"})
    assert (right.status, right.code) == (429, "rate_limited")
    assert await house.position() == position
    assert await house.healthy()


async def test_a_name_that_works_here_and_one_that_does_not_are_refused_alike(house: HubHarness) -> None:
    await house.hub.branch.services.staff.add("Carmen", [Role.MANAGER], "13572468")
    known = await house.post("/api/login", {"name": "Carmen", "pin": "0000"})
    unknown = await house.post("/api/login", {"name": "Nadie", "pin": "0000"})
    assert (known.status, known.code) == (401, "unauthorized")
    assert known.raw == unknown.raw


async def test_who_was_removed_is_out(house: HubHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = house.hub.branch.services.staff
    monkeypatch.setattr("hub.services.ttl_cache.FRESH_S", -1.0)
    await staff.add("Beto", [Role.KITCHEN], "24681357")
    token = (await house.post("/api/login", {"name": "Beto", "pin": "24681357"})).data["token"]
    assert (await house.get("/api/orders", token=token)).status == 200
    await staff.remove("Beto")
    answer = await house.get("/api/orders", token=token)
    assert (answer.status, answer.code) == (401, "unauthorized")
    again = await house.post("/api/login", {"name": "Beto", "pin": "24681357"})
    assert (again.status, again.code) == (401, "unauthorized")
