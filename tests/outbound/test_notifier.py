"""Telling people who look at no page: whom, by what, when, in which words, and once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import Settings
from hub.core.errors import Forbidden
from hub.core.target_policy import TargetPolicy
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.notices import MAX_NOTICES
from hub.domain.notification_preferences import Channel
from hub.outbound.notifier import Notifier
from hub.outbound.safe_http import safe_http_client
from hub.outbound.web_push import WebPushSender
from hub.services.auth.digests import Digests
from hub.services.notice_service import NoticeService
from hub.services.promo_notices import PromoNotices
from hub.services.push_service import PushService
from hub.services.vapid_keys import VapidKeys
from hub.store.outbound_stream import START, OutboundStream, ReaderLease
from tests.support.push_service_standin import PushStandIn, push_standin
from tests.support.services_harness import KITCHEN_HAND, MANAGER, RIDER, SECRET, Branch, customer_of, open_branch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.browser_keys import Browser

SETTINGS = Settings(_env_file=None)
CONTACT = "mailto:hola@example.org"
ALL = [
    "order.preparing",
    "order.ready",
    "order.en_route",
    "order.delivered",
    "order.cancelled",
    "order.delayed",
    "notice.sent",
]


@dataclass
class Evening:
    """A branch whose notifier goes on step by step, by the branch's clock."""

    branch: Branch
    standin: PushStandIn
    push: PushService
    notices: NoticeService
    notifier: Notifier
    stream: OutboundStream
    cursor: str = START

    async def step(self, **turned: float) -> None:
        """Turn the clock, decide about all that has happened, and send what is due."""
        self.branch.clock.turn(**turned)
        events = await self.stream.read(self.cursor, 1_000)
        if events:
            self.cursor = events[-1].cursor
            await self.notifier.decide(events)
        await self.notifier.send_due()

    async def order(self, **preferences: Any) -> tuple[str, Browser]:
        """An order whose customer wants to be told of everything on a phone."""
        order_id = await self.branch.placed()
        phone = self.standin.browser(f"phone-{order_id}")
        wishes = {"types": ALL, "channels": ["page", "push"], **preferences}
        await self.branch.wire.notifications.set(customer_of(order_id), cmd.SetNotifications.model_validate(wishes))
        await self.subscribe(customer_of(order_id), phone)
        return order_id, phone

    async def subscribe(self, who: Any, phone: Browser) -> None:
        await self.push.subscribe(who, cmd.SubscribePush.model_validate(phone.subscription))

    def told(self, phone: Browser) -> list[str]:
        """What a phone has shown."""
        return [each.message["notification"]["body"] for each in self.standin.pushed.get(phone.endpoint, [])]

    async def states(self, order_id: str) -> list[tuple[str, str, str]]:
        shown = await self.notices.shown(MANAGER, order_id)
        return [(each.type, each.state, each.detail) for each in shown.notices]


@asynccontextmanager
async def opened(branch: Branch, timezone: str = SETTINGS.timezone) -> AsyncIterator[Evening]:
    log, clock = branch.log, branch.clock
    async with push_standin() as standin, safe_http_client(TargetPolicy(("http://127.0.0.1",))) as http:
        push = PushService(log, SETTINGS.limits, Digests(SECRET), (standin.url,))
        notices = NoticeService(log, SETTINGS, clock, timezone, frozenset({Channel.PUSH}))
        sender = WebPushSender(push, VapidKeys(log, CONTACT), http)
        stream = OutboundStream(log.calls, log.keys)
        lease = ReaderLease(log.calls, log.keys, "notifier", "test")
        promos = PromoNotices(log, notices, push, SETTINGS, clock, timezone, frozenset({Channel.PUSH}))
        services = branch.services
        notifier = Notifier(notices, promos, services.staff, services.links, stream, lease, [sender], clock)
        yield Evening(branch, standin, push, notices, notifier, stream)


@pytest.fixture
async def branch() -> AsyncIterator[Branch]:
    async with open_branch() as branch:
        yield branch


