"""Saying what to be told of, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.hub_harness import HubHarness

WISHES = {"types": ["order.ready"], "channels": ["push"], "quiet_hours": {"start": "22:00", "end": "07:00"}}


async def test_preferences_are_kept_for_the_order_whose_token_is_shown(house: HubHarness) -> None:
    placed = await house.placed()
    link = placed["tracking"]["token"]
    answer = await house.post(f"/api/notifications?token={link}", WISHES)
    assert (answer.status, answer.data["preferences"]) == (200, WISHES)
    also = await house.post("/api/notifications", WISHES | {"token": link, "types": []})
    assert also.data["preferences"]["types"] == []
    kept = await house.hub.branch.services.notifications.channels_for(placed["order"]["id"], "order.ready")
    assert kept == ()


async def test_without_a_token_there_is_nothing_to_be_told_of(house: HubHarness) -> None:
    answer = await house.post("/api/notifications", WISHES)
    assert (answer.status, answer.code) == (404, "not_found")


async def test_wishes_that_nobody_can_grant_are_refused(house: HubHarness) -> None:
    for wrong in ({"channels": ["pigeon"]}, {"quiet_hours": "all day"}, {"colour": "red"}):
        answer = await house.post("/api/notifications", WISHES | wrong)
        assert (answer.status, answer.code) == (400, "bad_request")
