"""Tokens: whom they open what for, and that nobody can make one."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.errors import Unauthorized
from hub.domain.roles import Kind, Principal, Role
from hub.services.tokens import Tokens
from tests.services.branch import MANAGER, RIDER, SECRET, START

TOKENS = Tokens(SECRET, "centro")
OTHERS = [Tokens(b"another secret of sixteen bytes", "centro"), Tokens(SECRET, "norte")]
SHIFT = timedelta(hours=12)


@pytest.mark.parametrize(
    "who",
    [
        MANAGER,
        RIDER,
        Principal(kind=Kind.SERVICE, id="token:simulator", name="simulator", roles=frozenset({Role.SERVICE})),
        Principal(kind=Kind.STAFF, id="x", name="Ñandú 🌮", roles=frozenset({Role.KITCHEN, Role.COURIER})),
    ],
    ids=lambda who: who.id,
)
def test_a_staff_token_says_who_it_was_given_to(who: Principal) -> None:
    assert TOKENS.read(TOKENS.issue(who, START, SHIFT), START) == who


def test_a_staff_token_lasts_as_long_as_it_was_given_for() -> None:
    token = TOKENS.issue(MANAGER, START, SHIFT)
    assert TOKENS.read(token, START + SHIFT - timedelta(seconds=2)) == MANAGER
    with pytest.raises(Unauthorized, match="expired"):
        TOKENS.read(token, START + SHIFT)


@pytest.mark.parametrize("other", OTHERS, ids=["another secret", "another branch"])
def test_a_token_of_another_hub_or_branch_opens_nothing(other: Tokens) -> None:
    with pytest.raises(Unauthorized):
        TOKENS.read(other.issue(MANAGER, START, SHIFT), START)
    assert TOKENS.order_of(other.for_order("PED1")) is None
    assert TOKENS.chat_of(other.for_chat("c1")) is None


def _forged(token: str, **claims: object) -> str:
    """The same token with other claims under the old signature."""
    head, body, mac = token.split(".")
    raw = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | claims
    return ".".join((head, base64.urlsafe_b64encode(json.dumps(raw).encode()).decode().rstrip("="), mac))


def _unsigned(**claims: object) -> str:
    full = {"sub": "x", "name": "X", "kind": "staff", "roles": ["manager"], "aud": "centro", "exp": 9_999_999_999}
    return jwt.encode(full | claims, None, algorithm="none")


@pytest.mark.parametrize(
    "token",
    [
        _forged(TOKENS.issue(RIDER, START, SHIFT), roles=["manager"]),
        _forged(TOKENS.issue(RIDER, START - 2 * SHIFT, SHIFT), exp=9_999_999_999),
        _unsigned(),
        # Signed with the secret itself, not with the key made from it.
        jwt.encode({"sub": "x", "exp": 9_999_999_999, "aud": "centro"}, SECRET, algorithm="HS256"),
        TOKENS.issue(MANAGER, START, SHIFT)[:-2],
        TOKENS.for_order("PED1"),
        "a.b.c",
        "..",
        "",
        "é.ü.ñ",
        "\udcff.\udcff.\udcff",
    ],
)
def test_a_forged_staff_token_is_nobodys(token: str) -> None:
    with pytest.raises(Unauthorized):
        TOKENS.read(token, START)


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": 7},
        {"kind": "root"},
        {"exp": "never"},
        {"name": None, "roles": None},
        {"aud": ["norte"]},
        {"sub": 7},
    ],
)
def test_a_token_of_ours_that_makes_no_sense_is_nobodys(claims: dict[str, object]) -> None:
    good = {"sub": "x", "name": "X", "kind": "staff", "roles": [], "aud": "centro", "exp": 9_999_999_999}
    token = jwt.encode(good | claims, TOKENS._jwt_key, algorithm="HS256")
    with pytest.raises(Unauthorized):
        TOKENS.read(token, START)


def test_a_capability_opens_the_one_thing_it_was_made_for() -> None:
    assert TOKENS.order_of(TOKENS.for_order("PED7K3Q9X")) == "PED7K3Q9X"
    assert TOKENS.chat_of(TOKENS.for_chat("c1")) == "c1"


def test_a_token_of_one_kind_never_passes_for_another() -> None:
    assert TOKENS.order_of(TOKENS.for_chat("same")) is None
    assert TOKENS.chat_of(TOKENS.for_order("same")) is None
    assert TOKENS.order_of(TOKENS.issue(MANAGER, START, SHIFT)) is None


def test_the_mac_of_one_order_is_no_good_for_another() -> None:
    _, _, mac = TOKENS.for_order("PED1").partition(".")
    assert TOKENS.order_of(f"PED2.{mac}") is None


@pytest.mark.parametrize(
    "token", ["", ".", "PED1", "PED1.", ".PED1", "PED1." + "A" * 22, "PED1.é", "\udcff.x", "PED1.\x00", "x" * 100_000]
)
def test_a_capability_of_another_shape_opens_nothing(token: str) -> None:
    assert TOKENS.order_of(token) is None
    assert TOKENS.chat_of(token) is None


@settings(deadline=None)
@given(token=st.text(), cut=st.integers(1, 21))
def test_no_text_opens_anything_and_no_part_of_a_token_does(token: str, cut: int) -> None:
    assert TOKENS.order_of(token) is None
    whole = TOKENS.for_order("PED1")
    assert TOKENS.order_of(whole[:-cut]) is None
    assert TOKENS.order_of(whole + token) == (None if token else "PED1")


def test_a_role_that_only_a_newer_hub_knows_gives_no_rights() -> None:
    claims = {
        "sub": "x",
        "name": "X",
        "kind": "staff",
        "roles": ["owner", "kitchen"],
        "aud": "centro",
        "life": "1",
        "exp": 9_999_999_999,
    }
    principal = TOKENS.read(jwt.encode(claims, TOKENS._jwt_key, algorithm="HS256"), START)
    assert principal.roles == {Role.KITCHEN}
