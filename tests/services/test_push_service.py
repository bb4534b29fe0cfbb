"""The browsers that are told: whose they are, which services and keys are taken, and the branch's one key."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hub.config import Settings
from hub.core.errors import BadRequest, NotFound, RateLimited
from hub.domain import commands as cmd
from hub.domain.push import MAX_DEVICES, Device, Devices
from hub.domain.roles import ANONYMOUS
from hub.services.push_service import PushService
from hub.services.vapid_keys import VapidKeys
from tests.support.browser_keys import browser_keys
from tests.support.services_harness import MANAGER, Branch, customer_of

ENDPOINT = "https://fcm.googleapis.com/fcm/send/phone"


def subscribe(endpoint: str = ENDPOINT, **changes: Any) -> cmd.SubscribePush:
    return cmd.SubscribePush.model_validate({"endpoint": endpoint, "keys": browser_keys()} | changes)


def endpoints(devices: tuple[Device, ...]) -> list[str]:
    return [device.endpoint for device in devices]


async def test_a_browser_is_told_about_what_it_has_shown_the_token_of(branch: Branch) -> None:
    order_id, push = await branch.placed(), branch.wire.push
    await push.subscribe(customer_of(order_id), subscribe(lang="en"))
    await push.subscribe(MANAGER, subscribe(f"{ENDPOINT}-office"))
    assert [(device.endpoint, device.lang) for device in await push.of(f"order-{order_id}")] == [(ENDPOINT, "en")]
    assert endpoints(await push.of(f"person-{MANAGER.id}")) == [f"{ENDPOINT}-office"]
    with pytest.raises(NotFound):
        await push.subscribe(ANONYMOUS, subscribe())


async def test_a_browser_that_subscribes_again_has_one_place_and_its_newest_keys(branch: Branch) -> None:
    ana, push = customer_of(await branch.placed()), branch.wire.push
    newest = subscribe(command_id="the-second-time-of-two")
    await push.subscribe(ana, subscribe(command_id="the-first-time-of-two-"))
    await push.subscribe(ana, newest)
    (device,) = await push.of(f"order-{next(iter(ana.orders))}")
    assert device.p256dh == newest.keys.p256dh


async def test_a_browser_that_unsubscribes_or_is_gone_is_told_nothing_more(branch: Branch) -> None:
    ana, push = customer_of(await branch.placed()), branch.wire.push
    subject = f"order-{next(iter(ana.orders))}"
    for name in ("phone", "tablet", "laptop"):
        await push.subscribe(ana, subscribe(f"{ENDPOINT}-{name}"))
    await push.unsubscribe(ana, cmd.UnsubscribePush(endpoint=f"{ENDPOINT}-tablet"))
    await push.unsubscribe(ana, cmd.UnsubscribePush(endpoint=f"{ENDPOINT}-never"))
    await push.forget(subject, f"{ENDPOINT}-laptop")
    await push.forget(subject, f"{ENDPOINT}-laptop")
    assert endpoints(await push.of(subject)) == [f"{ENDPOINT}-phone"]


def test_past_the_most_devices_the_one_that_was_silent_for_longest_leaves() -> None:
    devices = Devices()
    for number in range(MAX_DEVICES):
        devices = devices.adding(Device(endpoint=str(number), p256dh="k", auth="a"))
    devices = devices.adding(devices.devices[0]).adding(Device(endpoint="new", p256dh="k", auth="a"))
    assert endpoints(devices.devices) == [*map(str, range(2, MAX_DEVICES)), "0", "new"]


def test_what_only_a_newer_hub_knows_of_a_browser_is_kept() -> None:
    newer = Device.model_validate({"endpoint": ENDPOINT, "p256dh": "k", "auth": "a", "model": "phone"})
    again = Devices(devices=(newer,)).adding(Device(endpoint=ENDPOINT, p256dh="k2", auth="a2"))
    assert again.devices[0].model_dump() == {
        "endpoint": ENDPOINT,
        "p256dh": "k2",
        "auth": "a2",
        "lang": "es",
        "model": "phone",
    }


async def test_an_order_placed_in_a_chat_is_told_where_the_chat_is(branch: Branch) -> None:
    order_id, push = await branch.placed(), branch.wire.push
    await push.subscribe(replace(ANONYMOUS, chats=frozenset({"c1"})), subscribe())
    await push.inherit(order_id, "c1")
    await push.inherit(order_id, "c2")
    assert endpoints(await push.of(f"order-{order_id}")) == [ENDPOINT]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://example.org/push",
        "https://fcm.googleapis.com.example.org/push",
        "http://fcm.googleapis.com/push",
        "https://127.0.0.1/push",
        "https://[::1]/push",
        "https://evil.org/?fcm.googleapis.com",
        "http://127.0.0.1:9001/push",
    ],
)
async def test_nothing_is_sent_to_a_service_that_the_hub_does_not_use(branch: Branch, endpoint: str) -> None:
    ana = customer_of(await branch.placed())
    with pytest.raises(BadRequest) as refused:
        await branch.wire.push.subscribe(ana, subscribe(endpoint))
    assert refused.value.values == {"field": "endpoint"}


async def test_an_address_among_the_services_is_meant_literally(branch: Branch) -> None:
    ana, settings = customer_of(await branch.placed()), Settings(_env_file=None)
    services = ("http://127.0.0.1:9000", "*.push.apple.com")
    push = PushService(branch.wire.log, settings.limits, branch.wire.push._digests, services)
    await push.subscribe(ana, subscribe("http://127.0.0.1:9000/one"))
    await push.subscribe(ana, subscribe("https://web.push.apple.com/two"))
    for endpoint in ("http://127.0.0.1:90001/one", "https://push.apple.com/two"):
        with pytest.raises(BadRequest):
            await push.subscribe(ana, subscribe(endpoint))


async def test_a_key_that_is_no_point_of_the_curve_is_refused(branch: Branch) -> None:
    ana = customer_of(await branch.placed())
    wrong = {"p256dh": "B" * 87, "auth": "a" * 22}
    with pytest.raises(BadRequest) as refused:
        await branch.wire.push.subscribe(ana, subscribe(keys=wrong))
    assert refused.value.values == {"field": "keys.p256dh"}


async def test_an_address_subscribes_so_often_an_hour(branch: Branch) -> None:
    most, push = Settings(_env_file=None).limits.notify_hour, branch.wire.push
    ana = replace(customer_of(await branch.placed()), address="203.0.113.7")
    for number in range(most):
        await push.subscribe(ana, subscribe(command_id=f"a-command-of-its-own-{number}"))
    with pytest.raises(RateLimited):
        await push.subscribe(ana, subscribe(command_id="one-too-many-by-this-address"))


async def test_hubs_that_start_at_once_have_one_key(branch: Branch) -> None:
    hubs = [VapidKeys(branch.wire.log, "mailto:hola@example.org") for _ in range(5)]
    (key,) = set(await asyncio.gather(*(hub.public_key() for hub in hubs)))
    point = urlsafe_b64decode(key + "=")
    assert len(point) == 65
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    assert await VapidKeys(branch.wire.log, "").public_key() == key


@pytest.mark.parametrize(
    ("contact", "public_url", "expected"),
    [
        ("mailto:hola@example.org", "https://tacos.example", "mailto:hola@example.org"),
        ("", "https://tacos.example", "https://tacos.example"),
        ("", "http://taqueria.lan", ""),
        ("", "", ""),
    ],
)
def test_a_push_service_is_told_whom_to_reach(contact: str, public_url: str, expected: str) -> None:
    settings = Settings(_env_file=None, push_contact=contact, public_url=public_url)
    assert settings.push_contact_address == expected