@pytest.fixture
async def evening(branch: Branch) -> AsyncIterator[Evening]:
    async with opened(branch) as evening:
        yield evening


async def test_a_step_is_told_when_it_can_no_longer_be_undone_and_once(evening: Evening) -> None:
    order_id, phone = await evening.order()
    await evening.branch.bring(order_id, OrderStatus.PREPARING)
    await evening.step(seconds=5.9)
    assert evening.told(phone) == []
    await evening.step(seconds=0.1)
    code = (await evening.branch.order(order_id)).code
    assert evening.told(phone) == [f"Tu pedido {code} está en la plancha."]
    evening.cursor = START  # a notifier that died comes to the same events again
    await evening.step(hours=1)
    assert len(evening.told(phone)) == 1
    assert await evening.states(order_id) == [("order.preparing", "sent", ""), ("order.unseen", "dropped", "undone")]
    tallies = {"push decided": 2, "push sent": 1, "push dropped": 1}  # each counted once, whatever was repeated
    assert await evening.branch.log.counts("notices") == tallies


async def test_a_message_says_who_sends_it_where_it_leads_and_how_long_it_is_worth(evening: Evening) -> None:
    order_id, phone = await evening.order()
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    (pushed,) = evening.standin.pushed[phone.endpoint]
    notification = pushed.message["notification"]
    assert pushed.message["web_push"] == 8030
    assert notification["title"] == "Está listo"
    assert notification["navigate"].startswith("/t/")
    assert (notification["lang"], notification["tag"]) == ("es", order_id)
    assert (pushed.ttl, pushed.urgency, pushed.topic, pushed.contact) == (3_600, "high", order_id, CONTACT)


async def test_a_step_that_was_taken_back_is_told_to_nobody(evening: Evening) -> None:
    order_id, phone = await evening.order()
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=3)
    await evening.branch.orders.recall(MANAGER, cmd.RecallOrder(order_id=order_id, reason="no"))
    await evening.step(seconds=10)
    assert evening.told(phone) == []
    assert ("order.ready", "dropped", "undone") in await evening.states(order_id)


async def test_a_newer_state_replaces_one_that_was_not_told_yet(evening: Evening) -> None:
    order_id, phone = await evening.order()
    await evening.branch.bring(order_id, OrderStatus.PREPARING)
    await evening.step(seconds=2)
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    assert len(evening.told(phone)) == 1
    assert "está listo" in evening.told(phone)[0]


async def test_in_quiet_hours_the_newest_state_waits_for_their_end(evening: Evening) -> None:
    """It is half past three in the afternoon; the person sleeps from two to three in the night, past midnight."""
    quiet = {"start": "15:00", "end": "01:00"}
    order_id, phone = await evening.order(quiet_hours=quiet)
    for status in (OrderStatus.PREPARING, OrderStatus.READY):
        await evening.branch.bring(order_id, status)
        await evening.step(minutes=30)
    assert evening.told(phone) == []
    await evening.step(hours=8, minutes=29)  # 00:59
    assert evening.told(phone) == []
    await evening.step(minutes=1)
    assert [text.partition(" ")[0] for text in evening.told(phone)] == ["Tu"]
    assert "está listo" in evening.told(phone)[0]
    await evening.step(hours=1)
    assert len(evening.told(phone)) == 1


async def test_what_a_person_chooses_meanwhile_counts_for_what_still_waits(evening: Evening) -> None:
    quiet = {"start": "15:00", "end": "20:00"}
    one, kept_quiet = await evening.order(quiet_hours=quiet)
    other, unwanted = await evening.order(quiet_hours=quiet)
    for order_id in (one, other):
        await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(minutes=1)
    for order_id, wishes in (
        (one, {"types": ALL, "channels": ["push"], "quiet_hours": {"start": "15:00", "end": "22:00"}}),
        (other, {"types": ["order.delivered"], "channels": ["push"]}),
    ):
        await evening.branch.wire.notifications.set(customer_of(order_id), cmd.SetNotifications.model_validate(wishes))
    await evening.step(hours=5)
    assert [evening.told(phone) for phone in (kept_quiet, unwanted)] == [[], []]
    assert ("order.ready", "dropped", "unwanted") in await evening.states(other)
    await evening.step(hours=2)
    assert [len(evening.told(phone)) for phone in (kept_quiet, unwanted)] == [1, 0]


