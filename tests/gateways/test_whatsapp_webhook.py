"""The webhook of WhatsApp: Meta verifies it, signs what it sends, and gets its answer before anything is done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.config import Settings
from hub.gateways.ingest.whatsapp import MAX_BODY_BYTES
from hub.outbound.whatsapp_inbox.inbox_reader import build_inbox_reader
from hub.store.inbox_stream import InboxBounds, InboxStream
from hub.store.outbound_stream import START
from tests.gateways.conftest import Open
from tests.support.hub_harness import HubHarness
from tests.support.whatsapp_harness import Outbox, Statuses
from tests.support.whatsapp_payloads import (
    ANA,
    APP_SECRET,
    VERIFY_TOKEN,
    WHATSAPP_SETTINGS,
    payload,
    signature,
    signed,
    text,
)

WEBHOOK = "/webhooks/whatsapp"


def inbox_of(house: HubHarness) -> InboxStream:
    log = house.hub.branch.log
    return InboxStream(log.calls, log.keys, "whatsapp")


async def kept(house: HubHarness) -> list[str]:
    return [entry.body for entry in await inbox_of(house).read(START, 100)]


@pytest.fixture
async def meta(open_hub: Open) -> Any:
    """A hub that Meta knows."""
    async with open_hub(**WHATSAPP_SETTINGS) as opened:
        yield opened


def asked(**changes: str) -> str:
    query = {"mode": "subscribe", "verify_token": VERIFY_TOKEN, "challenge": "1158201444", **changes}
    return WEBHOOK + "?" + "&".join(f"hub.{name}={value}" for name, value in query.items()).replace(" ", "%20")


async def test_meta_gets_its_challenge_back_for_the_right_token(meta: HubHarness) -> None:
    answer = await meta.get(asked())
    assert (answer.status, answer.raw) == (200, b"1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"verify_token": "another"}, 403, "forbidden"),
        ({"verify_token": ""}, 403, "forbidden"),
        ({"verify_token": "%ED%A0%80"}, 403, "forbidden"),
        ({"mode": "unsubscribe"}, 403, "forbidden"),
        ({"challenge": "<script>"}, 400, "bad_request"),
        ({"challenge": ""}, 400, "bad_request"),
    ],
)
async def test_nobody_else_gets_an_echo(meta: HubHarness, changes: dict[str, str], status: int, code: str) -> None:
    answer = await meta.get(asked(**changes))
    assert (answer.status, answer.code) == (status, code)


async def test_a_signed_payload_is_kept_as_it_came_and_answered_at_once(meta: HubHarness) -> None:
    raw, headers = signed(payload(text("1", "¿Qué hay? 🌮")))
    assert (await meta.post(WEBHOOK, raw=raw, headers=headers)).status == 200
    assert await kept(meta) == [raw.decode()]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        signature(b"another body"),  # replayed on this one
        signature(json.dumps(payload(text("1", "hola"))).encode(), "another secret"),
        signature(json.dumps(payload(text("1", "hola"))).encode(), "").upper(),
        "sha256=" + "é" * 64,
    ],
)
async def test_what_is_not_signed_is_refused_and_nothing_is_written(meta: HubHarness, header: str | None) -> None:
    before = await meta.position()
    raw = json.dumps(payload(text("1", "hola"))).encode()
    answer = await meta.post(WEBHOOK, raw=raw, headers={} if header is None else {"X-Hub-Signature-256": header})
    assert (answer.status, answer.code) == (401, "unauthorized")
    assert await kept(meta) == []
    assert await meta.position() == before


async def test_a_signature_is_of_the_raw_body_not_of_what_it_says(meta: HubHarness) -> None:
    said = payload(text("1", "hola"))
    _, headers = signed(said)
    spaced = json.dumps(said, indent=1).encode()
    assert (await meta.post(WEBHOOK, raw=spaced, headers=headers)).status == 401
    assert await kept(meta) == []


@pytest.mark.parametrize("raw", [b"", b"not json", b'{"entry": 1}', b"[]"])
async def test_what_is_signed_is_taken_before_it_is_read(meta: HubHarness, raw: bytes) -> None:
    assert (await meta.post(WEBHOOK, raw=raw, headers={"X-Hub-Signature-256": signature(raw)})).status == 200


async def test_a_signed_body_that_is_no_text_is_refused(meta: HubHarness) -> None:
    raw = b"\xff\xfe{}"
    answer = await meta.post(WEBHOOK, raw=raw, headers={"X-Hub-Signature-256": signature(raw)})
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # of the test's own client
async def test_a_body_of_five_megabytes_is_too_large_and_one_of_metas_size_is_not(meta: HubHarness) -> None:
    large = b"x" * (5 * 1024 * 1024)
    answer = await meta.post(WEBHOOK, raw=large, headers={"X-Hub-Signature-256": signature(large)})
    assert (answer.status, answer.code) == (413, "too_large")
    assert await kept(meta) == []
    largest = b"x" * MAX_BODY_BYTES
    assert (await meta.post(WEBHOOK, raw=largest, headers={"X-Hub-Signature-256": signature(largest)})).status == 200


async def test_a_full_inbox_asks_meta_to_come_again(meta: HubHarness) -> None:
    log = meta.hub.branch.log
    await log.calls.call("SET", log.keys.inbox_bytes("whatsapp"), InboxBounds().size_bytes)
    raw, headers = signed(payload(text("1", "hola")))
    answer = await meta.post(WEBHOOK, raw=raw, headers=headers)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert await kept(meta) == []


async def test_a_hub_without_whatsapp_has_nothing_there(house: HubHarness) -> None:
    raw, headers = signed(payload(text("1", "hola")))
    for answer in (await house.get(asked()), await house.post(WEBHOOK, raw=raw, headers=headers)):
        assert (answer.status, answer.code) == (404, "not_found")


async def test_guessing_costs_the_address_and_meta_is_not_held_to_one(open_hub: Open) -> None:
    raw, headers = signed(payload(text("1", "hola")))
    async with open_hub(**WHATSAPP_SETTINGS, requests_s=0.001, requests_burst=3) as meta:
        for _ in range(20):
            assert (await meta.post(WEBHOOK, raw=raw, headers=headers)).status == 200
        guesses = [(await meta.post(WEBHOOK, raw=raw, headers={"X-Hub-Signature-256": "x"})).status for _ in range(5)]
        assert guesses == [401, 401, 401, 429, 429]
        assert (await meta.post(WEBHOOK, raw=raw, headers=headers)).status == 200


async def test_payloads_are_counted_by_what_became_of_them(meta: HubHarness) -> None:
    raw, headers = signed(payload(text("1", "hola")))
    await meta.post(WEBHOOK, raw=raw, headers=headers)
    await meta.post(WEBHOOK, raw=raw)
    metrics = (await meta.get("/metrics", token=meta.token())).raw.decode()
    assert 'comanda_whatsapp_payloads_total{outcome="taken"} 1.0' in metrics
    assert 'comanda_whatsapp_payloads_total{outcome="unsigned"} 1.0' in metrics
    assert "comanda_whatsapp_payloads_waiting 1.0" in metrics
    assert APP_SECRET not in metrics


async def test_the_same_payload_five_times_at_two_hubs_has_one_effect(open_hub: Open) -> None:
    raw, headers = signed(payload(text("1", "hola"), text("2", "¿qué tacos tienen?")))
    async with open_hub(**WHATSAPP_SETTINGS) as one, open_hub(**WHATSAPP_SETTINGS) as other:
        for hub in (one, other, one, other, one):
            assert (await hub.post(WEBHOOK, raw=raw, headers=headers)).status == 200
        services, outbox = one.hub.branch.services, Outbox()
        settings = Settings(_env_file=None, **WHATSAPP_SETTINGS)
        reader = build_inbox_reader(services, settings, outbox, Statuses(), "reader")
        while entries := await inbox_of(one).read(START, 2):
            await reader.take(entries)
        number = await services.whatsapp.get(ANA)
        assert number is not None
        said = [json.loads(entry.body) for entry in await services.log.read(f"chat:{number.chat_id}", 0, limit=100)]
        messages = [event["data"]["text"] for event in said if event["type"] == "chat.message"]
        assert messages == ["hola", "¿qué tacos tienen?"]
        assert outbox.sent == []
