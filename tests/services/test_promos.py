"""Promotions: said by a manager, seen by everybody."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.core.errors import BadRequest, Forbidden, IdempotencyMismatch
from hub.domain import commands as cmd
from hub.domain.roles import ANONYMOUS, PERMISSIONS, Kind, Permission, Principal, Role
from hub.domain.rooms import PROMOS
from tests.support.services_harness import MANAGER, START, Branch


def a_promo(**changes: object) -> cmd.PublishPromo:
    return cmd.PublishPromo.model_validate({"title": "2x1 🌮", "message": "Hoy, ¡al pastor!"} | changes)


async def _shown(branch: Branch) -> list[str]:
    view = await branch.services.views.read(PROMOS)
    return [promo["title"] for promo in view.snapshot["promos"]]


async def test_a_promotion_is_told_in_its_room_and_shown_to_whoever_comes_later(branch: Branch) -> None:
    answer = await branch.wire.promos.publish(MANAGER, a_promo())
    [entry] = await branch.room(PROMOS)
    assert json.loads(entry.body) == {
        "type": "promo.published",
        "at": "2026-11-20T21:30:00.123Z",
        "data": {"promo_id": answer["promo_id"], "title": "2x1 🌮", "message": "Hoy, ¡al pastor!"},
    }
    assert answer["cursor"].endswith(f"-{entry.offset}")
    view = await branch.services.views.read(PROMOS)
    assert view.snapshot == {"promos": [json.loads(entry.body)["data"]]}


@pytest.mark.parametrize("late_s", [0, 0.001, 3600])
async def test_a_promotion_that_has_expired_already_is_refused(branch: Branch, late_s: float) -> None:
    with pytest.raises(BadRequest) as refused:
        await branch.wire.promos.publish(MANAGER, a_promo(expires_at=START - timedelta(seconds=late_s)))
    assert refused.value.values == {"field": "expires_at"}
    assert await branch.types(PROMOS) == []


async def test_a_promotion_is_shown_until_it_expires(branch: Branch) -> None:
    for title, minutes in (("corta", 5), ("larga", 60)):
        until = START + timedelta(minutes=minutes)
        await branch.wire.promos.publish(MANAGER, a_promo(title=title, expires_at=until))
    await branch.wire.promos.publish(MANAGER, a_promo(title="siempre"))
    assert await _shown(branch) == ["siempre", "larga", "corta"]
    branch.clock.turn(minutes=5)
    assert await _shown(branch) == ["siempre", "larga"]


async def test_a_promotion_said_again_under_its_command_id_is_one_promotion(branch: Branch) -> None:
    first, again = [await branch.wire.promos.publish(MANAGER, a_promo(command_id="c-1")) for _ in range(2)]
    assert first == again
    assert await branch.types(PROMOS) == ["promo.published"]
    with pytest.raises(IdempotencyMismatch):
        await branch.wire.promos.publish(MANAGER, a_promo(title="3x1", command_id="c-1"))


async def test_a_promotion_said_again_after_it_has_expired_gives_the_first_answer(branch: Branch) -> None:
    command = a_promo(command_id="c-1", expires_at=START + timedelta(minutes=5))
    first = await branch.wire.promos.publish(MANAGER, command)
    branch.clock.turn(minutes=6)
    assert await branch.wire.promos.publish(MANAGER, command) == first
    assert await branch.types(PROMOS) == ["promo.published"]
    with pytest.raises(BadRequest):
        await branch.wire.promos.publish(MANAGER, command.model_copy(update={"command_id": "c-2"}))


@pytest.mark.parametrize("role", [*Role, None])
async def test_who_may_publish_is_in_the_table_of_roles(branch: Branch, role: Role | None) -> None:
    who = Principal(kind=Kind.STAFF, id="x", roles=frozenset({role})) if role else ANONYMOUS
    if role and Permission.PUBLISH_PROMO in PERMISSIONS[role]:
        await branch.wire.promos.publish(who, a_promo())
    else:
        with pytest.raises(Forbidden):
            await branch.wire.promos.publish(who, a_promo())
        assert await branch.types(PROMOS) == []
