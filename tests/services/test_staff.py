"""Accounts and logins."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from hub.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from hub.core.times import format_time
from hub.domain.commands import Login
from hub.domain.roles import ANONYMOUS, Role
from hub.services.auth.accounts import document_of
from hub.services.auth.pin_hasher import PinHasher
from hub.services.auth.staff_service import PIN_DIGITS, StaffService, new_pin
from hub.services.document_names import staff_key
from hub.store.log import Write
from tests.support.services_harness import KITCHEN_HAND, MANAGER, PIN, RIDER, START, Branch

ADDRESS = "203.0.113.7"


def who(name: str = "Chuy", pin: str = PIN) -> Login:
    return Login(name=name, pin=pin)


# Accounts


async def test_an_account_keeps_a_hash_of_the_pin_and_shows_nothing_of_it(branch: Branch) -> None:
    # The hasher that the hub uses, not the quick one of the other tests.
    hasher = PinHasher(1)
    account = await StaffService(branch.log, hasher, branch.clock).add("Chuy", [Role.KITCHEN], PIN)
    assert account.pin_hash.startswith("$argon2id$")
    assert (account.id, account.roles, account.created_at) == ("chuy", (Role.KITCHEN,), format_time(START))
    document = await branch.log.document(staff_key("chuy"))
    assert document is not None
    assert PIN not in document.body
    assert account.public().as_json() == {"id": "chuy", "name": "Chuy", "roles": ["kitchen"]}
    assert await hasher.verify(account.pin_hash, PIN, ADDRESS)
    hasher.close()


@pytest.mark.parametrize(
    ("name", "id_"), [("Doña Carmen", "dona-carmen"), ("  José Ángel  ", "jose-angel"), ("R2-D2", "r2-d2")]
)
async def test_an_accounts_id_is_made_from_the_name(branch: Branch, name: str, id_: str) -> None:
    account = await branch.services.staff.add(name, [Role.KITCHEN], PIN)
    assert (account.id, account.name) == (id_, name.strip())


@pytest.mark.parametrize(("name", "pin"), [("Chuy", "12345"), ("Chuy", ""), ("¡!", PIN), ("", PIN), ("🌮", PIN)])
async def test_an_account_needs_letters_in_its_name_and_a_pin_that_is_not_weak(
    branch: Branch, name: str, pin: str
) -> None:
    with pytest.raises(BadRequest):
        await branch.services.staff.add(name, [Role.KITCHEN], pin)
    assert await branch.services.staff.list() == []


async def test_a_weak_pin_is_refused_at_a_change_too_and_one_that_is_there_keeps_working(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    with pytest.raises(BadRequest, match="sequence"):
        await branch.services.staff.set_pin("Chuy", "123456")
    account = await branch.services.staff.get("chuy")
    assert account is not None
    old = account.model_copy(update={"pin_hash": await branch.services.hasher.hash("1234")})
    await branch.log.commit(Write(documents=(document_of(old, 2),)))
    assert (await branch.wire.logins.login(who(pin="1234"), ADDRESS))["token"]


async def test_roles_are_replaced_and_the_pin_stays(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await branch.services.staff.set_roles("Chuy", [Role.COURIER, Role.SUPPORT])
    [account] = await branch.services.staff.list()
    assert set(account.roles) == {Role.COURIER, Role.SUPPORT}
    answer = await branch.wire.logins.login(who(), ADDRESS)
    assert answer["principal"]["roles"] == ["courier", "support"]


async def test_a_name_is_taken_once(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    with pytest.raises(Conflict, match="already"):
        await branch.services.staff.add("CHUY!", [Role.MANAGER], "another pin")
    [account] = await branch.services.staff.list()
    assert account.roles == (Role.KITCHEN,)


async def test_a_name_is_free_again_as_soon_as_its_account_is_removed(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await branch.services.staff.remove("Chuy")
    assert await branch.services.staff.list() == []
    assert await branch.services.staff.get("chuy") is None
    await branch.services.staff.add("Chuy", [Role.COURIER], "another pin")
    [account] = await branch.services.staff.list()
    assert account.roles == (Role.COURIER,)
    assert await branch.redis.ttl(branch.log.keys.document(staff_key("chuy"))) == -1
    with pytest.raises(Unauthorized):
        await branch.wire.logins.login(who(), ADDRESS)
    await branch.wire.logins.login(who(pin="another pin"), ADDRESS)


async def test_a_removed_account_can_neither_log_in_nor_be_changed_nor_be_removed_again(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await branch.services.staff.remove("Chuy")
    assert 0 < await branch.redis.ttl(branch.log.keys.document(staff_key("chuy"))) <= 1
    with pytest.raises(Unauthorized):
        await branch.wire.logins.login(who(), ADDRESS)
    with pytest.raises(NotFound):
        await branch.services.staff.set_pin("Chuy", "another pin")
    with pytest.raises(NotFound):
        await branch.services.staff.remove("Chuy")


async def test_what_is_done_to_somebody_who_is_not_there_is_not_found(branch: Branch) -> None:
    with pytest.raises(NotFound):
        await branch.services.staff.remove("Nadie")
    with pytest.raises(NotFound):
        await branch.services.staff.set_pin("Nadie", PIN)
    with pytest.raises(NotFound):
        await branch.services.staff.set_roles("Nadie", [Role.KITCHEN])


async def test_everybody_who_works_here_is_listed_by_name_and_role(branch: Branch) -> None:
    for principal in (RIDER, KITCHEN_HAND, MANAGER):
        await branch.hire(principal)
    assert [account.name for account in await branch.services.staff.list()] == ["Carmen", "Chuy", "Miguel"]
    assert await branch.wire.staff.shown(MANAGER, Role.COURIER) == {
        "staff": [{"id": "miguel", "name": "Miguel", "roles": ["courier"]}]
    }
    with pytest.raises(Forbidden):
        await branch.wire.staff.shown(ANONYMOUS, None)


async def test_the_very_first_start_gives_one_manager_whose_pin_is_told_once(branch: Branch) -> None:
    name = await branch.services.staff.first_manager(PIN, "first start")
    assert name is not None
    answer = await branch.wire.logins.login(who(name, PIN), ADDRESS)
    assert answer["principal"]["roles"] == ["manager"]
    assert await branch.services.staff.first_manager(new_pin(), "second start") is None


async def test_a_first_start_that_lost_the_answer_of_redis_still_tells_the_pin(branch: Branch) -> None:
    name = await branch.services.staff.first_manager(PIN, "first start")  # Redis did it, and the answer was lost
    assert name is not None
    assert await branch.services.staff.first_manager(PIN, "first start") == name
    assert (await branch.wire.logins.login(who(name, PIN), ADDRESS))["token"]
    assert len(await branch.services.staff.list()) == 1


async def test_of_several_processes_that_start_at_once_one_makes_the_manager(branch: Branch) -> None:
    made = await asyncio.gather(*(branch.services.staff.first_manager(PIN, f"start {n}") for n in range(4)))
    assert sum(one is not None for one in made) == 1
    assert len(await branch.services.staff.list()) == 1


async def test_where_somebody_works_already_there_is_no_first_manager(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    assert await branch.services.staff.first_manager(PIN, "a start") is None


def test_a_generated_pin_has_eight_digits_and_is_another_one_each_time() -> None:
    pin = new_pin()
    assert (len(pin), pin.isdigit()) == (PIN_DIGITS, True)
    assert len({new_pin() for _ in range(100)}) > 95


# Logins


async def test_a_name_and_its_pin_give_a_token_for_a_shift(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    answer = await branch.wire.logins.login(who("  chuy "), ADDRESS)
    assert answer["principal"] == {"kind": "staff", "roles": ["kitchen"], "name": "Chuy", "id": "chuy"}
    assert datetime.fromisoformat(answer["expires_at"]) == START + timedelta(hours=12)
    assert await branch.services.access.principal(answer["token"]) == KITCHEN_HAND


async def test_a_wrong_pin_and_a_wrong_name_are_told_alike(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    told = []
    for login in (who(pin="00000000"), who("Nadie"), who("¡!")):
        with pytest.raises(Unauthorized) as refused:
            await branch.wire.logins.login(login, f"address of {login.name}")
        told.append(refused.value.as_dict())
    assert told[0] == told[1] == told[2]


async def test_another_pin_ends_the_old_one(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    await branch.services.staff.set_pin("Chuy", "another pin")
    with pytest.raises(Unauthorized):
        await branch.wire.logins.login(who(), ADDRESS)
    await branch.wire.logins.login(who(pin="another pin"), ADDRESS)