async def test_a_service_that_asks_for_a_wait_into_the_quiet_hours_wakes_nobody(evening: Evening) -> None:
    order_id, phone = await evening.order(quiet_hours={"start": "15:40", "end": "20:00"})
    evening.standin.answers = [(503, {"Retry-After": "900"})]
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    await evening.step(minutes=15)
    assert evening.told(phone) == []
    await evening.step(hours=5)
    assert len(evening.told(phone)) == 1


async def test_people_are_told_what_they_chose_and_those_who_chose_nothing_by_no_phone(evening: Evening) -> None:
    chosen, phone = await evening.order(types=["order.delivered"])
    by_page, other = await evening.order(channels=["page"])
    for order_id in (chosen, by_page):
        await evening.branch.bring(order_id, OrderStatus.DELIVERED)
    await evening.step(seconds=6)
    assert len(evening.told(phone)) == 1
    assert evening.told(other) == []


async def test_a_reason_and_a_notice_of_staff_come_in_their_words_at_once(evening: Evening) -> None:
    order_id, phone = await evening.order()
    branch = evening.branch
    await branch.orders.delay(MANAGER, cmd.DelayOrder(order_id=order_id, minutes=15, reason="llueve"))
    await branch.wire.notifications.send(MANAGER, cmd.SendNotice(order_id=order_id, message="Traemos salsa extra"))
    await evening.step()
    delayed, notice = evening.told(phone)
    assert "unos 15 minutos más. llueve" in delayed
    assert notice == "Traemos salsa extra"


async def test_a_browser_in_english_is_told_in_english(evening: Evening) -> None:
    order_id, _ = await evening.order()
    phone = evening.standin.browser("english", "en")
    await evening.subscribe(customer_of(order_id), phone)
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    assert evening.told(phone)[0].endswith("is ready.")


async def test_a_browser_that_is_gone_is_forgotten(evening: Evening) -> None:
    order_id, phone = await evening.order()
    evening.standin.answers = [(410, {})]
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    assert await evening.push.of(f"order-{order_id}") == ()
    assert ("order.ready", "dropped", "gone") in await evening.states(order_id)
    assert evening.told(phone) == []


@pytest.mark.parametrize(("status", "headers", "wait"), [(429, {"Retry-After": "90"}, 90), (503, {}, 3)])
async def test_a_service_that_is_busy_is_asked_again_later(
    evening: Evening, status: int, headers: dict[str, str], wait: int
) -> None:
    order_id, phone = await evening.order()
    evening.standin.answers = [(status, headers)]
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    assert ("order.ready", "waiting", f"status_{status}") in await evening.states(order_id)
    await evening.step(seconds=wait)
    assert len(evening.told(phone)) == 1
    (_, shown, *_) = (await evening.notices.shown(MANAGER, order_id)).notices
    assert (shown.state, shown.tries) == ("sent", 2)


async def test_what_could_not_be_told_while_it_was_worth_it_is_given_up(evening: Evening) -> None:
    order_id, phone = await evening.order()
    evening.standin.answers = [(503, {"Retry-After": "3600"})] * 3
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    await evening.step(hours=1)
    assert ("order.ready", "failed", "expired") in await evening.states(order_id)
    assert evening.told(phone) == []


async def test_a_message_that_the_service_refuses_is_not_sent_again(evening: Evening) -> None:
    order_id, _ = await evening.order()
    evening.standin.answers = [(403, {})]
    await evening.branch.bring(order_id, OrderStatus.READY)
    await evening.step(seconds=6)
    await evening.step(hours=2)
    assert evening.standin.tries == 1
    assert ("order.ready", "failed", "status_403") in await evening.states(order_id)


