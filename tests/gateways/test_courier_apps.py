"""Traccar Client, OsmAnd and OwnTracks report to a hub, in the forms in which these apps send."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.domain.roles import Role
from hub.services.auth.tokens import TokenUse
from hub.services.build import utc_now
from tests.gateways.conftest import Open
from tests.support.hub_harness import SOON_S, Heard, HubHarness, an_order, plain

DAY = timedelta(days=1)
TRACCAR = "/ingest/osmand"
OWNTRACKS = "/ingest/owntracks"


class Phone:
    """A courier's phone, with the token that its app was set up with."""

    def __init__(self, house: HubHarness, token: str) -> None:
        self.house = house
        self.token = token

    async def query(self, **changes: Any) -> Heard:
        """Traccar Client up to 8: everything in the address of a POST without a body."""
        return await self.house.post(f"{TRACCAR}?{urlencode(self.fields(**changes))}")

    async def form(self, **changes: Any) -> Heard:
        raw = urlencode(self.fields(**changes)).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.house.post(TRACCAR, raw=raw, headers=headers)

    async def json(self, **changes: Any) -> Heard:
        """Traccar Client from 9 on."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        coords = {"latitude": 19.43, "longitude": -99.13, "accuracy": 8, "speed": 4.5, "heading": 270, "altitude": 2240}
        location = {
            "timestamp": at,
            "coords": {**coords, **changes},
            "is_moving": True,
            "odometer": 1234.5,
            "event": "motionchange",
            "battery": {"level": 0.85, "is_charging": False},
            "activity": {"type": "in_vehicle"},
            "extras": {},
            "_": f"&id={self.token}&lat=19.43&lon=-99.13&timestamp={at}&",
        }
        return await self.house.post(TRACCAR, {"location": location, "device_id": self.token})

    async def owntracks(self, **changes: Any) -> Heard:
        message = {
            "_type": "location",
            "lat": 19.43,
            "lon": -99.13,
            "tst": int(utc_now().timestamp()),
            "vel": 18,
            "cog": 90,
            "acc": 8,
            "batt": 41,
            "tid": "mi",
            "topic": "owntracks/miguel/phone",
        }
        return await self.house.post(OWNTRACKS, {**message, **changes}, headers=self.basic())

    def fields(self, **changes: Any) -> dict[str, Any]:
        sent = {
            "id": self.token,
            "timestamp": int(utc_now().timestamp()),
            "lat": 19.43,
            "lon": -99.13,
            "speed": 9.0,
            "bearing": 270.0,
            "altitude": 2240.0,
            "accuracy": 8.0,
            "batt": 85.0,
        }
        return {**sent, **changes}

    def basic(self) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"miguel:{self.token}".encode()).decode()}


async def hired(house: HubHarness, lasts: timedelta = DAY) -> Phone:
    staff = house.hub.branch.services.staff
    account = await staff.get("miguel") or await staff.add("Miguel", [Role.COURIER], "24681357")
    return Phone(house, await house.hub.branch.services.service_tokens.issue_for_courier(account, lasts))


@pytest.fixture
async def phone(house: HubHarness) -> Phone:
    return await hired(house)


async def on_the_road(house: HubHarness) -> dict[str, Any]:
    """An order that Miguel carries, with its link."""
    delivery = {"kind": "delivery", "address": "Regina 7, Centro", "lat": 19.43, "lon": -99.13}
    placed = await house.placed(**an_order(delivery=delivery))
    order_id = placed["order"]["id"]
    manager = house.token()
    answer = await house.post(f"/api/orders/{order_id}/courier", {"courier_id": "miguel"}, token=manager)
    assert answer.status == 200, answer.raw
    await house.advance(order_id, "preparing", "ready", "en_route")
    return placed


@pytest.mark.parametrize("form", ["query", "form", "json", "owntracks"])
async def test_a_position_reaches_the_page_of_the_customer(house: HubHarness, phone: Phone, form: str) -> None:
    placed = await on_the_road(house)
    token, order_id = placed["tracking"]["token"], placed["order"]["id"]
    async with await plain(house, token=token) as page:
        assert (await page.command("room.join", room=f"order:{order_id}", token=token))["ok"]
        answer = await getattr(phone, form)()
        assert answer.status == 200, answer.raw
        assert answer.body == ([] if form == "owntracks" else {"ok": True, "data": {"taken": 1, "ignored": 0}})
        while (moved := (await page.event())["event"])["type"] != "courier.moved":
            pass
    data = moved["data"]
    assert (data["order_id"], data["courier_id"], data["lat"], data["lon"]) == (order_id, "miguel", 19.43, -99.13)
    speed = {"query": 4.63, "form": 4.63, "json": 4.5, "owntracks": 5.0}[form]
    assert (data["accuracy_m"], data["speed_m_s"]) == (8.0, pytest.approx(speed))
    assert data["heading"] == (90 if form == "owntracks" else 270)


async def test_osmand_itself_asks_by_get(house: HubHarness, phone: Phone) -> None:
    answer = await house.get(f"{TRACCAR}?{urlencode(phone.fields(timestamp=utc_now().isoformat()))}")
    assert answer.data == {"taken": 1, "ignored": 0}
    assert (await house.ask("HEAD", TRACCAR)).status == 405


async def test_a_batch_is_taken_as_a_whole_and_what_cannot_be_read_is_counted(house: HubHarness, phone: Phone) -> None:
    now = utc_now().timestamp()
    batch = [
        phone.fields(timestamp=now - 600),
        phone.fields(timestamp=now - 20),
        phone.fields(timestamp=now - 10),
        phone.fields(lat=91),
        phone.fields(lat="north"),
        "nothing",
    ]
    answer = await house.post(TRACCAR, batch)
    assert answer.data == {"taken": 2, "ignored": 4, "reason": "stale"}
    metrics = (await house.get("/metrics", token=house.token())).raw.decode()
    assert 'comanda_positions_total{outcome="malformed"} 3.0' in metrics
    assert 'comanda_positions_total{outcome="taken"} 2.0' in metrics


@pytest.mark.parametrize(
    ("seconds", "reason"), [(-600, "stale"), (600, "future"), (315_360_000, "future"), (-1_000_000_000, "stale")]
)
async def test_a_position_of_another_time_is_accepted_and_ignored(phone: Phone, seconds: int, reason: str) -> None:
    at = int(utc_now().timestamp()) + seconds
    assert (await phone.query(timestamp=at)).data == {"taken": 0, "ignored": 1, "reason": reason}
    assert (await phone.query(timestamp=at * 1_000)).data["reason"] == reason
    assert (await phone.owntracks(tst=at)).body == []


async def test_a_position_a_thousand_kilometres_away_is_accepted_and_ignored(phone: Phone) -> None:
    now = utc_now().timestamp()
    assert (await phone.query(timestamp=now - 10)).data["taken"] == 1
    assert (await phone.query(timestamp=now - 5, lat=28.6)).data["reason"] == "too_fast"


WRONG: list[dict[str, Any]] = [
    {"lat": 91},
    {"lat": "nan"},
    {"lat": ""},
    {"lon": -180.5},
    {"lat": "1e999"},
    {"speed": 1_000},
    {"bearing": 400},
    {"timestamp": "yesterday"},
    {"timestamp": "9" * 39},
    {"timestamp": "T"},
    {"accuracy": "good"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_a_position_that_is_none_is_refused(phone: Phone, wrong: dict[str, Any]) -> None:
    before = await phone.house.position()
    for answer in (await phone.query(**wrong), await phone.form(**wrong)):
        assert (answer.status, answer.code) == (400, "bad_request"), answer.raw
    assert await phone.house.position() == before


@pytest.mark.parametrize(
    "body", [{"location": {}}, {"location": 7}, {"location": {"coords": []}}, [1] * 501, [], {}, "text", None]
)
async def test_a_body_that_is_no_position_is_never_an_error_of_the_hub(phone: Phone, body: Any) -> None:
    for path in (TRACCAR, OWNTRACKS):
        answer = await phone.house.post(path, raw=json.dumps(body).encode(), headers=phone.basic())
        assert answer.status in (200, 400), answer.raw
    assert (await phone.house.post(OWNTRACKS, raw=b"{", headers=phone.basic())).code == "bad_request"
    assert (await phone.house.post(TRACCAR, raw=b"[" * 20_000, headers=phone.basic())).code == "bad_request"
    assert (await phone.house.post(TRACCAR, raw=b"\xff=1", headers=phone.basic())).code == "bad_request"
    assert (await phone.house.post(TRACCAR, raw=b"x" * 70_000, headers=phone.basic())).code == "too_large"


@pytest.mark.parametrize("kind", ["transition", "waypoint", "lwt", "encrypted", "status", 7, None])
async def test_other_messages_of_owntracks_are_taken_and_do_nothing(phone: Phone, kind: Any) -> None:
    answer = await phone.owntracks(_type=kind, lat=91)
    assert (answer.status, answer.body) == (200, [])


async def test_an_empty_message_of_owntracks_is_ignored(house: HubHarness, phone: Phone) -> None:
    assert (await house.post(OWNTRACKS, raw=b"", headers=phone.basic())).body == []


async def test_without_a_good_token_nothing_is_taken(house: HubHarness, phone: Phone) -> None:
    services = house.hub.branch.services
    for token in ("", "x", "a.b", "a.b.c", house.token("courier"), phone.token[:-3]):
        stranger = Phone(house, token)
        for answer in (
            await stranger.query(),
            await stranger.form(),
            await stranger.json(),
            await stranger.owntracks(),
        ):
            assert (answer.status, answer.code) == (401, "unauthorized"), (token, answer.raw)
    account = await services.staff.named("Miguel")
    expired = house.tokens.issue(account.principal, utc_now() - DAY, DAY - timedelta(seconds=1), TokenUse.POSITIONS)
    assert (await Phone(house, expired).query()).code == "unauthorized"
    for header in ("Basic ?", "Basic", "Digest x", "Basic " + base64.b64encode(b"\xff").decode()):
        assert (await house.post(OWNTRACKS, {}, headers={"Authorization": header})).code == "unauthorized"
    assert (await services.service_tokens.list())[-1].roles == ("positions",)


async def test_the_token_of_a_phone_opens_nothing_else(house: HubHarness, phone: Phone) -> None:
    for path in ("/api/orders", "/api/staff", "/api/rooms/kitchen/events", "/api/menu", "/metrics"):
        assert (await house.get(path, token=phone.token)).code == "unauthorized"
    assert (await house.post("/api/logout", {}, token=phone.token)).code == "unauthorized"


async def test_a_token_ends_when_it_is_revoked(house: HubHarness, phone: Phone) -> None:
    tokens = house.hub.branch.services.service_tokens
    assert (await phone.query()).status == 200
    [listed] = await tokens.list()
    assert (listed.name, listed.roles) == ("Miguel", ("positions",))
    await tokens.revoke(listed.id)
    assert (await phone.query()).code == "unauthorized"


async def test_who_is_no_courier_any_more_reports_nothing(open_hub: Open) -> None:
    async with open_hub() as house:
        token = (await hired(house)).token
        await house.hub.branch.services.staff.set_roles("Miguel", [Role.KITCHEN])
        assert (await Phone(house, token).query()).code == "forbidden"
        account = await house.hub.branch.services.staff.named("Miguel")
        with pytest.raises(Exception, match="is no courier"):
            await house.hub.branch.services.service_tokens.issue_for_courier(account, DAY)


async def test_a_token_for_everything_is_no_token_of_a_phone(house: HubHarness, phone: Phone) -> None:
    account = await house.hub.branch.services.staff.named("Miguel")
    token = house.tokens.issue(account.principal, utc_now(), DAY, TokenUse.EVERYTHING)
    assert (await Phone(house, token).query()).code == "unauthorized"


async def test_each_phone_has_a_rate_of_its_own_whatever_its_address(open_hub: Open) -> None:
    async with open_hub(positions_s=0.001, positions_burst=2, requests_s=0.001, requests_burst=3) as house:
        first, second = await hired(house), await hired(house)
        assert [(await first.query()).status for _ in range(3)] == [200, 200, 429]
        assert [(await second.query()).status for _ in range(3)] == [200, 200, 429]
        assert (await house.get("/api/menu")).status == 200  # the address has its own


async def test_guessing_tokens_costs_the_address(open_hub: Open) -> None:
    async with open_hub(requests_s=0.001, requests_burst=3) as house:
        phone, stranger = await hired(house), Phone(house, "a.b.c")
        assert [(await stranger.query()).status for _ in range(4)] == [401, 401, 401, 429]
        assert (await house.get("/api/menu")).status == 429
        assert (await phone.query()).status == 200  # behind the same address


async def test_a_courier_moves_once_a_second_however_often_the_phone_reports(house: HubHarness, phone: Phone) -> None:
    placed = await on_the_road(house)
    token, order_id = placed["tracking"]["token"], placed["order"]["id"]
    now = utc_now().timestamp()
    async with await plain(house, token=token) as page:
        await page.command("room.join", room=f"order:{order_id}", token=token)
        # Both are taken while one pass is under way or none is: the newest of those that wait goes out.
        batch = [phone.fields(timestamp=now - 30 + second, lat=19.43 + second / 1e6) for second in range(20)]
        assert (await house.post(TRACCAR, batch)).data["taken"] == 20
        async with asyncio.timeout(SOON_S):
            while (moved := (await page.event())["event"])["type"] != "courier.moved":
                pass
    assert moved["data"]["lat"] == pytest.approx(19.43 + 19 / 1e6)
