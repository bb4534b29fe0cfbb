"""Being told: preferences that hang on what one holds, quiet hours, and a notice to one customer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hub.config import Settings
from hub.core.errors import Forbidden, NotFound, RateLimited
from hub.domain import commands as cmd
from hub.domain.notification_preferences import Channel, Preferences, StoredQuietHours
from hub.domain.roles import ANONYMOUS, Principal
from hub.domain.rooms import Room
from hub.gateways.command_table import Commands
from tests.support.services_harness import KITCHEN_HAND, MANAGER, RIDER, Branch, customer_of

NIGHT = {"start": "22:00", "end": "07:00"}


def wishes(**changes: Any) -> cmd.SetNotifications:
    return cmd.SetNotifications.model_validate({"types": ["order.ready"], "channels": ["push", "page"]} | changes)


async def test_preferences_hang_on_the_order_whoever_shows_its_token(branch: Branch) -> None:
    order_id = await branch.placed()
    service = branch.wire.notifications
    answer = await service.set(customer_of(order_id), wishes(quiet_hours=NIGHT))
    assert answer["preferences"] == {"types": ["order.ready"], "channels": ["push", "page"], "quiet_hours": NIGHT}
    assert (await service.of(customer_of(order_id))).types == ("order.ready",)
    assert await service.of(customer_of("PED1")) == Preferences()
    assert await service.channels_for(order_id, "order.ready") == (Channel.PUSH, Channel.PAGE)
    assert await service.channels_for(order_id, "order.en_route") == ()


async def test_the_last_word_counts(branch: Branch) -> None:
    service = branch.wire.notifications
    for channels in (["push"], ["page"], ["whatsapp"]):
        await service.set(MANAGER, wishes(channels=channels))
    assert (await service.of(MANAGER)).channels == (Channel.WHATSAPP,)
    assert await service.of(KITCHEN_HAND) == Preferences()


async def test_an_address_sets_its_preferences_so_often_an_hour(branch: Branch) -> None:
    most, service = Settings(_env_file=None).limits.notify_hour, branch.wire.notifications
    ana = replace(customer_of(await branch.placed()), address="203.0.113.7")
    for number in range(most):
        await service.set(ana, wishes(command_id=f"a-command-of-its-own-{number}"))
    await service.set(ana, wishes(command_id="a-command-of-its-own-0"))  # a repeat counts nothing
    with pytest.raises(RateLimited) as refused:
        await service.set(ana, wishes(command_id="one-too-many-by-this-address"))
    assert refused.value.values == {"limit": "notify_hour", "most": most, "used": most}
    await service.set(replace(ana, address="203.0.113.8"), wishes())
    for _ in range(most + 1):
        await service.set(replace(MANAGER, address="203.0.113.7"), wishes())


async def test_whoever_holds_nothing_has_nothing_to_be_told_of(branch: Branch) -> None:
    with pytest.raises(NotFound):
        await branch.wire.notifications.set(ANONYMOUS, wishes())


async def test_in_quiet_hours_by_the_branchs_clock_only_an_open_page_is_told(branch: Branch) -> None:
    order_id = await branch.placed()
    service = branch.wire.notifications
    await service.set(customer_of(order_id), wishes(quiet_hours={"start": "15:00", "end": "16:00"}))
    assert Settings().timezone == "America/Mexico_City"  # where it is half past three now
    assert await service.channels_for(order_id, "order.ready") == (Channel.PAGE,)
    branch.clock.now += timedelta(hours=1)
    assert await service.channels_for(order_id, "order.ready") == (Channel.PUSH, Channel.PAGE)


@pytest.mark.parametrize(
    ("at", "quiet"), [("21:59", False), ("22:00", True), ("23:30", True), ("06:59", True), ("07:00", False)]
)
def test_quiet_hours_go_past_midnight(at: str, quiet: bool) -> None:
    assert StoredQuietHours(**NIGHT).holds(time.fromisoformat(at)) is quiet


@pytest.mark.parametrize(
    "wrong",
    [
        {"types": ["order.eaten"]},
        {"channels": ["pigeon"]},
        {"quiet_hours": {"start": "24:00", "end": "07:00"}},
        {"quiet_hours": {"start": "22:00"}},
    ],
)
def test_what_nobody_can_be_told_of_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        wishes(**wrong)


async def test_every_gateway_takes_the_command_with_an_orders_token(branch: Branch) -> None:
    order_id = await branch.placed()
    commands = Commands(branch.services)
    token = branch.services.tokens.for_order(order_id)
    command = commands.parse("notify.set", {"types": [], "channels": [], "token": token})
    assert (await commands.carry_out(ANONYMOUS, command)).as_json()["preferences"]["types"] == []
    assert await branch.wire.notifications.channels_for(order_id, "order.ready") == ()


async def test_a_notice_is_told_in_the_orders_room_once(branch: Branch) -> None:
    order_id = await branch.placed()
    notice = cmd.SendNotice(order_id=order_id, message="Se acabó la piña", level="warning", command_id="c-1")
    first, again = [await branch.wire.notifications.send(KITCHEN_HAND, notice) for _ in range(2)]
    assert first == again
    told = json.loads((await branch.room(Room.order(order_id)))[-1].body)
    assert told["type"] == "notice.sent"
    assert told["data"] == {"notice_id": first["notice_id"], "message": "Se acabó la piña", "level": "warning"}
    assert (await branch.types(Room.order(order_id))).count("notice.sent") == 1


@pytest.mark.parametrize(
    ("who", "error"), [(ANONYMOUS, NotFound), (customer_of("PED1"), NotFound), (RIDER, Forbidden)], ids=str
)
async def test_nobody_sends_a_notice_about_an_order_that_is_not_theirs(
    branch: Branch, who: Principal, error: type[Exception]
) -> None:
    order_id = await branch.placed()
    with pytest.raises(error):
        await branch.wire.notifications.send(who, cmd.SendNotice(order_id=order_id, message="hola"))
    assert await branch.types(Room.order(order_id)) == ["order.received"]