async def test_an_endpoint_at_a_private_address_is_not_reached(branch: Branch) -> None:
    async with opened(branch) as evening, safe_http_client(TargetPolicy()) as strict:
        evening.notifier._senders = {Channel.PUSH: WebPushSender(evening.push, VapidKeys(branch.log, CONTACT), strict)}
        order_id, _ = await evening.order()
        await branch.bring(order_id, OrderStatus.READY)
        await evening.step(seconds=6)
        assert evening.standin.tries == 0
        assert ("order.ready", "failed", "address") in await evening.states(order_id)


async def test_an_order_that_nobody_has_seen_wakes_kitchen_and_manager(evening: Evening) -> None:
    phones = {}
    for who in (KITCHEN_HAND, MANAGER, RIDER):
        await evening.branch.hire(who)
        phones[who.id] = evening.standin.browser(who.id)
        await evening.subscribe(who, phones[who.id])
    unseen, seen = await evening.branch.placed(), await evening.branch.placed()
    await evening.branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=seen))
    await evening.step(seconds=119)
    assert not evening.standin.pushed
    await evening.step(seconds=1)
    code = (await evening.branch.order(unseen)).code
    for who in (KITCHEN_HAND, MANAGER):
        (text,) = evening.told(phones[who.id])
        assert f"Nadie ha visto el pedido {code}" in text
        (pushed,) = evening.standin.pushed[phones[who.id].endpoint]
        assert pushed.message["notification"]["navigate"] == "/kitchen"
    assert evening.told(phones[RIDER.id]) == []


async def publish(evening: Evening, title: str, **more: Any) -> None:
    command = cmd.PublishPromo.model_validate({"title": title, "message": "hoy", **more})
    await evening.branch.services.promos.publish(MANAGER, command)


def titles(evening: Evening, phone: Browser) -> list[str]:
    return [each.message["notification"]["title"] for each in evening.standin.pushed.get(phone.endpoint, [])]


async def test_promotions_go_to_those_who_asked_for_them_by_phone(evening: Evening) -> None:
    _, asked = await evening.order(types=["promo.published"])
    _, by_page = await evening.order(types=["promo.published"], channels=["page"])
    _, others = await evening.order()
    changed, no_more = await evening.order(types=["promo.published"])
    await evening.branch.wire.notifications.set(
        customer_of(changed), cmd.SetNotifications.model_validate({"types": ALL, "channels": ["push"]})
    )
    await publish(evening, "2x1")
    await evening.step()
    assert titles(evening, asked) == ["2x1"]
    assert [titles(evening, phone) for phone in (by_page, others, no_more)] == [[], [], []]
    (pushed,) = evening.standin.pushed[asked.endpoint]
    assert pushed.message["notification"]["navigate"] == "/"
    evening.cursor = START  # a notifier that died comes to the same event again
    await evening.step(hours=1)
    assert titles(evening, asked) == ["2x1"]


async def test_a_phone_gets_so_many_promotions_a_week_also_if_it_hangs_on_several_orders(evening: Evening) -> None:
    wishes = {"types": ["promo.published"]}
    _, phone = await evening.order(**wishes)
    second, _ = await evening.order(**wishes)
    await evening.subscribe(customer_of(second), phone)
    for number in range(4):
        await publish(evening, f"oferta {number}")
        await evening.step(minutes=1)
    assert titles(evening, phone) == ["oferta 0", "oferta 1"]


async def test_a_phone_that_shares_orders_with_others_gets_a_promotion_once(evening: Evening) -> None:
    """Of three phones, the middle one hangs on an order with each of the others."""
    wishes = {"types": ["promo.published"]}
    one, first = await evening.order(**wishes)
    other, last = await evening.order(**wishes)
    shared = evening.standin.browser("shared")
    for order_id in (one, other):
        await evening.subscribe(customer_of(order_id), shared)
    await publish(evening, "2x1")
    await evening.step()
    assert [titles(evening, phone) for phone in (first, shared, last)] == [["2x1"]] * 3


