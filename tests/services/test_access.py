"""Who is asking, and which rooms they may enter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from hub.core.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import ANONYMOUS, PERMISSIONS, Kind, Permission, Principal, Role
from hub.domain.rooms import Room, RoomKind, RoomRule
from hub.services.auth import access
from hub.services.auth.revocations import Revocations
from hub.services.document_names import staff_key
from hub.store.token_store import TokenStore
from tests.support.services_harness import KITCHEN_HAND, MANAGER, START, Branch, customer_of, only

DELIVERED, CANCELLED = OrderStatus.DELIVERED, OrderStatus.CANCELLED
PROGRAM = Principal(kind=Kind.SERVICE, id="token:agent", name="agent", roles=frozenset({Role.SERVICE}))
STAFF = {role: Principal(kind=Kind.STAFF, id=f"the-{role}", roles=frozenset({role})) for role in Role}


async def _chat(branch: Branch) -> tuple[str, str]:
    opened = await branch.wire.chat.open(ANONYMOUS, cmd.OpenChat())
    return opened["chat_id"], opened["token"]


# Tokens


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_it_is_anybody(branch: Branch, token: str | None) -> None:
    assert await branch.services.access.principal(token) == ANONYMOUS
    assert await branch.services.access.with_capability(MANAGER, token) == MANAGER


@pytest.mark.parametrize("token", ["nonsense", "PED1.nonsense", "a.b.c", ".", "\udcff.\udcff", "x" * 3000])
async def test_a_wrong_token_is_refused_as_a_login_and_adds_nothing_to_one(branch: Branch, token: str) -> None:
    with pytest.raises(Unauthorized):
        await branch.services.access.principal(token)
    assert await branch.services.access.with_capability(MANAGER, token) == MANAGER


async def test_a_capability_makes_a_customer_of_anybody_and_leaves_staff_what_they_are(branch: Branch) -> None:
    order_id = await branch.placed()
    token = branch.services.tokens.for_order(order_id)
    assert await branch.services.access.principal(token) == customer_of(order_id)
    richer = await branch.services.access.with_capability(KITCHEN_HAND, token)
    assert (richer.kind, richer.roles, richer.orders) == (Kind.STAFF, KITCHEN_HAND.roles, frozenset({order_id}))


async def test_capabilities_of_several_things_add_up(branch: Branch) -> None:
    ids = [await branch.placed() for _ in range(2)]
    chat_id, chat_token = await _chat(branch)
    who = ANONYMOUS
    for token in [*map(branch.services.tokens.for_order, ids), chat_token]:
        who = await branch.services.access.with_capability(who, token)
    assert (who.kind, who.orders, who.chats) == (Kind.CUSTOMER, frozenset(ids), frozenset({chat_id}))


@pytest.mark.parametrize("end", [DELIVERED, CANCELLED])
async def test_a_tracking_link_outlives_its_order_by_a_day(branch: Branch, end: OrderStatus) -> None:
    order_id = await branch.placed()
    token = branch.services.tokens.for_order(order_id)
    branch.clock.turn(hours=30)  # a slow order is an open one
    await branch.bring(order_id, end)
    branch.clock.turn(hours=24)
    assert (await branch.services.access.principal(token)).orders == {order_id}
    branch.clock.turn(seconds=0.001)
    with pytest.raises(Unauthorized, match="expired"):
        await branch.services.access.principal(token)
    with pytest.raises(Unauthorized, match="expired"):
        await branch.services.access.with_capability(MANAGER, token)


async def test_an_alarm_switched_off_late_does_not_bring_a_link_back(branch: Branch) -> None:
    order_id = await branch.placed_at(CANCELLED)
    branch.clock.turn(hours=24, seconds=1)
    with pytest.raises(Conflict):
        await branch.orders.acknowledge(MANAGER, cmd.AcknowledgeOrder(order_id=order_id))
    with pytest.raises(Unauthorized):
        await branch.services.access.principal(branch.services.tokens.for_order(order_id))


async def test_a_good_link_to_an_order_that_is_forgotten_has_expired(branch: Branch) -> None:
    with pytest.raises(Unauthorized, match="expired"):
        await branch.services.access.principal(branch.services.tokens.for_order("PEDNOTHERE"))


async def test_a_staff_token_is_good_while_the_account_is(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    token = await branch.token(KITCHEN_HAND)
    assert await branch.services.access.principal(token) == KITCHEN_HAND
    branch.clock.turn(hours=12)
    with pytest.raises(Unauthorized):
        await branch.services.access.principal(token)


async def test_a_removed_accounts_token_is_refused_within_five_seconds(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    token = await branch.token(KITCHEN_HAND)
    await branch.services.access.principal(token)
    await branch.services.staff.remove("Chuy")
    branch.clock.turn(seconds=5.001)
    with pytest.raises(Unauthorized, match="removed"):
        await branch.services.access.principal(token)


async def test_a_removed_accounts_token_is_no_good_for_the_next_account_of_its_name(branch: Branch) -> None:
    await branch.hire(replace(KITCHEN_HAND, roles=frozenset({Role.MANAGER})))
    token = await branch.token(KITCHEN_HAND)
    assert (await branch.services.access.principal(token)).roles == {Role.MANAGER}
    await branch.services.staff.remove("Chuy")
    await branch.hire(KITCHEN_HAND)
    branch.clock.turn(seconds=5.001)
    with pytest.raises(Unauthorized, match="removed"):
        await branch.services.access.principal(token)
    assert (await branch.services.access.principal(await branch.token(KITCHEN_HAND))).roles == {Role.KITCHEN}


async def test_a_token_from_before_accounts_had_lives_is_refused(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    claims = jwt.decode(await branch.token(KITCHEN_HAND), options={"verify_signature": False})
    del claims["life"]
    old = jwt.encode(claims, branch.services.tokens._keys.jwt, algorithm="HS256")
    with pytest.raises(Unauthorized):
        await branch.services.access.principal(old)


async def test_another_pin_ends_the_sessions_of_the_old_one_unless_they_are_to_stay(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    token = await branch.token(KITCHEN_HAND)
    await branch.services.staff.set_pin("Chuy", "another pin", keep_sessions=True)
    branch.clock.turn(seconds=5.001)
    assert await branch.services.access.principal(token) == KITCHEN_HAND
    await branch.services.staff.set_pin("Chuy", "one more pin")
    branch.clock.turn(seconds=5.001)
    with pytest.raises(Unauthorized, match="changed"):
        await branch.services.access.principal(token)


async def test_roles_are_those_of_the_account_within_five_seconds(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    token = await branch.token(KITCHEN_HAND)
    before = await branch.services.access.principal(token)
    await branch.services.staff.set_roles("Chuy", [Role.COURIER])
    branch.clock.turn(seconds=5.001)
    now = await branch.services.access.principal(token)
    assert (now.id, now.roles) == (KITCHEN_HAND.id, frozenset({Role.COURIER}))
    assert (await branch.services.access.current(before)).roles == {Role.COURIER}


async def test_an_account_is_read_at_most_every_five_seconds(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    token = await branch.token(KITCHEN_HAND)
    await branch.services.access.principal(token)
    await branch.redis.delete(branch.log.keys.document(staff_key("chuy")))
    branch.clock.turn(seconds=5)
    assert await branch.services.access.principal(token) == KITCHEN_HAND
    branch.clock.turn(seconds=0.001)
    with pytest.raises(Unauthorized):
        await branch.services.access.principal(token)


async def test_somebody_hired_a_moment_ago_is_let_in_at_once(branch: Branch) -> None:
    for who in (KITCHEN_HAND, MANAGER):
        await branch.hire(who)
        token = await branch.token(who)
        assert await branch.services.access.principal(token) == who


async def test_a_program_needs_no_account(branch: Branch) -> None:
    program = Principal(kind=Kind.SERVICE, id="token:agent", name="agent", roles=frozenset({Role.SERVICE}))
    token = branch.services.tokens.issue(program, START, timedelta(hours=1))
    assert await branch.services.access.principal(token) == program


# Rooms


@pytest.mark.parametrize("room", ["promos", "stock"])
@pytest.mark.parametrize("who", [ANONYMOUS, customer_of("PED1"), *STAFF.values()], ids=lambda w: w.id or str(w.kind))
async def test_anybody_may_hear_what_is_on_offer(branch: Branch, who: Principal, room: str) -> None:
    await branch.services.access.require_room(who, Room.parse(room))


@pytest.mark.parametrize(
    ("room", "permission"), [("kitchen", Permission.JOIN_KITCHEN), ("floor", Permission.JOIN_DASHBOARD)]
)
@pytest.mark.parametrize("who", [ANONYMOUS, customer_of("PED1"), *STAFF.values()], ids=lambda w: w.id or str(w.kind))
async def test_the_rooms_of_the_house_are_for_the_roles_that_work_in_them(
    branch: Branch, who: Principal, room: str, permission: Permission
) -> None:
    if any(permission in PERMISSIONS[role] for role in who.roles):
        await branch.services.access.require_room(who, Room.parse(room))
    else:
        with pytest.raises(Forbidden):
            await branch.services.access.require_room(who, Room.parse(room))


async def test_an_orders_room_is_for_its_customer_and_for_staff(branch: Branch) -> None:
    order_id = await branch.placed()
    room = Room.order(order_id)
    for who in (customer_of(order_id), *STAFF.values()):
        await branch.services.access.require_room(who, room)
    for who in (ANONYMOUS, customer_of("PEDOTHER")):
        with pytest.raises(NotFound):
            await branch.services.access.require_room(who, room)


async def test_a_chats_room_is_for_its_customer_and_for_whoever_answers(branch: Branch) -> None:
    chat_id, token = await _chat(branch)
    room = Room.chat(chat_id)
    holder = await branch.services.access.principal(token)
    for who in (holder, *(STAFF[role] for role in Role if Permission.READ_CHATS in PERMISSIONS[role])):
        await branch.services.access.require_room(who, room)
    for who in (ANONYMOUS, Principal(kind=Kind.CUSTOMER, chats=frozenset({"other"})), STAFF[Role.KITCHEN]):
        with pytest.raises(NotFound):
            await branch.services.access.require_room(who, room)


@pytest.mark.parametrize("name", ["order:PEDNOTHERE", "chat:nothere"])
async def test_a_room_of_something_that_is_not_there_is_not_found_by_anybody(branch: Branch, name: str) -> None:
    room = Room.parse(name)
    holder = Principal(kind=Kind.CUSTOMER, orders=frozenset({room.id}), chats=frozenset({room.id}))
    for who in (holder, MANAGER):
        with pytest.raises(NotFound):
            await branch.services.access.require_room(who, room)


async def test_notices_are_for_the_one_they_are_for(branch: Branch) -> None:
    await branch.services.access.require_room(Principal(kind=Kind.CUSTOMER, id="c1"), Room.parse("customer:c1"))
    for who in (ANONYMOUS, Principal(kind=Kind.CUSTOMER, id="c2"), MANAGER):
        with pytest.raises(NotFound):
            await branch.services.access.require_room(who, Room.parse("customer:c1"))


async def test_support_rooms_are_not_open_yet(branch: Branch) -> None:
    with pytest.raises(Forbidden):
        await branch.services.access.require_room(MANAGER, Room.parse("support:s1"))


async def test_a_kind_of_room_is_closed_until_its_rule_opens_it(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "ROOM_RULES", dict.fromkeys(RoomKind, RoomRule()))
    for name in ("promos", "kitchen", "chat:c1"):
        with pytest.raises(Forbidden):
            await branch.services.access.require_room(MANAGER, Room.parse(name))


async def test_a_link_lets_its_holder_into_its_orders_room_only(branch: Branch) -> None:
    mine, other = [await branch.placed(items=only("horchata", 1)) for _ in range(2)]
    holder = await branch.services.access.principal(branch.services.tokens.for_order(mine))
    await branch.services.access.require_room(holder, Room.order(mine))
    for room in (Room.order(other), Room.parse("kitchen"), Room.parse("floor")):
        with pytest.raises((NotFound, Forbidden)):
            await branch.services.access.require_room(holder, room)


async def test_what_was_held_before_the_link_died_opens_the_order_no_more(branch: Branch) -> None:
    """A chat keeps the orders that it was opened for; it may be asked about them a day later."""
    order_id = await branch.placed()
    holder = await branch.services.access.principal(branch.services.tokens.for_order(order_id))
    await branch.bring(order_id, DELIVERED)
    branch.clock.turn(hours=24)
    assert (await branch.orders.get(holder, order_id))["order"]["id"] == order_id
    branch.clock.turn(seconds=0.001)
    with pytest.raises(NotFound):
        await branch.orders.get(holder, order_id)
    assert (await branch.orders.get(MANAGER, order_id))["order"]["id"] == order_id


# Tokens that end before their time


async def test_a_logout_ends_the_token_at_once_and_no_other(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    token, other = [await branch.token(KITCHEN_HAND) for _ in range(2)]
    who = await branch.services.access.principal(token)
    assert await branch.wire.logins.logout(who, cmd.Logout()) == {}
    with pytest.raises(Unauthorized, match="revoked"):
        await branch.services.access.principal(token)
    with pytest.raises(Unauthorized, match="revoked"):
        await branch.services.access.current(who)
    assert await branch.services.access.principal(other) == KITCHEN_HAND
    [key] = [key async for key in branch.redis.scan_iter(branch.log.keys.revoked_token("*"))]
    assert 0 < await branch.redis.ttl(key) <= 12 * 3600


@pytest.mark.parametrize("who", [ANONYMOUS, customer_of("PED1")], ids=["anonymous", "customer"])
async def test_who_shows_no_token_of_staff_cannot_sign_out(branch: Branch, who: Principal) -> None:
    with pytest.raises(Unauthorized):
        await branch.wire.logins.logout(who, cmd.Logout())


async def test_another_process_refuses_a_revoked_token_within_five_seconds(branch: Branch) -> None:
    await branch.hire(KITCHEN_HAND)
    token = await branch.token(KITCHEN_HAND)
    who = await branch.services.access.principal(token)
    store = TokenStore(branch.log.calls, branch.log.keys)
    await Revocations(store, branch.clock).revoke(who.token_id, who.until or 0)
    branch.clock.turn(seconds=5)
    assert await branch.services.access.principal(token) == KITCHEN_HAND
    branch.clock.turn(seconds=0.001)
    with pytest.raises(Unauthorized, match="revoked"):
        await branch.services.access.principal(token)


async def test_a_token_that_is_known_stays_good_while_redis_is_away(branch: Branch) -> None:
    token = branch.services.tokens.issue(PROGRAM, branch.clock(), timedelta(hours=1))
    who = await branch.services.access.principal(token)

    async def away(*_: object, **__: object) -> bool:
        raise Unavailable("Redis does not answer")

    branch.services.access._revocations._revoked._read = away
    branch.clock.turn(seconds=6)
    assert await branch.services.access.current(who) == PROGRAM
    with pytest.raises(Unavailable):
        await branch.services.access.principal(
            branch.services.tokens.issue(PROGRAM, branch.clock(), timedelta(hours=1))
        )


async def test_a_programs_token_ends_after_ninety_days_whatever_it_says(branch: Branch) -> None:
    token = branch.services.tokens.issue(PROGRAM, branch.clock(), timedelta(days=9999))
    branch.clock.turn(days=89, hours=23)
    assert await branch.services.access.principal(token) == PROGRAM
    branch.clock.turn(hours=1)
    with pytest.raises(Unauthorized, match="expired"):
        await branch.services.access.principal(token)


async def test_programs_tokens_are_listed_while_they_are_good_and_revoked_by_their_id(branch: Branch) -> None:
    service = branch.services.service_tokens
    tokens = [branch.services.tokens.issue(PROGRAM, branch.clock(), timedelta(hours=hours)) for hours in (2, 1, 3)]
    for token in tokens:
        await service.record(token)
    listed = await service.list()
    assert [(each.name, each.roles) for each in listed] == [("agent", (Role.SERVICE,))] * 3
    ends = [(each.ends_at - START).total_seconds() for each in listed]
    assert [round(end_s / 3600) for end_s in ends] == [1, 2, 3]
    await service.revoke(listed[0].id)
    with pytest.raises(Unauthorized, match="revoked"):
        await branch.services.access.principal(tokens[1])
    assert await service.list() == listed[1:]
    branch.clock.turn(hours=2)
    assert await service.list() == listed[2:]
    for which in (listed[0].id, "nobody"):
        with pytest.raises(NotFound):
            await service.revoke(which)


async def test_a_token_that_is_not_listed_is_revoked_by_itself(branch: Branch) -> None:
    token = branch.services.tokens.issue(PROGRAM, branch.clock(), timedelta(hours=2))
    await branch.services.service_tokens.revoke(token)
    with pytest.raises(Unauthorized, match="revoked"):
        await branch.services.access.principal(token)
    with pytest.raises(Unauthorized):
        await branch.services.service_tokens.revoke("a.b.c")


async def test_the_list_of_tokens_is_bounded(branch: Branch) -> None:
    store = TokenStore(branch.log.calls, branch.log.keys)
    for number in range(1_005):
        await store.add(f"token {number}", START.timestamp() + 60 + number, START.timestamp())
    listed = await store.list(START.timestamp())
    assert len(listed) == 1_000
    assert "token 4" not in listed
