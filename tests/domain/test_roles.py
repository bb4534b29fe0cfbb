"""Who may what: the table of roles, written out a second time on purpose."""

from __future__ import annotations

import pytest

from hub.core.errors import Forbidden
from hub.domain.answers.staff_answers import shown_principal
from hub.domain.roles import ANONYMOUS, PERMISSIONS, Kind, Permission, Principal, Role
from tests.domain.samples import CUSTOMER, staff

P = Permission
K, C, S = Role.KITCHEN, Role.COURIER, Role.SUPPORT

# A manager and a service may do everything; of the others, these.
BESIDES_MANAGERS: dict[Permission, set[Role]] = {
    P.ADVANCE_ORDER: {K},
    P.CARRY_ORDER: {C},
    P.CANCEL_ANY_ORDER: set(),
    P.CANCEL_ORDER: {K, S},
    P.RECALL_ORDER: {K},
    P.DELAY_ORDER: {K, C, S},
    P.ACKNOWLEDGE_ORDER: {K},
    P.MARK_ITEM: {K},
    P.ASSIGN_COURIER: {K, C},
    P.REPORT_POSITION: {C},
    P.READ_ORDERS: {K, C, S},
    P.JOIN_KITCHEN: {K, C, S},
    P.JOIN_DASHBOARD: {K, S},
    P.PUBLISH_PROMO: set(),
    P.SET_STOCK: {K},
    P.SEND_NOTICE: {K, S},
    P.READ_CHATS: {S},
    P.ANSWER_CHATS: {S},
    P.READ_STAFF: {K, C, S},
    P.READ_METRICS: {K, C, S},
    P.READ_NOTICES: set(),
    P.MANAGE_WEBHOOKS: set(),
    P.MANAGE_KEYS: set(),
}
# Programs of the role `service` carry out what others asked of them: nothing that opens the branch to strangers.
NOT_FOR_PROGRAMS = frozenset({P.MANAGE_WEBHOOKS, P.MANAGE_KEYS})


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_the_table_says_and_nothing_else(role: Role, permission: Permission) -> None:
    programs = set() if permission in NOT_FOR_PROGRAMS else {Role.SERVICE}
    allowed = role in BESIDES_MANAGERS[permission] | programs | {Role.MANAGER}
    assert staff(role).may(permission) is allowed
    if allowed:
        staff(role).require(permission)
    else:
        with pytest.raises(Forbidden) as refused:
            staff(role).require(permission)
        assert refused.value.values == {"permission": str(permission)}


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("principal", [ANONYMOUS, CUSTOMER], ids=["anonymous", "customer"])
def test_a_customer_and_a_stranger_have_no_permission_at_all(principal: Principal, permission: Permission) -> None:
    assert not principal.may(permission)


def test_every_role_and_permission_is_in_the_tables() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert set(BESIDES_MANAGERS) == set(Permission)


def test_somebody_with_two_roles_may_what_either_may() -> None:
    both = Principal(kind=Kind.STAFF, id="rosa", roles=frozenset({K, S}))
    assert both.may(P.MARK_ITEM)
    assert both.may(P.ANSWER_CHATS)
    assert not both.may(P.PUBLISH_PROMO)


def test_staff_are_people_and_programs_that_work_here() -> None:
    assert [Principal(kind=kind).is_staff for kind in Kind] == [False, False, True, True, False]


def test_a_principal_shows_neither_orders_nor_chats() -> None:
    manager = Principal(kind=Kind.STAFF, id="rosa", name="Rosa", roles=frozenset({S, K}), orders=frozenset({"PED1"}))
    assert shown_principal(manager).as_json() == {
        "kind": "staff",
        "roles": ["kitchen", "support"],
        "name": "Rosa",
        "id": "rosa",
    }
    assert shown_principal(ANONYMOUS).as_json() == {"kind": "anonymous", "roles": []}