async def test_a_phone_that_changes_its_orders_before_a_promotion_is_decided_again_gets_it_once(
    evening: Evening,
) -> None:
    wishes = {"types": ["promo.published"]}
    one, phone = await evening.order(**wishes)
    await publish(evening, "2x1")
    await evening.step()
    other, _ = await evening.order(**wishes)
    await evening.subscribe(customer_of(other), phone)
    leave = cmd.UnsubscribePush.model_validate({"endpoint": phone.endpoint})
    await evening.push.unsubscribe(customer_of(one), leave)
    evening.cursor = START  # the notifier died before it had noted down how far it was
    await evening.step(minutes=1)
    assert titles(evening, phone) == ["2x1"]


async def test_a_phone_with_quiet_hours_at_one_of_its_orders_is_not_woken_by_another(evening: Evening) -> None:
    wishes = {"types": ["promo.published"]}
    _, phone = await evening.order(**wishes, quiet_hours={"start": "15:00", "end": "20:00"})
    loud, _ = await evening.order(**wishes)
    await evening.subscribe(customer_of(loud), phone)
    await publish(evening, "2x1")
    await evening.step(minutes=1)
    assert titles(evening, phone) == []
    await evening.step(hours=5)
    assert titles(evening, phone) == ["2x1"]


async def test_notices_that_still_wait_and_find_no_more_room_are_counted(evening: Evening) -> None:
    order_id, _ = await evening.order(quiet_hours={"start": "15:00", "end": "01:00"})
    send = evening.branch.wire.notifications.send
    for number in range(MAX_NOTICES + 2):
        await send(MANAGER, cmd.SendNotice(order_id=order_id, message=f"{number}"))
    await evening.step()
    counted = await evening.branch.log.counts("notices")
    assert counted["push displaced"] == 2
    assert counted["push decided"] == MAX_NOTICES + 2 + 1  # and the one that would wake staff
    kept = [state for _, state, _ in await evening.states(order_id)]
    assert kept.count("waiting") == MAX_NOTICES + 1


async def test_a_promotion_that_is_over_before_the_quiet_hours_are_is_not_told(evening: Evening) -> None:
    _, phone = await evening.order(types=["promo.published"], quiet_hours={"start": "15:00", "end": "20:00"})
    await publish(evening, "corta", expires_at=(evening.branch.clock() + timedelta(hours=1)).isoformat())
    await publish(evening, "larga", expires_at=(evening.branch.clock() + timedelta(hours=9)).isoformat())
    await evening.step(minutes=1)
    assert titles(evening, phone) == []
    await evening.step(hours=5)
    assert titles(evening, phone) == ["larga"]


async def test_only_a_manager_reads_who_was_told_what(evening: Evening) -> None:
    order_id, _ = await evening.order()
    with pytest.raises(Forbidden):
        await evening.notices.shown(KITCHEN_HAND, order_id)
    with pytest.raises(Forbidden):
        await evening.notices.shown(customer_of(order_id), order_id)


async def test_a_running_notifier_tells_what_may_be_told_without_being_asked(branch: Branch) -> None:
    async with opened(branch) as evening:
        order_id, phone = await evening.order()
        running = asyncio.create_task(evening.notifier.run())
        try:
            async with asyncio.timeout(20):
                while not evening.notifier.follower.state.cursor:  # noqa: ASYNC110 - it has no event of its own
                    await asyncio.sleep(0.005)
            await branch.wire.notifications.send(MANAGER, cmd.SendNotice(order_id=order_id, message="ya vamos"))
            await evening.standin.until(lambda: evening.told(phone) == ["ya vamos"])
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def test_the_settings_bound_the_time_to_undo() -> None:
    assert timedelta(seconds=SETTINGS.notice_undo_s) == timedelta(seconds=6)
